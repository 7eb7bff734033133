import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { DeviceNode } from '../../../reconcilers/container-facts.ts'
import { grantsFor } from '../../../reconcilers/runc/bundle/grants.ts'
import { describeRunc } from '../../../reconcilers/runc/describe.ts'
import { runc } from '../../../reconcilers/runc/index.ts'
import { judgeContainers } from '../../../reconcilers/runc/judge.ts'
import { planRunc } from '../../../reconcilers/runc/plan.ts'
import { reconcile } from '../contract-suite.ts'
import { createFakeHost } from '../fake/host.ts'
import { readyImage } from '../fake/images.ts'
import { at, bundleOf, containerSpec } from './bundles.ts'
import {
  configOf,
  containerObject,
  exited,
  imageReference,
  lintedFaults,
  observedWith,
  onlyOf,
  seenFor,
  specOf,
} from './looks.ts'

const node = { type: 'c' as const, major: 188, minor: 0, mode: 0o660, uid: 0, gid: 20 }
const byId = '/dev/serial/by-id/usb-stick'
const stick = { source: byId, target: '/dev/ttyACM0', permissions: 'r' }

describe('devices of an object', () => {
  const taken: readonly (readonly [string, object])[] = [
    ['a text', { devices: ['/dev/dri'] }],
    ['another path, and fewer rights', { devices: [stick] }],
    ['one device at two places', { devices: [byId, { source: byId, target: '/dev/zigbee' }] }],
  ]
  for (const [says, members] of taken) {
    it(`may be ${says}`, () => assert.deepEqual(lintedFaults(members), []))
  }
  const to = (target: string): object => ({ devices: [{ source: '/dev/x', target }] })
  const refused: readonly (readonly [string, object, RegExp])[] = [
    ['out of /dev', to('/etc/passwd'), /^c\.devices\.0\.target: must be a path below \/dev/],
    ['in /proc', to('/proc/x'), /target: must be a path below \/dev/],
    ['up from /dev', to('/dev/../etc/x'), /target: must have no empty part, no \. or \.\./],
    ['/dev itself', to('/dev'), /target: must be a path below \/dev/],
    ['a terminal', to('/dev/pts/0'), /target: terminals/],
    ['over what all have', to('/dev/null'), /target: is what every container has/],
    ['in shared memory', to('/dev/shm/x'), /target: is what every container has/],
    [
      'twice at one place',
      { devices: ['/dev/a', { source: '/dev/b', target: '/dev/a' }] },
      /\.1: is al/,
    ],
    [
      'in a mount, which may be of the host',
      { devices: ['/dev/a/b'], mounts: [{ volume: 'v', path: '/dev/a' }] },
      /c\.devices\.0: has the place of a mount of the container: \/dev\/a/,
    ],
    ['above memory', { devices: ['/dev/a'], tmpfs: ['/dev/a/b'] }, /has the place of a mount/],
    [
      'odd rights',
      { devices: [{ source: '/dev/a', permissions: 'rr' }] },
      /permissions: must be some/,
    ],
    [
      'no rights',
      { devices: [{ source: '/dev/a', permissions: '' }] },
      /permissions: must be some/,
    ],
    [
      'what is no device',
      { devices: [{ source: '/etc/x' }] },
      /source: must be a path below \/dev/,
    ],
    ['nothing', { devices: [{ target: '/dev/x' }] }, /devices\.0\.source: is required/],
  ]
  for (const [says, members, reason] of refused) {
    it(`are not ${says}`, () => assert.match(lintedFaults(members).join('\n'), reason))
  }

  it('need a grant of their path on the host', () => {
    const { container } = containerSpec({ devices: [stick, '/dev/dri', { source: byId }] })
    assert.deepEqual(grantsFor(container), [`device:${byId}`, 'device:/dev/dri'])
  })

  it('are given at their path with their rights, whatever the link is called', () => {
    const devices = [{ ...node, path: byId, real: '/dev/ttyUSB0' }]
    const { config } = bundleOf({ devices: [stick] }, {}, { devices })
    const { mode, ...rest } = node
    assert.deepEqual(at(config, 'linux', 'devices'), [
      { ...rest, path: '/dev/ttyACM0', fileMode: mode },
    ])
    assert.deepEqual(at(config, 'linux', 'resources', 'devices', '1'), {
      ...{ allow: true, type: 'c', major: 188, minor: 0, access: 'r' },
    })
    const mapped = { devices: [stick], user_namespace: true }
    assert.throws(() => bundleOf(mapped, {}, { devices }), /user-namespace: .*name \/dev\/ttyUSB0/)
  })

  it('are moved as a folder', () => {
    const devices = [{ ...node, path: '/dev/dri/by/card0' }]
    const entry = { source: '/dev/dri', target: '/dev/gpu' }
    const { config } = bundleOf({ devices: [entry] }, {}, { devices })
    assert.equal(at(config, 'linux', 'devices', '0', 'path'), '/dev/gpu/by/card0')
  })
})

describe('a device that comes and goes', () => {
  const spec = specOf({ web: containerObject({ devices: [byId] }) })
  const only = onlyOf(spec)
  const record = { ...seenFor(only).record, devices: { [byId]: ['c 188:0'] } }
  const seen = (members: object = {}) => seenFor(only, { record, ...members } as object)
  const look = (now: readonly string[] | null, container: object | null) => {
    const devices = new Map(now === null ? [] : [[byId, now]])
    const observed = observedWith(container === null ? [] : [seen(container)], { devices })
    const [verdict] = judgeContainers(spec, observed)
    const said = verdict === undefined ? null : `${verdict.state}: ${verdict.reason}`
    return [planRunc(spec, observed).map((step) => describeRunc(step).replace(only.id, 'IT')), said]
  }
  const waits = `pending: waits for the device ${byId}`
  const another = `the device ${byId} is another one now`

  it('is waited for', () => {
    assert.deepEqual(look([], null), [[], waits])
    assert.deepEqual(look([], { process: exited(1) }), [[], waits])
    const created = { process: { state: 'created', pid: 7 } }
    assert.deepEqual(look([], created), [[], waits])
    assert.deepEqual(look(['c 188:0'], null)[0], ['create IT', 'start IT'])
  })

  it('takes nothing away from what runs', () => {
    assert.deepEqual(look([], {}), [[], `${waits}, which is gone; runs without`])
    assert.deepEqual(look(['c 188:0'], {}), [[], null])
    assert.deepEqual(look(['c 188:0', 'c 188:1 /b'], {}), [[], null])
    assert.deepEqual(look(null, {}), [[], null])
  })

  it('is attached again where it has become another one', () => {
    assert.deepEqual(look(['c 188:1'], {})[0], [`stop IT: ${another}`])
    assert.deepEqual(look(['c 188:1'], { process: exited(1) })[0], ['create IT', 'start IT'])
    const created = { process: { state: 'created', pid: 7 } }
    assert.deepEqual(look(['c 188:1'], created)[0], [`kill IT: ${another}`])
    const asked = { stopping: { signal: 15, atMs: 0, hadFailed: false }, process: exited(143) }
    assert.deepEqual(look(['c 188:1'], asked)[0], ['create IT', 'start IT'])
  })

  it('does not end what must run once', () => {
    const once = specOf({ web: containerObject({ devices: [byId], restart: 'never' }) })
    const container = seenFor(onlyOf(once), {
      record: { ...record, policy: onlyOf(once).policy },
    } as object)
    const devices = new Map([[byId, ['c 188:1']]])
    assert.deepEqual(planRunc(once, observedWith([container], { devices })), [])
  })

  it('is attached on a host, and then nothing is left to do', async () => {
    const host = createFakeHost()
    host.images.states.set(imageReference, readyImage())
    const config = configOf({ web: containerObject({ devices: [byId] }) })
    const plug = (minor: number): void => {
      const found: readonly DeviceNode[] = [{ ...node, minor, path: byId }]
      host.containers.devices.set(byId, found)
    }
    assert.deepEqual(await reconcile(runc, config, 'h', host.ports), [])
    const minors = (): unknown =>
      [...host.containers.all.values()].map(({ creation }) =>
        at(creation?.config, 'linux', 'devices', '0', 'minor'),
      )
    plug(0)
    await reconcile(runc, config, 'h', host.ports)
    assert.deepEqual(minors(), [0])
    plug(1)
    await reconcile(runc, config, 'h', host.ports)
    await reconcile(runc, config, 'h', host.ports)
    assert.deepEqual(minors(), [1])
    assert.deepEqual(await reconcile(runc, config, 'h', host.ports), [])
  })
})
