import assert from 'node:assert/strict'
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { buildBusybox } from '../registry/busybox.ts'
import { registrySettings, writeSettings } from './container-config.ts'
import { rowOf } from './container-rows.ts'
import type { VirtualHost } from './host.ts'
import { createLab, type Lab } from './lab.ts'
import { Operator } from './operator.ts'
import type { CommandResult } from './processes.ts'
import { type HostedRegistry, serveOn } from './registry-host.ts'

/** A page with a mark, and this many replicas. */
function composeFile(image: string, mark: string, replicas: number): string {
  const page = `mkdir -p /tmp/www; echo ${mark} > /tmp/www/index.html; exec httpd -f -p 80 -h /tmp/www`
  return [
    'services:',
    '  web:',
    `    image: ${image}`,
    `    command: ["sh", "-c", "${page}"]`,
    '    healthcheck: { test: wget -q -O /dev/null http://127.0.0.1/, interval: 1s }',
    '    stop_grace_period: 1s',
    `    deploy: { replicas: ${replicas} }`,
    '',
  ].join('\n')
}

describe('replicas of a service', () => {
  let lab: Lab
  let registry: HostedRegistry
  let hosts: readonly VirtualHost[]

  before(async () => {
    lab = await createLab()
    const box = join(lab.record.folder, 'box')
    await buildBusybox(box)
    registry = await serveOn(await lab.host('registry'), {}, { box })
    hosts = [await lab.host('a'), await lab.host('b'), await lab.host('c')]
    for (const host of hosts) {
      writeSettings(host, { registries: { [registry.host]: registrySettings(host, registry) } })
    }
    await lab.operator.enrol(hosts)
    for (const host of hosts) await host.startAgent()
    for (const host of hosts) {
      await host.waitFor('knows everyone', ({ peers }) => {
        return peers.length === 2 && peers.every((peer) => peer.connected)
      })
    }
    const path = lab.operator.path('cluster.yaml')
    const stack = 'stacks: { shop: { file: shop/compose.yaml, hosts: [a, b, c] } }'
    const logins = `registries: { "${registry.host}": { insecure: true } }`
    writeFileSync(path, `${readFileSync(path, 'utf8')}\n${stack}\n${logins}\n`)
  })
  after(() => lab?.close())

  function write(operator: Operator, mark: string, replicas: number): void {
    mkdirSync(operator.path('shop'), { recursive: true })
    const image = registry.images['box'] ?? ''
    writeFileSync(operator.path('shop/compose.yaml'), composeFile(image, mark, replicas))
  }

  async function covey(operator: Operator, ...args: readonly string[]): Promise<CommandResult> {
    const [first] = hosts
    return await operator.covey([...args, '--to', first?.socketPath ?? ''])
  }

  async function apply(mark: string, replicas: number): Promise<string> {
    write(lab.operator, mark, replicas)
    const { exitCode, stdout, stderr } = await covey(lab.operator, 'apply', '--yes')
    assert.equal(exitCode, 0, stderr + stdout)
    return stderr
  }

  /** The page of each replica that a host has, asked inside of it. */
  async function pagesOf(host: VirtualHost): Promise<readonly string[]> {
    const { stdout } = await host.covey(['ps', '--json'])
    const rows: readonly { name: string }[] = JSON.parse(stdout)
    const own = rows.map(({ name }) => name).filter((name) => name.startsWith('shop-web'))
    const ask = ['wget', '-q', '-O', '-', 'http://127.0.0.1/']
    const pages = own.sort().map((name) => host.covey(['exec', name, '--', ...ask]))
    return (await Promise.all(pages)).map((page) => page.stdout.trim())
  }

  async function allPages(of: readonly VirtualHost[] = hosts): Promise<readonly string[]> {
    return (await Promise.all(of.map(pagesOf))).flat()
  }

  async function expectNothingLeft(): Promise<void> {
    const { exitCode, stdout } = await covey(lab.operator, 'plan', '--detailed-exitcode')
    assert.equal(exitCode, 0, stdout)
    assert.match(stdout, /nothing to do/)
  }

  it('come where there is room, and those that are there stay', async () => {
    await apply('one', 1)
    const [first] = (await Promise.all(hosts.map(pagesOf)))
      .map((pages, index) => (pages.length === 1 ? hosts[index] : undefined))
      .filter((host) => host !== undefined)
    assert.ok(first !== undefined, 'one host has it')
    const { pid } = await rowOf(first, 'shop-web')
    await apply('one', 3)
    assert.deepEqual(await Promise.all(hosts.map(pagesOf)), [['one'], ['one'], ['one']])
    assert.equal((await rowOf(first, 'shop-web')).pid, pid, 'the first one goes on')
    await expectNothingLeft()
  })

  it('are replaced host by host, one version each', async () => {
    const [a] = hosts
    const before = (await a?.status())?.head?.version ?? 0
    const said = await apply('two', 3)
    assert.match(said, /hosts take turns, in 3 versions/)
    assert.equal((await a?.status())?.head?.version, before + 3)
    assert.deepEqual(await allPages(), ['two', 'two', 'two'])
    await expectNothingLeft()
  })

  it('stop at the first host that does not take them', async () => {
    write(lab.operator, 'x; exit 7', 3)
    const failed = await covey(lab.operator, 'apply', '--yes', '--timeout', '12s')
    assert.equal(failed.exitCode, 1, failed.stdout)
    assert.match(failed.stderr + failed.stdout, /shop\/web/)
    const pages = await allPages()
    assert.equal(pages.filter((page) => page === 'two').length, 2, 'the others go on')
    const { stdout } = await covey(lab.operator, 'plan', '--json')
    const changed: readonly { host: string }[] = JSON.parse(stdout).changes
    assert.equal(new Set(changed.map(({ host }) => host)).size, 2, 'two are left')
    await apply('two', 3)
    assert.deepEqual(await allPages(), ['two', 'two', 'two'])
    await expectNothingLeft()
  })

  it('end as one of two operators says, and the other one hears why', async () => {
    const home = join(lab.operator.home, '..', 'bob')
    cpSync(lab.operator.home, home, { recursive: true })
    const bob = new Operator(home)
    write(lab.operator, 'alice', 3)
    write(bob, 'bob', 3)
    const both = await Promise.all([lab.operator, bob].map((each) => covey(each, 'apply', '--yes')))
    const won = both.findIndex(({ exitCode }) => exitCode === 0)
    const lost = both[1 - won]
    assert.deepEqual(both.map(({ exitCode }) => exitCode).sort(), [0, 4], lost?.stderr ?? 'both')
    // Before it signed, at the node, or while it waited for a host: each way names the fields.
    assert.match(lost?.stderr ?? '', /another operator\b.*: shop\/web \(shop-web\) on .*: args/s)
    const mark = won === 0 ? 'alice' : 'bob'
    assert.deepEqual(await allPages(), [mark, mark, mark])
    // The winner's folder is the cluster's from now on.
    if (won === 1) cpSync(bob.folder, lab.operator.folder, { recursive: true })
    await expectNothingLeft()
  })

  it('move together on the hosts that are left when one is lost for good', async () => {
    const [a, b, c] = hosts
    assert.ok(a !== undefined && b !== undefined && c !== undefined)
    const mark = (await pagesOf(a))[0] ?? ''
    await c.powerCut()
    const path = lab.operator.path('cluster.yaml')
    writeFileSync(path, readFileSync(path, 'utf8').replace('hosts: [a, b, c]', 'hosts: [a, b]'))
    await lab.operator.must('host', 'remove', 'c')
    await apply(mark, 3)
    const pages = await Promise.all([a, b].map(pagesOf))
    assert.deepEqual(pages.map(({ length }) => length).sort(), [1, 2])
    assert.deepEqual(pages.flat(), [mark, mark, mark])
    await expectNothingLeft()
    const { peers } = await a.status()
    assert.deepEqual(
      peers.map(({ host }) => host),
      ['b'],
    )
  })
})
