import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Bundle } from '../../../reconcilers/runc/bundle/result.ts'
import { at, bundleFacts, bundleOf, containerSpec } from './bundles.ts'

const base = 1_996_488_704

/** A runtime that mounts what runc does where it matters here. */
const { runtimeSpec } = bundleFacts()
const sys = { destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['ro'] }
const cgroup = { destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup' }
const withSys = {
  runtimeSpec: { ...runtimeSpec, mounts: [...(runtimeSpec['mounts'] as []), sys, cgroup] },
}

function both(object: object): readonly [with_: Bundle, without: Bundle] {
  const secrets = { password: 'jwe' }
  const image = { user: 'web' }
  return [
    bundleOf({ ...object, user_namespace: true }, image, withSys, secrets),
    bundleOf(object, image, withSys, secrets),
  ]
}

describe('a bundle with a user namespace', () => {
  const [bundle, plain] = both({
    mounts: [{ volume: 'data', path: '/data' }],
    files: [{ path: '/etc/app', content: 'x', mode: '0400' }],
    secrets: [{ secret: 'password', path: '/etc/key' }],
    runtime_config: { linux: { sysctl: { 'net.core.somaxconn': '9', 'kernel.shmmni': '7' } } },
  })

  it('has one range of ids that the host uses for nothing else', () => {
    const mapping = [{ containerID: 0, hostID: base, size: 65536 }]
    assert.deepEqual(at(bundle.config, 'linux', 'uidMappings'), mapping)
    assert.deepEqual(at(bundle.config, 'linux', 'gidMappings'), mapping)
    const namespaces = at(bundle.config, 'linux', 'namespaces')
    assert.deepEqual(namespaces, [
      // The agent starts the runtime in the network.
      ...(at(plain.config, 'linux', 'namespaces') as { type: string }[]).slice(0, -1),
      { type: 'user' },
    ])
  })

  it('gives what the host writes to the ids by which the host knows its users', () => {
    const owners = ({ files, secrets, volumes }: Bundle, from = 0): readonly string[] =>
      [...files, ...secrets, ...volumes].map(({ uid, gid }) => `${uid - from}:${gid - from}`)
    const expected = ['0:0', '0:0', '0:0', '33:34', '33:34', '33:34']
    assert.deepEqual(owners(bundle, base), expected)
    assert.deepEqual(owners(plain), expected)
  })

  it('has its root where the root of the namespace may pass', () => {
    assert.deepEqual(at(bundle.config, 'root'), { path: '/run/covey-roots/id', readonly: false })
  })

  it('leaves to the host what belongs to the network', () => {
    assert.deepEqual(at(bundle.config, 'linux', 'sysctl'), { 'kernel.shmmni': '7' })
    assert.deepEqual(bundle.userNamespace, {
      networkSettings: {
        'net.ipv4.ip_unprivileged_port_start': '0',
        'net.ipv4.ping_group_range': '0 2147483647',
        'net.core.somaxconn': '9',
      },
    })
  })

  it('mounts no /sys of the host', () => {
    const mounts = at(bundle.config, 'mounts') as readonly { destination: string; type: string }[]
    const below = mounts.filter(({ destination }) => destination.startsWith('/sys'))
    assert.deepEqual(
      below.map(({ destination, type }) => `${destination} ${type}`),
      ['/sys tmpfs', '/sys/devices/system bind', '/sys/fs/cgroup cgroup'],
    )
  })

  it('is the same in all else', () => {
    const rest = ({ config, stopSignal }: Bundle): unknown => {
      const { root: _root, mounts, linux, ...others } = config
      const {
        namespaces: _n,
        uidMappings: _u,
        gidMappings: _g,
        sysctl: _s,
        ...kept
      } = linux as Record<string, unknown>
      const outside = (mounts as readonly { destination: string }[]).filter(
        ({ destination }) => !/^\/sys(\/devices.*)?$/.test(destination),
      )
      return { others, kept, outside, stopSignal }
    }
    assert.deepEqual(rest(bundle), rest(plain))
    assert.equal('userNamespace' in plain, false)
  })

  const faults: readonly (readonly [string, object, string])[] = [
    [
      'a user that it has not',
      { user: '65536:0' },
      'user-namespace: a user namespace has the ids 0 to 65535, and the user needs 65536',
    ],
    [
      'a group that it has not',
      { user: '0:100000' },
      'user-namespace: a user namespace has the ids 0 to 65535, and the user needs 100000',
    ],
    ...['net/ipv4/tcp_syncookies', 'net.ipv4/../../kernel/x', 'net..x'].map((name) => {
      const message = `with user_namespace, ${name} must be written as net.ipv4.tcp_syncookies, a text`
      const runtime_config = { linux: { sysctl: { [name]: '1' } } }
      return [name, { runtime_config }, `user-namespace: ${message}`] as const
    }),
  ]
  for (const [what, object, message] of faults) {
    it(`refuses ${what}`, () => {
      assert.throws(() => bundleOf({ ...object, user_namespace: true }), { message })
      bundleOf(object)
    })
  }

  it('goes without the network of the host', () => {
    const own = { host_network: true, network: undefined, address: undefined }
    containerSpec({ ...own, user_namespace: false })
    assert.throws(
      () => containerSpec({ ...own, user_namespace: true }),
      /cannot be combined with host_network/,
    )
  })
})
