import assert from 'node:assert/strict'
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import { rowOf } from './container-rows.ts'
import type { VirtualHost } from './host.ts'
import { createLab, type Lab } from './lab.ts'
import type { CommandResult } from './processes.ts'
import { serveStacks } from './serve-stacks.ts'
import { type Laptop, serveSsh } from './ssh-server.ts'
import { until } from './waiting.ts'

/**
 * Writes numbered rows, each after the last one that is there, and notes each start. It ends at
 * once when it is asked to.
 */
const writer = `
trap 'exit 0' TERM
echo start >> /data/starts
n=$(tail -n 1 /data/rows 2>/dev/null || echo 0)
while :; do n=$((n + 1)); echo $n >> /data/rows; sleep 0.1 & wait $!; done
`

const shopFile = (registry: string): string => `
services:
  db:
    image: ${registry}/box
    command: ["sh", "/writer.sh"]
    user: "70:71"
    volumes: ["data:/data", "./writer.sh:/writer.sh:ro"]
  reader:
    image: ${registry}/box
    command: ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 1 & wait $$!; done"]
    volumes: ["data:/seen"]
  web:
    image: ${registry}/box
    command: httpd -f -p 8080 -h /www
    environment: { GREETING: "\${GREETING}" }
volumes:
  data:
`

const volume = '/var/lib/covey/volumes/shop-data_v'

describe('volumes', () => {
  let lab: Lab
  let cloud01: VirtualHost
  let cloud02: VirtualHost
  let laptop: Laptop

  before(async () => {
    lab = await createLab()
    cloud01 = await lab.host('cloud01')
    cloud02 = await lab.host('cloud02')
    const servers = await serveStacks(lab, [cloud01, cloud02])
    const { registry } = servers
    laptop = servers.laptop
    laptop.know({
      'cloud01.example.net': await serveSsh(cloud01, laptop),
      'cloud02.example.net': await serveSsh(cloud02, laptop),
    })
    const layout = lab.operator.path('cluster.yaml')
    const text = readFileSync(layout, 'utf8')
      .replace(/^( {2}cloud01: \{)/m, '$1 ssh: "root@cloud01.example.net",')
      .replace(/^( {2}cloud02: \{)/m, '$1 ssh: "root@cloud02.example.net",')
    const stacks = [
      'stacks:',
      '  shop: { file: shop/compose.yaml, host: cloud01 } # the shop',
      `registries: { "${registry.host}": { insecure: true } }`,
    ]
    writeFileSync(layout, text)
    appendFileSync(layout, `${stacks.join('\n')}\n`)
    mkdirSync(lab.operator.path('shop'))
    writeFileSync(lab.operator.path('shop/compose.yaml'), shopFile(registry.host))
    writeFileSync(lab.operator.path('shop/writer.sh'), writer)
    writeFileSync(lab.operator.path('shop/.env'), 'GREETING=good day\n')
    await cloud01.waitFor('knows cloud02', ({ peers }) => peers.some((peer) => peer.connected))
    await must('apply', '--yes')
    await until('rows are written', async () => (await rows(cloud01)).length > 3)
  })
  after(() => lab?.close())

  const env = (): Readonly<Record<string, string>> => ({
    TMPDIR: '/run',
    COVEY_KEY_DIR: lab.operator.keyFolder,
  })

  async function covey(...args: readonly string[]): Promise<CommandResult> {
    return await laptop.host.covey(['--dir', lab.operator.folder, ...args], { env: env() })
  }

  async function must(...args: readonly string[]): Promise<string> {
    const { exitCode, stdout, stderr } = await covey(...args)
    assert.equal(exitCode, 0, `covey ${args.join(' ')}: ${stderr}${stdout}`)
    return stdout
  }

  /** The rows that are there, each the number after the one before. */
  async function rows(host: VirtualHost): Promise<readonly number[]> {
    const text = (await host.exec('cat', [`${volume}/rows`])).stdout
    const numbers = text
      .split('\n')
      .filter((line) => line !== '')
      .map(Number)
    for (const [index, number] of numbers.entries()) assert.equal(number, index + 1)
    return numbers
  }

  async function starts(host: VirtualHost): Promise<number> {
    return (await host.exec('cat', [`${volume}/starts`])).stdout.split('\n').length - 1
  }

  async function runs(host: VirtualHost): Promise<void> {
    for (const object of ['shop-db', 'shop-reader']) {
      await until(`${object} runs`, async () => (await rowOf(host, object)).state === 'running')
    }
    const before = (await rows(host)).length
    await until('it writes', async () => (await rows(host)).length > before)
  }

  /** A move that is killed while content arrives. */
  async function killedMove(words: readonly string[], to: VirtualHost): Promise<void> {
    const moving = laptop.host.spawn('env', [
      ...Object.entries(env()).map(([name, value]) => `${name}=${value}`),
      ...['covey', 'volume', 'move', ...words, '--yes', '--dir', lab.operator.folder],
    ])
    await until('content arrives', async () => {
      const script =
        'test $(du -sk /var/lib/covey/volumes/.incoming-shop-data_v | cut -f 1) -gt 9000'
      return (await to.exec('sh', ['-c', script])).exitCode === 0
    })
    moving.signal('SIGKILL')
    await moving.ended.catch(() => undefined)
  }

  const archive = (): string => lab.operator.path('data.tar.zst')

  it('take files by covey cp, which a command of covey run sees', async () => {
    const path = lab.operator.path('note')
    writeFileSync(path, 'by hand\n')
    await must('cp', path, 'db:/data/note')
    assert.equal(await must('run', '--rm', 'reader', '--', 'cat', '/seen/note'), 'by hand\n')
    await must('cp', 'shop/reader:/seen/note', `${path}.back`)
    assert.equal(readFileSync(`${path}.back`, 'utf8'), 'by hand\n')
    const greet = ['sh', '-c', 'echo $GREETING; exit 7']
    const ran = await covey('run', 'web', '--', ...greet)
    assert.deepEqual([ran.stdout, ran.exitCode], ['good day\n', 7], ran.stderr)
    const left = await cloud01.must('find', ['/run/covey/secrets', '-name', '*+run*'])
    assert.equal(left, '', 'what such a container had is gone with it')
  })

  it('are used by services of which covey says where they are, and who may ask them', async () => {
    assert.match(await must('why', 'shop/web', '--from', 'db'), /ok +policy +shop\/db may ask it/)
    const kept = await covey('why', 'db', '--from', 'host:cloud02')
    assert.equal(kept.exitCode, 1, kept.stderr)
    assert.match(kept.stdout, /ok +tunnel +cloud02 and cloud01 talk to each other/)
    assert.match(kept.stdout, /broken +policy +host:cloud02 may not ask it/)
    assert.match(kept.stdout, /x-covey: \{ allow: \{ from: \["host:cloud02"\] \} \}/)
    const other = await covey('restart', 'web', '--host', 'cloud02')
    assert.match(`${other.exitCode} ${other.stderr}`, /^2 .*web is on cloud01, which is not asked/)
  })

  it('are saved while what uses them is stopped, and put back', async () => {
    const web = (await rowOf(cloud01, 'shop-web')).pid
    await must('volume', 'backup', 'shop/data', '-o', archive())
    await runs(cloud01)
    assert.equal(await starts(cloud01), 2)
    assert.equal((await rowOf(cloud01, 'shop-web')).pid, web, 'what does not use it goes on')
    const saved = (await rows(cloud01)).length
    await until('more is written', async () => (await rows(cloud01)).length > saved + 5)
    await must('volume', 'restore', 'shop/data', archive(), '--replace')
    await runs(cloud01)
    // The archive had one start, and the container that came back is the second.
    assert.equal(await starts(cloud01), 2)
    const owner = await cloud01.must('stat', ['-c', '%u:%g', `${volume}/rows`])
    assert.equal(owner.trim(), '70:71')
  })

  it('are saved while they are in use after a command that ended well', async () => {
    const before = await starts(cloud01)
    const backup = ['volume', 'backup', 'shop/data', '-o', archive(), '--before', 'shop/db', '--']
    await must(...backup, 'sh', '-c', 'cp /data/rows /data/dump')
    assert.equal(await starts(cloud01), before, 'nothing was stopped')
    const inside = await laptop.host.must('tar', ['--zstd', '-tf', archive()])
    assert.match(inside, /^\.\/dump$/m)
    const failed = await covey(...backup, 'sh', '-c', 'exit 7')
    assert.equal(failed.exitCode, 1)
    assert.match(failed.stderr, /exit code 7 in shop\/db; nothing was saved/)
  })

  it('start again where the command that saves them is killed', async () => {
    const before = await starts(cloud01)
    await cloud01.must('sh', ['-c', `head -c 150000000 /dev/urandom > ${volume}/large`])
    const args = ['volume', 'backup', 'shop/data', '-o', archive(), '--direct']
    const saving = laptop.host.spawn('env', [
      ...Object.entries(env()).map(([name, value]) => `${name}=${value}`),
      ...['covey', ...args, '--dir', lab.operator.folder],
    ])
    await until('it is stopped', async () => (await rowOf(cloud01, 'shop-db')).pid === null)
    saving.signal('SIGKILL')
    await saving.ended.catch(() => undefined)
    await runs(cloud01)
    assert.equal(await starts(cloud01), before + 1)
  })

  it('move to another host with all that was written, also after kill -9', async () => {
    await killedMove(['shop/data', 'cloud02'], cloud02)
    const written = (await rows(cloud01)).length
    await cloud02.kill9()
    await cloud02.startAgent()
    await cloud02.waitFor('waits for the data', ({ objects }) => {
      const db = objects.find(({ name }) => name === 'shop-db')
      return /waits for its data from cloud01/.test(db?.reason ?? '')
    })
    assert.equal((await rows(cloud01)).length, written, 'nobody writes at the old place any more')
    await must('volume', 'move', 'shop/data', 'cloud02', '--yes')
    await runs(cloud02)
    assert.ok((await rows(cloud02)).length > written)
    assert.equal((await rows(cloud01)).length, written, 'the old host keeps what it had')
    assert.equal((await rowOf(cloud01, 'shop-web')).state, 'running')
    const layout = readFileSync(lab.operator.path('cluster.yaml'), 'utf8')
    assert.match(layout, /compose.yaml, hosts: \[cloud01, cloud02\] \} # the shop/)
    const plan = await covey('plan', '--detailed-exitcode')
    assert.equal(plan.exitCode, 0, plan.stdout + plan.stderr)
  })

  it('do not move where content would be lost, and are removed when that is said', async () => {
    const refused = await covey('volume', 'move', 'shop/db', 'cloud01', '--yes')
    assert.equal(refused.exitCode, 4, refused.stderr)
    assert.match(refused.stderr, /this host has content in a volume shop-data_v/)
    assert.equal((await covey('plan', '--detailed-exitcode')).exitCode, 0, 'nothing has changed')
    await runs(cloud02)
    const before = (await rows(cloud02)).length
    await killedMove(['shop/db', 'cloud01', '--replace'], cloud01)
    await must('volume', 'move', 'shop/data', 'cloud02', '--yes')
    await runs(cloud02)
    assert.ok((await rows(cloud02)).length > before, 'a move back calls off what has not ended')
    await must('volume', 'remove', 'shop/data', '--host', 'cloud01', '--yes')
    const used = await covey('volume', 'remove', 'shop/data', '--host', 'cloud02', '--yes')
    assert.equal(used.exitCode, 4, used.stderr)
    assert.notEqual((await cloud01.exec('ls', [volume])).exitCode, 0)
  })
})
