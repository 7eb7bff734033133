import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { buildBusybox } from '../registry/busybox.ts'
import { buildDebianNginx, nginxPage } from '../registry/debian-nginx.ts'
import { hasApplied } from './agent-status.ts'
import { buildCovey } from './bundled.ts'
import type { Hosts } from './config-hosts.ts'
import {
  container,
  registrySettings,
  withContainerNetworks,
  writeSettings,
} from './container-config.ts'
import { processesWith, rowOf } from './container-rows.ts'
import { coveyPath, sourcesPath, type VirtualHost } from './host.ts'
import { createLab, type Lab } from './lab.ts'
import { PageWatch, watchCommand } from './page-watch.ts'
import { type HostedRegistry, serveOn } from './registry-host.ts'
import { until } from './waiting.ts'

const webAddress = '10.69.101.10'
const clientAddress = '10.69.102.10'
const pullMsMax = 180_000

/** The traces of containers on a host. */
async function traces(host: VirtualHost): Promise<string> {
  const folders = '/run/netns /run/covey/containers /run/covey/runc /var/lib/covey/containers'
  const found = await host.must('sh', ['-c', `find ${folders} -mindepth 1; ip -brief link`])
  const mounts = await host.must('cat', ['/proc/self/mountinfo'])
  const supervisors = await processesWith(host, 'conmon')
  const lines = [
    ...found.split('\n'),
    // A host inherits the mounts of the machine, and other tests make some there.
    ...mounts
      .split('\n')
      .filter((each) => /^(\S+ ){4}\/(run|var\/lib)\/covey.* overlay /.test(each)),
  ]
  return [...lines.filter((each) => /covey-|^cv-/.test(each)), ...supervisors].join('\n')
}

describe('containers of a cluster', () => {
  let lab: Lab
  let registry: HostedRegistry
  let cloud01: VirtualHost
  let home01: VirtualHost
  let watch: PageWatch
  let hosts: Hosts

  before(async () => {
    const nginx = await buildDebianNginx()
    lab = await createLab()
    const busybox = join(lab.record.folder, 'busybox')
    await buildBusybox(busybox)
    const images = { nginx: nginx.layout, busybox }
    registry = await serveOn(await lab.host('registry'), { tls: true, auth: 'token' }, images)
    cloud01 = await lab.host('cloud01')
    home01 = await lab.host('home01', { nat: true })
    for (const host of [cloud01, home01]) {
      writeSettings(host, { registries: { [registry.host]: registrySettings(host, registry) } })
    }
    await lab.operator.enrol([cloud01, home01])
    await Promise.all([cloud01.startAgent(), home01.startAgent()])
    watch = new PageWatch(home01, 'client')
  })
  after(() => lab?.close())

  /** Waits until every object of both hosts is converged. */
  async function settled(): Promise<void> {
    for (const host of [cloud01, home01]) {
      await host.waitFor('is in sync', ({ state }) => state === 'in-sync', pullMsMax)
    }
  }

  it('serve a page of a real Debian image, from a real registry, through WireGuard', async () => {
    const found = withContainerNetworks(await lab.operator.hosts())
    const { nginx = '', busybox = '' } = registry.images
    const command = watchCommand(webAddress, nginxPage.trim())
    hosts = {
      cloud01: { ...found['cloud01'], web: container(nginx, webAddress) },
      home01: { ...found['home01'], client: container(busybox, clientAddress, { command }) },
    }
    const version = await lab.operator.release(hosts, home01)
    await cloud01.waitFor('has applied it', (status) => hasApplied(status, version), pullMsMax)
    await settled()
    await watch.goesOn()
    const links = await home01.must('ip', ['route', 'get', webAddress])
    assert.match(links, / dev wg_cluster /)
    assert.equal((await rowOf(cloud01, 'web')).state, 'running')
  })

  it('go on, and are taken up again, when the agent is killed', async () => {
    await watch.goesOn()
    const [before, row] = [await watch.seen(), await rowOf(cloud01, 'web')]
    await cloud01.kill9()
    await watch.goesOn()
    await cloud01.startAgent()
    await settled()
    await watch.goesOn()
    assert.equal((await watch.seen()).failed, before.failed, 'the page went away')
    assert.deepEqual(await rowOf(cloud01, 'web'), row)
  })

  it('go on while the agent is upgraded', async () => {
    // From the build to the sources, or from the sources to a build.
    const build = buildCovey()
    const other = coveyPath === sourcesPath ? build.path : sourcesPath
    try {
      const [before, row] = [await watch.seen(), await rowOf(cloud01, 'web')]
      await cloud01.stopAgent()
      await watch.goesOn()
      await cloud01.startAgent(other)
      await settled()
      await watch.goesOn()
      assert.equal((await watch.seen()).failed, before.failed, 'the page went away')
      assert.deepEqual(await rowOf(cloud01, 'web'), row)
      // Either has to be able to pull.
      await cloud01.must(other, ['image', 'pull', registry.images['busybox'] ?? ''])
      await cloud01.must(other, ['image', 'prune'])
      await cloud01.stopAgent()
      await cloud01.startAgent()
    } finally {
      build.remove()
    }
  })

  it('are started again when somebody kills them', async () => {
    const before = await rowOf(cloud01, 'web')
    await cloud01.must('kill', ['-9', String(before.pid)])
    const row = await until('it runs again', async () => {
      const now = await rowOf(cloud01, 'web')
      return now.state === 'running' && now.pid !== before.pid && now
    })
    assert.equal(row.restarts, before.restarts + 1)
    await watch.goesOn()
    await settled()
  })

  it('come back when somebody kills their supervisor', async () => {
    const [conmon, ...others] = await processesWith(cloud01, 'conmon', 'covey-web')
    assert.ok(conmon !== undefined && others.length === 0)
    await cloud01.must('kill', ['-9', String(conmon)])
    const isAnother = (pid: number): boolean => pid !== conmon
    await until('another supervisor', async () =>
      (await processesWith(cloud01, 'conmon', 'covey-web')).some(isAnother),
    )
    await watch.goesOn()
    await settled()
  })

  it('come back after a power cut, also while the registry is down', async () => {
    await registry.down()
    await cloud01.powerCut()
    await watch.breaks()
    await cloud01.boot()
    await cloud01.startAgent()
    await watch.goesOn()
    await home01.powerCut()
    await home01.boot()
    await home01.startAgent()
    await watch.goesOn()
    await settled()
    await registry.up()
  })

  it('answer covey logs, exec, events and image on their host', async () => {
    const covey = async (...args: readonly string[]): Promise<string> =>
      await cloud01.must('covey', args)
    const events = cloud01.spawn('covey', ['events', '--json'])
    await until('events are told', async () => {
      const said = await covey('exec', 'web', '--', 'sh', '-c', 'id -u; exit 0')
      assert.equal(said, '0\n')
      return true
    })
    const failed = await cloud01.covey(['exec', 'web', '--', 'sh', '-c', 'echo bad >&2; exit 7'])
    assert.deepEqual(failed, { exitCode: 7, stdout: '', stderr: 'bad\n' })
    const lines = (await covey('logs', '--tail', '3', 'web')).trim().split('\n')
    assert.equal(lines.length, 3)
    for (const line of lines) assert.ok(line.includes(`${clientAddress} - - [`), line)
    const listed = JSON.parse(await covey('image', 'list', '--json'))
    assert.deepEqual(
      listed.images.map((each: { used_by: unknown }) => each.used_by),
      [['web']],
    )
    const { busybox = '' } = registry.images
    await covey('image', 'pull', busybox)
    assert.equal(JSON.parse(await covey('image', 'list', '--json')).images.length, 2)
    await covey('image', 'prune')
    assert.equal(JSON.parse(await covey('image', 'list', '--json')).images.length, 1)
    await cloud01.must('kill', ['-9', String((await rowOf(cloud01, 'web')).pid)])
    await until('the end is told', () => /"event":"container".*"web"/.test(events.output()))
    events.signal('SIGTERM')
    await events.ended
    await watch.goesOn()
  })

  it('go with their objects, and leave nothing', async () => {
    const { cloud01: first = {}, home01: second = {} } = hosts
    const { web: _web, ...withoutWeb } = first
    const { client: _client, ...withoutClient } = second
    const version = await lab.operator.release(
      { cloud01: withoutWeb, home01: withoutClient },
      cloud01,
    )
    for (const host of [cloud01, home01]) {
      await host.waitFor('has applied it', (status) => hasApplied(status, version))
      await until(`${host.name} has nothing left`, async () => {
        const left = await traces(host)
        if (left !== '') throw new Error(left)
        return true
      })
    }
  })
})
