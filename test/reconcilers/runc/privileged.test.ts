import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { lintConfig } from '../../../reconcilers/lint.ts'
import { grantFault } from '../../../reconcilers/runc/bundle/grants.ts'
import { runc } from '../../../reconcilers/runc/index.ts'
import { judgeContainers } from '../../../reconcilers/runc/judge.ts'
import { privilegeGrant } from '../../../reconcilers/runc/offers/privileges.ts'
import { createOneOff } from '../../../reconcilers/runc/one-off/one-off.ts'
import { reconcile } from '../contract-suite.ts'
import { createFakeHost } from '../fake/host.ts'
import { readyImage } from '../fake/images.ts'
import { at, bundleOf, containerSpec } from './bundles.ts'
import { configOf, containerObject, imageReference } from './looks.ts'

const node = { type: 'c' as const, major: 7, minor: 0, mode: 0o600, uid: 0, gid: 0 }

describe('a privileged container', () => {
  it('has what its agent may give, and nothing masked', () => {
    const hostDevices = ['/dev/x', '/dev/null', '/dev/pts/3', '/dev/shm/a', '/dev/own'].map(
      (path) => ({ ...node, path }),
    )
    const devices = [{ ...node, path: '/dev/y' }]
    const members = {
      privileged: true,
      devices: [{ source: '/dev/y', target: '/dev/own' }],
      capabilities: { drop: ['CHOWN'] },
    }
    const { config } = bundleOf(members, {}, { hostDevices, devices })
    const linux = (...path: readonly string[]): unknown => at(config, 'linux', ...path)
    assert.deepEqual(at(config, 'process', 'capabilities', 'bounding'), ['CAP_SYS_ADMIN'])
    assert.deepEqual(linux('maskedPaths'), [])
    assert.deepEqual(linux('readonlyPaths'), [])
    assert.equal(linux('seccomp'), undefined)
    assert.deepEqual(linux('resources', 'devices'), [{ allow: true, access: 'rwm' }])
    const paths = (linux('devices') as { path: string }[]).map(({ path }) => path)
    assert.deepEqual(paths, ['/dev/own', '/dev/x'])
    const types = (linux('namespaces') as { type: string }[]).map(({ type }) => type)
    assert.deepEqual(types, ['pid', 'ipc', 'uts', 'mount', 'cgroup', 'network'])
  })

  it('is none without the word, whatever the host has', () => {
    const { config } = bundleOf({}, {}, { hostDevices: [{ ...node, path: '/dev/x' }] })
    assert.notEqual(at(config, 'linux', 'seccomp'), undefined)
    assert.deepEqual(at(config, 'linux', 'devices'), [])
  })

  it('is granted by its service, or else by its object', () => {
    const grantOf = (labels: object): string =>
      privilegeGrant(containerSpec({ labels }).container, 'shop-web')
    assert.equal(grantOf({}), 'privileged:shop-web')
    assert.equal(grantOf({ 'covey.service': 'shop/web' }), 'privileged:shop/web')
    for (const text of ['privileged:shop/web', 'privileged:web', 'privileged:a.b_c-d/e']) {
      assert.equal(grantFault(text), undefined)
    }
    for (const text of [
      'privileged',
      'privileged:',
      'privileged:*',
      'privileged:a/b/c',
      'privileged:../x',
    ]) {
      assert.ok(grantFault(text), text)
    }
  })

  it('has no user namespace beside it', () => {
    const config = configOf({ c: containerObject({ privileged: true, user_namespace: true }) })
    assert.match(JSON.stringify(lintConfig(config)), /cannot be combined with privileged/)
  })
})

describe('a container that asks to be privileged', () => {
  it('runs without, says so, and is made again when its host has another mind', async () => {
    const host = createFakeHost()
    host.images.states.set(imageReference, readyImage())
    const config = configOf({ web: containerObject({ privileged: true }) })
    const { spec } = runc.resolve(config, 'h')
    const signal = new AbortController().signal
    const isOn = (): boolean => {
      const [container, ...more] = host.containers.all.values()
      assert.deepEqual(more, [])
      assert.equal(container?.process.state, 'running')
      return at(container.creation?.config, 'linux', 'seccomp') === undefined
    }
    const settle = async (): Promise<unknown> => {
      for (let round = 0; round < 3; round++) await reconcile(runc, config, 'h', host.ports)
      assert.deepEqual(await reconcile(runc, config, 'h', host.ports), [])
      return judgeContainers(spec, await runc.observe(spec, host.ports, signal))
    }
    const reason =
      'runs UNPRIVILEGED: its host does not grant it; there, as root: covey host grant privileged:web'
    host.containers.grants.add('privileged:we').add('host-network')
    assert.deepEqual(await settle(), [{ object: 'web', state: 'converged', reason }])
    assert.equal(isOn(), false)
    host.containers.grants.add('privileged:web')
    assert.deepEqual(await settle(), [])
    assert.equal(isOn(), true)
    host.containers.grants.delete('privileged:web')
    assert.deepEqual(await settle(), [{ object: 'web', state: 'converged', reason }])
    assert.equal(isOn(), false)
  })

  it('has its rights for one command too', async () => {
    const host = createFakeHost()
    host.images.states.set(imageReference, readyImage())
    const signal = new AbortController().signal
    const isOn = async (labels: object, name: string): Promise<boolean> => {
      const config = configOf({ web: containerObject({ privileged: true, labels }) })
      const order = { object: 'web', name, entrypoint: null, command: ['id'] }
      const { id } = await createOneOff(config, 'h', order, host.ports, signal)
      const made = host.containers.all.get(id)?.creation?.config
      return at(made, 'linux', 'seccomp') === undefined
    }
    host.containers.grants.add('privileged:web+run1')
    assert.equal(await isOn({}, 'web+run1'), false)
    host.containers.grants.add('privileged:web')
    assert.equal(await isOn({}, 'web+run2'), true)
    assert.equal(await isOn({ 'covey.service': 'shop/web' }, 'web+run3'), false)
    host.containers.grants.add('privileged:shop/web')
    assert.equal(await isOn({ 'covey.service': 'shop/web' }, 'web+run4'), true)
  })
})
