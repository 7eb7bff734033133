import assert from 'node:assert/strict'
import { appendFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { rowOf } from './container-rows.ts'
import type { VirtualHost } from './host.ts'
import { createLab, type Lab } from './lab.ts'
import type { CommandResult } from './processes.ts'
import type { HostedRegistry } from './registry-host.ts'
import { serveStacks } from './serve-stacks.ts'
import { type Laptop, serveSsh } from './ssh-server.ts'
import { until } from './waiting.ts'

const pullMsMax = 180_000
const secretText = 'correct-horse-battery'

/** The Compose file of a small shop: a page, a store with a volume, a worker, a migration. */
const shopFile = `
x-common: &common
  image: \${REGISTRY}/box
  restart: unless-stopped
  stop_signal: SIGKILL
services:
  web:
    <<: *common
    command: httpd -f -p 8080 -h /www
    ports: ["80:8080"]
    volumes:
      - ./page.html:/www/index.html:ro
    depends_on:
      migrate: { condition: service_completed_successfully }
    healthcheck:
      test: wget -q -O /dev/null http://127.0.0.1:8080/
      interval: 1s
  db:
    <<: *common
    command:
      - sh
      - -c
      - |
        echo "$$POSTGRES_PASSWORD" > /data/seen; echo "$$0" > /data/given
        exec httpd -f -p 5432 -h /data
      - "\${DB_PASSWORD}"
    healthcheck:
      test: test "$$POSTGRES_PASSWORD$$(cat /data/given)" = "\${DB_PASSWORD}\${DB_PASSWORD}"
      interval: 1s
    environment:
      POSTGRES_PASSWORD: \${DB_PASSWORD}
    volumes: ["data:/data"]
  migrate:
    image: \${REGISTRY}/box
    restart: "no"
    command: sh -c "until wget -q -O /dev/null http://db:5432/seen; do sleep 0.2; done"
    depends_on: [db]
  worker:
    <<: *common
    command: sh -c "while :; do wget -q -O - http://web:8080/ && sleep 1; done"
    init: true
    user: "1000:1001"
volumes:
  data:
`

const siteFile = `
services:
  web:
    image: \${REGISTRY}/box
    command:
      - sh
      - -c
      - |
        /bin/timeout 3 /bin/wget -q -O - http://db.shop:5432/seen
        case $$? in 1 | 143) echo refused ;; *) echo odd ;; esac
        exec httpd -f -p 80 -h /www
    ports: ["8080:80"]
    stop_grace_period: 1s
`

describe('stacks of Compose files', () => {
  let lab: Lab
  let registry: HostedRegistry
  let cloud01: VirtualHost
  let cloud02: VirtualHost
  let laptop: Laptop

  before(async () => {
    lab = await createLab()
    cloud01 = await lab.host('cloud01')
    cloud02 = await lab.host('cloud02')
    const servers = await serveStacks(lab, [cloud01, cloud02])
    registry = servers.registry
    laptop = servers.laptop
    laptop.know({ 'cloud01.example.net': await serveSsh(cloud01, laptop) })
    await cloud01.waitFor('knows cloud02', ({ peers }) => peers.some((peer) => peer.connected))
  })
  after(() => lab?.close())

  /** The covey command on the laptop, which holds the operator's folder and no agent. */
  async function covey(...args: readonly string[]): Promise<CommandResult> {
    const env = { TMPDIR: '/run', COVEY_KEY_DIR: lab.operator.keyFolder }
    const to = ['--dir', lab.operator.folder, '--to', 'ssh://root@cloud01.example.net']
    return await laptop.host.covey([...args, ...to], { env })
  }

  async function must(...args: readonly string[]): Promise<string> {
    const { exitCode, stdout, stderr } = await covey(...args)
    assert.equal(exitCode, 0, `covey ${args.join(' ')}: ${stderr}${stdout}`)
    return stdout
  }

  function write(name: string, text: string): void {
    const path = lab.operator.path(name)
    mkdirSync(join(path, '..'), { recursive: true })
    writeFileSync(path, text)
  }

  async function settled(): Promise<void> {
    for (const host of [cloud01, cloud02]) {
      await host.waitFor('is in sync', ({ state }) => state === 'in-sync', pullMsMax)
    }
  }

  /** Waits until cloud01 publishes this page. */
  async function pageIs(text: string): Promise<void> {
    const ask = ['-T', '3', '-q', '-O', '-', 'http://cloud01.example.net/']
    await until(`the page is ${text}`, async () => {
      return (await laptop.host.exec('wget', ask)).stdout === text
    })
  }

  async function logOf(host: VirtualHost, object: string): Promise<string> {
    return (await host.exec('sh', ['-c', `cat /var/lib/covey/logs/${object}/*`])).stdout
  }

  /** Everything that a person may commit, or a host may pass on. */
  function published(): string {
    const all = readdirSync(lab.operator.folder, { recursive: true, withFileTypes: true })
    const paths = all
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
    const kept = /^(history|cluster\.|secrets|operators)/
    return paths
      .filter((path) => kept.test(relative(lab.operator.folder, path)))
      .map((path) => readFileSync(path, 'utf8'))
      .join('\n')
  }

  it('run after one command, in their order, with their secrets', async () => {
    write('shop/compose.yaml', shopFile)
    write('shop/page.html', 'first page\n')
    write('shop/.env', `REGISTRY=${registry.host}\nDB_PASSWORD=${secretText}\n`)
    write('site/compose.yaml', siteFile)
    write('site/.env', `REGISTRY=${registry.host}\n`)
    const stacks = [
      'stacks:',
      '  shop: { file: shop/compose.yaml, host: cloud01, ports: public }',
      '  site: { file: site/compose.yaml, host: cloud02 }',
      `registries: { "${registry.host}": { insecure: true } }`,
    ]
    appendFileSync(lab.operator.path('cluster.yaml'), `${stacks.join('\n')}\n`)
    await must('apply', '--yes')
    await settled()
    await pageIs('first page\n')
    assert.equal((await rowOf(cloud01, 'shop-migrate')).exit_code, 0)
    await until('the worker finds the page by its plain name', async () => {
      return (await logOf(cloud01, 'shop-worker')).includes('first page')
    })
    const seen = await cloud01.must('cat', ['/var/lib/covey/volumes/shop-data_v/seen'])
    assert.equal(seen.trim(), secretText)
    await until('the database is healthy by a check that knows its password', async () => {
      return (await rowOf(cloud01, 'shop-db')).health === 'healthy'
    })
  })

  it('show no secret anywhere, and keep strangers out', async () => {
    const { stdout } = await cloud01.exec('grep', [
      '-rl',
      secretText,
      '/var/lib/covey',
      '/run/covey',
    ])
    assert.deepEqual(
      stdout.split('\n').filter((path) => path !== '' && !/\/(volumes|secrets)\//.test(path)),
      [],
    )
    assert.doesNotMatch(published(), new RegExp(secretText))
    await until('the other stack was refused', async () => {
      return /refused/.test(await logOf(cloud02, 'site-web'))
    })
  })

  it('are the same version where nothing has changed, and another one where it has', async () => {
    const before = await cloud01.status()
    await must('apply', '--yes')
    assert.deepEqual((await cloud01.status()).head, before.head)
    const db = (await rowOf(cloud01, 'shop-db')).pid
    write('shop/page.html', 'second page\n')
    await must('apply', '--yes')
    await settled()
    await pageIs('second page\n')
    assert.equal((await rowOf(cloud01, 'shop-db')).pid, db, 'what did not change goes on')
  })

  it('differ in nothing from the layout after an apply that ended well', async () => {
    const { exitCode, stdout, stderr } = await covey('plan', '--detailed-exitcode', '--json')
    assert.equal(exitCode, 0, stderr)
    const { changes, opens, closes, needs, guards } = JSON.parse(stdout)
    assert.deepEqual(
      { changes, opens, closes, needs, guards },
      {
        ...{ changes: [], opens: [], closes: [], needs: [], guards: [] },
      },
    )
  })

  it('are stopped and started by their services, from the laptop, on both hosts', async () => {
    const path = lab.operator.path('cluster.yaml')
    const before = readFileSync(path, 'utf8')
    const servers = { 'cloud01.example.net': cloud01, 'cloud02.example.net': cloud02 }
    laptop.know({
      'cloud01.example.net': await serveSsh(cloud01, laptop),
      'cloud02.example.net': await serveSsh(cloud02, laptop),
    })
    let layout = before
    for (const name of Object.keys(servers)) {
      const host = new RegExp(`^( {2}${name.split('.')[0]}: \\{)`, 'm')
      layout = layout.replace(host, `$1 ssh: "root@${name}",`)
    }
    writeFileSync(path, layout)
    const onAll = async (...args: readonly string[]): Promise<string> => {
      const env = { TMPDIR: '/run', COVEY_KEY_DIR: lab.operator.keyFolder }
      const asked = await laptop.host.covey([...args, '--dir', lab.operator.folder], { env })
      assert.equal(asked.exitCode, 0, `covey ${args.join(' ')}: ${asked.stderr}${asked.stdout}`)
      return asked.stdout
    }
    const stopped = 'shop/worker on cloud01: stopped\nsite/web on cloud02: stopped\n'
    assert.equal(await onAll('stop', 'worker', 'site'), stopped)
    assert.equal((await rowOf(cloud02, 'site-web')).state, 'stopped')
    // It is as it was asked to be: nothing is waited for, nothing differs.
    await must('apply', '--yes', '--timeout', '30s')
    assert.equal((await covey('plan', '--detailed-exitcode')).exitCode, 0)
    const used: readonly { host: string; service: string; cpu_percent: number | null }[] =
      JSON.parse(await onAll('stats', '--json'))
    assert.deepEqual(
      used.map(({ host, service }) => `${service} on ${host}`),
      ['shop/db on cloud01', 'shop/web on cloud01'],
    )
    assert.ok(used.every(({ cpu_percent }) => cpu_percent !== null))
    const started = 'shop/worker on cloud01: started\nsite/web on cloud02: started\n'
    assert.equal(await onAll('start', 'shop/worker', 'site/web'), started)
    await settled()
    // One host that is away is said, and the other one does what it was asked to.
    writeFileSync(path, layout.replace('root@cloud02.example.net', 'root@away.example.net'))
    laptop.know({ 'cloud01.example.net': await serveSsh(cloud01, laptop) })
    const asked = await laptop.host.covey(
      ['restart', 'worker', 'site', '--dir', lab.operator.folder],
      { env: { TMPDIR: '/run', COVEY_KEY_DIR: lab.operator.keyFolder } },
    )
    assert.equal(asked.exitCode, 5, asked.stderr)
    assert.equal(asked.stdout, 'shop/worker on cloud01: restarted\n')
    assert.match(asked.stderr, /warning: cloud02: /)
    writeFileSync(path, before)
    await settled()
  })

  it('say what failed, and come back by a rollback', async () => {
    const sound = await cloud01.status()
    write('shop/compose.yaml', shopFile.replace('httpd -f -p 8080', 'no-such-program'))
    const planned = await covey('plan', '--detailed-exitcode')
    assert.equal(planned.exitCode, 3)
    assert.match(planned.stdout, /shop\/web on cloud01: args .*no-such-program/)
    const failed = await covey('apply', '--yes', '--timeout', '90s')
    assert.equal(failed.exitCode, 1, failed.stdout)
    assert.match(failed.stderr + failed.stdout, /shop\/web/)
    assert.match(failed.stderr + failed.stdout, /no-such-program/)
    await must('rollback', '--yes')
    await settled()
    const web = await rowOf(cloud01, 'shop-web')
    assert.equal(web.state, 'running')
    assert.notEqual((await cloud01.status()).head?.version, sound.head?.version)
    assert.equal((await covey('plan', '--detailed-exitcode')).exitCode, 3, 'the layout is ahead')
  })
})
