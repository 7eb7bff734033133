import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { clusterOf } from '../../../reconcilers/cluster/index.ts'
import { runc } from '../../../reconcilers/runc/index.ts'
import { judgeContainers } from '../../../reconcilers/runc/judge.ts'
import { resolveRunc } from '../../../reconcilers/runc/resolve.ts'
import { reconcile } from '../contract-suite.ts'
import { createFakeHost } from '../fake/host.ts'
import { readyImage } from '../fake/images.ts'
import { configOf, containerObject, imageReference } from './looks.ts'

type Objects = Readonly<Record<string, object>>

/** A host on which rounds are made by hand. */
function hostWith(objects: Objects) {
  const host = createFakeHost()
  host.images.states.set(imageReference, readyImage())
  const { containers } = host
  let wanted = objects
  const plain = (line: string): string => line.replaceAll(/covey-([a-z]+)-\w+/g, '$1')
  const round = async (): Promise<readonly string[]> =>
    (await reconcile(runc, configOf(wanted), 'h', host.ports)).map(plain)
  return {
    ...{ host, containers, round },
    want: (next: Objects): void => {
      wanted = next
    },
    /** Ids of the containers of an object, the newest last. */
    ids: (object: string): readonly string[] =>
      [...containers.all].filter(([, each]) => each.record?.object === object).map(([id]) => id),
    async says(object: string): Promise<string | null> {
      const { spec } = runc.resolve(configOf(wanted), 'h')
      const observed = await runc.observe(spec, host.ports, new AbortController().signal)
      const said = judgeContainers(spec, observed).find((each) => each.object === object)
      return said === undefined ? null : `${said.state}: ${said.reason}`
    },
  }
}

const web = (...after: readonly (readonly [string, string])[]): object => ({
  ...containerObject(),
  after: after.map(([container, condition]) => ({ container, condition })),
})
const other = (more: object = {}): object => containerObject({ address: '10.70.0.6', ...more })

describe('a container that waits for another one', () => {
  const health = { tcp: { port: 1 } }

  it('is made once that has started, and its image is had before', async () => {
    const on = hostWith({ web: web(['db', 'started']), db: other() })
    on.host.images.states.delete(imageReference)
    assert.deepEqual(await on.round(), [`pull ${imageReference}`, `pull ${imageReference}`])
    on.host.images.states.set(imageReference, readyImage())
    assert.equal(await on.says('web'), 'pending: waits for db to start')
    assert.deepEqual(await on.round(), ['create db', 'start db'])
    assert.deepEqual(await on.round(), ['create web', 'start web'])
    assert.deepEqual(await on.round(), [])
  })

  it('is made once that is healthy, and says why it is not', async () => {
    const on = hostWith({ web: web(['db', 'healthy']), db: other({ health }) })
    await on.round()
    assert.deepEqual(await on.round(), [])
    const wait = 'pending: waits for db to be healthy'
    assert.equal(await on.says('web'), wait)
    const [id = ''] = on.ids('db')
    const db = on.containers.all.get(id)
    assert.ok(db)
    db.health = { state: 'unhealthy', failures: 3, reason: 'port 1 refuses connections' }
    assert.equal(await on.says('web'), `${wait}, and it is unhealthy: port 1 refuses connections`)
    db.health = { state: 'healthy', failures: 0, reason: null }
    assert.deepEqual(await on.round(), ['create web', 'start web'])
  })

  it('says that nothing will come of an image without a check', async () => {
    const on = hostWith({
      web: web(['db', 'healthy']),
      db: other({ health: { from_image: true } }),
    })
    await on.round()
    const wait = 'pending: waits for db to be healthy, and its image has no health check'
    assert.equal(await on.says('web'), wait)
  })

  it('is replaced after what must complete before, which runs once for each change', async () => {
    const objects = (version: string): Objects => ({
      web: { ...web(['job', 'completed']), env: { VERSION: version } },
      job: other({ restart: 'never', env: { VERSION: version } }),
    })
    const on = hostWith(objects('1'))
    assert.deepEqual(await on.round(), ['create job', 'start job'])
    assert.equal(await on.says('web'), 'pending: waits for job to complete')
    on.containers.exit(on.ids('job')[0] ?? '', 0)
    assert.deepEqual(await on.round(), ['record how job ended', 'create web', 'start web'])
    assert.deepEqual(await on.round(), [])
    on.want(objects('2'))
    assert.deepEqual(await on.round(), ['create job', 'start job', 'remove job'])
    const kept = '; the previous container keeps running'
    assert.equal(await on.says('web'), `pending: waits for job to complete${kept}`)
    on.containers.exit(on.ids('job')[0] ?? '', 1)
    const failed = 'and it failed: exit code 1; restart is never'
    await on.round()
    assert.equal(await on.says('web'), `pending: waits for job to complete, ${failed}${kept}`)
    assert.equal(on.ids('web').length, 1)
    on.want({ ...objects('3'), web: objects('2')['web'] ?? {} })
    await on.round()
    on.containers.exit(on.ids('job')[0] ?? '', 0)
    assert.deepEqual(await on.round(), [
      'record how job ended',
      'create web',
      'stop web, start web',
    ])
  })

  it('does not wait once more when it ends, or the host boots', async () => {
    const on = hostWith({ web: web(['db', 'healthy']), db: other({ health }) })
    await on.round()
    const [id = ''] = on.ids('db')
    const db = on.containers.all.get(id)
    assert.ok(db)
    db.health = { state: 'healthy', failures: 0, reason: null }
    await on.round()
    on.containers.exit(id, 1)
    on.containers.exit(on.ids('web')[0] ?? '', 1)
    const steps = await on.round()
    assert.ok(steps.includes('start web'), steps.join())
    on.containers.reboot()
    assert.deepEqual(await on.round(), ['create db', 'start db', 'create web', 'start web'])
  })

  it('waits for what another object keeps as it was', async () => {
    const on = hostWith({ db: other() })
    await on.round()
    on.want({ db: other({ user: 5 }), web: web(['db', 'started']) })
    const steps = await on.round()
    assert.deepEqual(steps.slice(-2), ['create web', 'start web'])
  })
})

describe('a one-shot', () => {
  it('runs once for each revision, also when the host boots', async () => {
    const job = (version: string): Objects => ({
      job: other({ restart: 'never', env: { VERSION: version } }),
    })
    const on = hostWith(job('1'))
    await on.round()
    on.containers.exit(on.ids('job')[0] ?? '', 3)
    assert.deepEqual(await on.round(), ['record how job ended'])
    on.containers.reboot()
    assert.deepEqual(await on.round(), [])
    assert.equal(await on.says('job'), 'failed: exit code 3; restart is never')
    on.want(job('2'))
    assert.deepEqual(await on.round(), ['create job', 'start job', 'remove job'])
    on.containers.reboot()
    assert.deepEqual(await on.round(), [])
  })
})

describe('a container in the network of another one', () => {
  const vpn = (more: object = {}): object => containerObject(more)
  const sharing = (more: object = {}): object => {
    const plain = containerObject(more)
    return { ...plain, network: undefined, address: undefined, network_of: 'vpn' }
  }

  it('waits for that one, and has its namespace and address', async () => {
    const on = hostWith({ app: sharing(), vpn: vpn() })
    assert.equal(
      await on.says('app'),
      'pending: waits for vpn to run, because it shares the network of vpn',
    )
    assert.deepEqual(await on.round(), ['create vpn', 'start vpn'])
    assert.deepEqual(await on.round(), ['create app', 'start app'])
    const { record } = on.containers.all.get(on.ids('app')[0] ?? '') ?? {}
    assert.deepEqual(
      [record?.namespace, record?.address, record?.networkOf],
      ['/run/netns/covey.00000000.vpn', '10.70.0.5', 'vpn'],
    )
    assert.deepEqual(await on.round(), [])
  })

  it('is started again when that one was, and waits as long as it does not run', async () => {
    const on = hostWith({ app: sharing(), vpn: vpn() })
    await on.round()
    await on.round()
    const [id = ''] = on.ids('vpn')
    on.containers.exit(id, 1)
    assert.deepEqual(await on.round(), ['create vpn again', 'start vpn'])
    const why = 'vpn has restarted, and it shares its network'
    assert.deepEqual(await on.round(), [`stop app: ${why}`])
    assert.deepEqual(await on.round(), ['create app again', 'start app'])
    assert.deepEqual(await on.round(), [])
    on.containers.exit(id, 1)
    on.containers.exit(on.ids('app')[0] ?? '', 1)
    await on.round()
    const restarted = on.containers.all.get(id)?.process.state
    assert.equal(restarted, 'exited', 'the second time it waits a second')
    assert.match((await on.says('app')) ?? '', /^pending: waits for vpn to run/)
  })

  it('runs on where it must run once', async () => {
    const on = hostWith({ app: sharing({ restart: 'never' }), vpn: vpn() })
    await on.round()
    await on.round()
    on.containers.exit(on.ids('vpn')[0] ?? '', 1)
    await on.round()
    assert.deepEqual(await on.round(), [])
  })

  it('is another one where that has another address, and found at it', () => {
    const resolved = (address: string) => {
      const objects = { app: sharing({ aliases: ['app.shop'] }), vpn: vpn({ address }) }
      return resolveRunc(clusterOf(configOf(objects)), 'h').spec
    }
    const [one, two] = [resolved('10.70.0.5'), resolved('10.70.0.9')]
    assert.notEqual(one.containers[0]?.revision, two.containers[0]?.revision)
    assert.match(two.hosts, /\n10\.70\.0\.9 app\.h app\n.*10\.70\.0\.9 app\.shop\n/s)
  })
})

describe('relations that cannot be', () => {
  const faults = (objects: Objects): readonly string[] =>
    resolveRunc(clusterOf(configOf(objects)), 'h').faulty.map(
      ({ fault }) => `${fault.path} ${fault.code}: ${fault.message}`,
    )
  const bare = { ...containerObject(), network: undefined, address: undefined }
  const cases: readonly (readonly [string, Objects, readonly string[]])[] = [
    [
      'nobody is waited for',
      { web: web(['db', 'started'], ['net', 'started']) },
      [
        'hosts.h.web.after.0.container reference-missing: no object db on this host',
        'hosts.h.web.after.1.container reference-type: must name a runc_container, but net is container_network',
      ],
    ],
    [
      'what never comes is waited for',
      { web: web(['db', 'healthy'], ['db', 'completed']), db: other() },
      [
        'hosts.h.web.after.0.condition after-condition: db has no health check, so it never becomes healthy',
        'hosts.h.web.after.1.condition after-condition: db has restart always, so it never completes',
      ],
    ],
    [
      'one waits for itself',
      { web: web(['web', 'started']) },
      ['hosts.h.web.after after-circle: waits for itself: web -> web'],
    ],
    [
      'one waits for itself through others, and its network',
      {
        web: web(['db', 'started']),
        db: { ...bare, network_of: 'web' },
        api: { ...other(), after: [{ container: 'web', condition: 'started' }] },
      },
      [
        'hosts.h.db.after after-circle: waits for itself: db -> web -> db',
        'hosts.h.web.after after-circle: waits for itself: web -> db -> web',
      ],
    ],
    [
      'a network is shared that is none of its own',
      {
        web: { ...bare, network_of: 'db' },
        db: { ...bare, network_of: 'near' },
        near: { ...bare, host_network: true },
      },
      [
        'hosts.h.db.network_of network-of: must name a container with a network of its own, and near has none',
        'hosts.h.web.network_of network-of: must name a container with a network of its own, and db has none',
      ],
    ],
    [
      'a network is shared beside one of its own',
      { web: { ...containerObject(), network_of: 'db' }, db: other() },
      ['network', 'address'].map(
        (field) =>
          `hosts.h.web.${field} field-invalid: cannot be set with network_of: the container has the network of db`,
      ),
    ],
  ]
  for (const [says, objects, expected] of cases) {
    it(`are told: ${says}`, () =>
      assert.deepEqual([...faults(objects)].sort(), [...expected].sort()))
  }
})
