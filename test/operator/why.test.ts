import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { meshHost } from './mesh-host.ts'
import { at, healthy } from './status-samples.ts'
import { fakeAgent, openCluster, type Workspace } from './workspace.ts'

const digest = `sha256:${'a'.repeat(64)}`
const image = `registry.lan/web:1@${digest}`

const container = (address: string, service: string): Record<string, unknown> => ({
  ...{ type: 'runc_container', image, network: 'pods', address },
  labels: { 'covey.service': service },
})

const hosts = {
  cloud01: {
    ...meshHost(1),
    'shop-web': container('10.69.1.5', 'shop/web'),
    'shop-db': container('10.69.1.6', 'shop/db'),
    'shop-db_p': {
      type: 'nftables_policy',
      container: 'shop-db',
      ingress: [{ from: 'container:shop-web', ports: ['5432/tcp'] }],
    },
    'shop-web_p': { type: 'nftables_policy', container: 'shop-web', ingress: [] },
    'shop-web_80t': {
      type: 'nftables_publish',
      container: 'shop-web',
      host_port: 80,
      container_port: 8080,
      protocol: 'tcp',
      on: 'lan',
    },
  },
  pi: { ...meshHost(2), far: container('10.69.2.5', 'far') },
}

interface Told {
  readonly row?: object
  readonly object?: object
  readonly status?: object
  readonly images?: readonly string[]
  readonly peers?: readonly object[]
}

/** A node, cloud01, that holds the config above and tells this of `shop-web`. */
async function withAgent(t: TestContext, told: Told = {}): Promise<Workspace> {
  const space = await openCluster(t)
  await space.write('config.json', { hosts })
  await space.must('sign', 'config.json', '-o', 'signed.json')
  const signed = await space.read('signed.json')
  const usual = { pid: 7, image, restarts: 0, exit_code: null, health: 'healthy' }
  const row = { name: 'shop-web', state: 'running', service: 'shop/web', ...usual, ...told.row }
  const db = { ...usual, name: 'shop-db', state: 'running', service: 'shop/db', health: null }
  const object = { type: 'runc_container', state: 'converged', reason: null }
  const objects = [
    { ...object, name: 'shop-web', ...told.object },
    { ...object, name: 'shop-db' },
  ]
  const head = at(1)
  const own = { host: 'cloud01', head, applied: head, objects, hosts: [], peers: told.peers ?? [] }
  const references = told.images ?? [image]
  const images = [{ references, digest, layers: 1, unpacked_bytes: 1, used_by: [] }]
  await fakeAgent(t, space, {
    'GET /v1/config': () => ({ status: 200, body: signed }),
    'GET /v1/status': () => ({ status: 200, body: { ...healthy, ...own, ...told.status } }),
    'GET /v1/containers': () => ({ status: 200, body: [row, db] }),
    'GET /v1/images': () => ({ status: 200, body: { images } }),
    'GET /v1/containers/shop-web/logs': () => ({
      status: 200,
      body: '2026-12-01T10:00:00.000000000+00:00 stderr F cannot open /data\n',
    }),
  })
  return space
}

/** The first broken link, with its hint. */
function brokenIn(out: string): string {
  const lines = out.split('\n')
  const index = lines.findIndex((line) => line.startsWith('  broken'))
  return lines
    .slice(index, index + 2)
    .map((line) => line.trim())
    .join(' | ')
}

describe('covey why', () => {
  it('says of each link that it is well, and ends with 0', async (t) => {
    const space = await withAgent(t)
    const lines = [
      'shop/web on cloud01',
      '  unknown  layout     the layout has no shop/web: the next covey apply removes it',
      '  ok       config     version 1 has it',
      '  ok       host       cloud01 answers',
      '  ok       applied    version 1 is applied',
      '  ok       image      registry.lan/web:1 is on the host',
      '  ok       container  it runs',
      '  ok       health     it is healthy',
      '  ok       object     it is as the config wants it',
      '  ok       ports      80/tcp of cloud01 for the LAN',
    ]
    assert.equal(await space.must('why', 'shop/web'), `${lines.join('\n')}\n`)
    const said = JSON.parse(await space.must('why', 'web', '--json'))
    assert.deepEqual(Object.keys(said), ['well', 'containers'])
    assert.equal(said.well, true)
    const [found] = said.containers
    assert.deepEqual(Object.keys(found), ['host', 'object', 'name', 'links', 'log'])
    const ok = { link: 'config', state: 'ok', text: 'version 1 has it', hint: null }
    assert.deepEqual(found.links[1], ok)
  })

  const cases: readonly (readonly [name: string, told: Told, broken: RegExp])[] = [
    [
      'a host that has not got the newest version',
      { status: { head: at(1), hosts: [{ host: 'pi', head: at(4) }] } },
      /applied +the host holds version 1, and 4 is the newest \| hint: .*covey status/,
    ],
    [
      'a host that was told to keep what it has',
      { status: { state: 'held' } },
      /applied +the host is held \| hint: it was told to keep/,
    ],
    [
      'an image that is missing',
      {
        images: [],
        row: { state: 'waiting' },
        object: { state: 'pending', reason: 'registry.lan cannot be reached' },
      },
      /image .*web:1 is not on the host: registry.lan cannot be reached \| hint: .*image pull/,
    ],
    [
      'a container that somebody has stopped',
      { row: { state: 'exited', exit_code: 0, order: 'stop' } },
      /container +somebody stopped it by hand \| hint: covey start shop\/web/,
    ],
    [
      'a container that ends again and again',
      { row: { state: 'exited', exit_code: 7 }, object: { state: 'failed', reason: 'crash loop' } },
      /container +it ended with 7: crash loop \| hint: covey logs shop\/web/,
    ],
    [
      'a container that is unhealthy',
      { row: { health: 'unhealthy' }, object: { state: 'failed', reason: 'exit code 1: no db' } },
      /health +it is unhealthy: exit code 1: no db \| hint: .*covey exec/,
    ],
    [
      'an object that waits',
      { object: { state: 'pending', reason: 'another one has to start before' } },
      /object +it is pending: another one has to start before/,
    ],
  ]
  for (const [name, told, expected] of cases) {
    it(`finds ${name}: with one hint, the log, and exit code 1`, async (t) => {
      const space = await withAgent(t, told)
      const { exit, out } = await space.covey(['why', 'shop/web'])
      assert.equal(exit, 1)
      assert.match(brokenIn(out), expected)
      assert.equal(out.match(/hint:/g)?.length, 1)
      assert.match(out, /its last lines:\n {4}cannot open \/data\n$/)
    })
  }

  it('says who may ask, by which object, or which line would allow it', async (t) => {
    const space = await withAgent(t)
    const web = await space.must('why', 'shop/db', '--from', 'shop/web')
    assert.match(web, /ok +policy +shop\/web may ask it: 5432\/tcp by shop-db_p\n/)
    // Its letters could be those of an address, too.
    const db = await space.must('why', 'shop/web', '--from', 'db')
    assert.match(db, /ok +policy +shop\/db may ask it: 80\/tcp by shop-web_80t\n/)
    const lan = await space.must('why', 'shop/web', '--from', '192.168.1.7')
    assert.match(lan, /ok +policy +192\.168\.1\.7\/32 may ask it: 80\/tcp by shop-web_80t\n/)
    const refused: readonly (readonly [target: string, from: string, words: string])[] = [
      ['shop/db', 'far', 'far'],
      ['shop/db', 'host:pi', 'host:pi'],
      ['shop/web', '203.0.113.9', '203.0.113.9/32'],
    ]
    for (const [target, from, words] of refused) {
      const { exit, out } = await space.covey(['why', target, '--from', from])
      assert.equal(exit, 1)
      const line = `at ${target} in its Compose file: x-covey: { allow: { from: ["${words}"] } }`
      assert.ok(brokenIn(out).endsWith(line), out)
    }
    const { exit, err } = await space.covey(['why', 'shop/web', '--from', 'nobody'])
    assert.match(`${exit} ${err}`, /^2 .*no container nobody with an address/)
  })

  it('says whether the hosts of both reach each other', async (t) => {
    const peer = { host: 'pi', peer_id: 'p', head: null }
    const up = await withAgent(t, { peers: [{ ...peer, connected: true }] })
    const { out } = await up.covey(['why', 'shop/web', '--from', 'far'])
    assert.match(out, /ok +tunnel +pi and cloud01 talk to each other\n/)
    const down = await withAgent(t, { peers: [{ ...peer, connected: false }] })
    const said = await down.covey(['why', 'shop/web', '--from', 'far'])
    assert.match(brokenIn(said.out), /tunnel +cloud01 does not reach pi \| hint: .*UDP/)
  })

  it('knows a service that is not applied, and none that is nowhere', async (t) => {
    const space = await withAgent(t)
    const layout = await space.read('cluster.yaml')
    const hostLines = 'hosts:\n  cloud01: {}\n'
    const service = `services:\n  late: { image: "${image}", host: cloud01 }\n`
    await space.write(
      'cluster.yaml',
      `${layout.replace(/hosts:[^\n]*\n/, '')}${hostLines}${service}`,
    )
    const { exit, out } = await space.covey(['why', 'late'])
    assert.equal(exit, 1)
    assert.match(brokenIn(out), /config +version 1, .* does not have it \| hint: .*apply/)
    const none = await space.covey(['why', 'nothing'])
    assert.match(`${none.exit} ${none.err}`, /^2 .*no container or service nothing\nhint: /)
    const far = await space.covey(['why', 'far'])
    assert.match(`${far.exit} ${far.err}`, /^2 .*far is on pi, which is not asked/)
  })
})
