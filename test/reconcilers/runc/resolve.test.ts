import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { clusterOf } from '../../../reconcilers/cluster/index.ts'
import { lintConfig } from '../../../reconcilers/lint.ts'
import { resolveRunc } from '../../../reconcilers/runc/resolve.ts'
import { configOf } from '../configs.ts'
import { containerObject, networkObjects, sealedText } from './objects.ts'

const secret = { type: 'secret', jwe: sealedText() }

function resolve(own: object, others: Record<string, unknown> = {}) {
  return resolveRunc(clusterOf(configOf({ a: { ...networkObjects(), ...own }, ...others })), 'a')
}

function faults(own: object): readonly string[] {
  return resolve(own).faulty.map(({ object, fault }) => `${object} ${fault.code} ${fault.path}`)
}

function revision(container: object, more: object = {}): string {
  const { spec, faulty } = resolve({ web: container, ...more })
  assert.deepEqual(faulty, [])
  return spec.containers[0]?.revision ?? ''
}

describe('resolving containers', () => {
  it('replaces references by what they mean', () => {
    const uses = {
      mounts: [{ volume: 'data', path: '/d' }],
      secrets: [{ secret: 'password', env: 'P' }],
    }
    const { spec, references } = resolve({
      web: containerObject(uses),
      data: { type: 'volume', on_remove: 'delete' },
      password: secret,
    })
    const [web] = spec.containers
    assert.equal(web?.attachment?.mtu, 1400)
    assert.deepEqual([...(web?.secrets ?? [])], [['password', secret.jwe]])
    assert.deepEqual(references['web'], ['cn', 'data', 'password'])
    assert.deepEqual(spec.volumes, [{ object: 'data', onRemove: 'delete' }])
    assert.deepEqual(spec.kept, [])
  })

  it('needs no network on that of the host', () => {
    const more = { host_network: true, network: undefined, address: undefined }
    assert.equal(resolve({ web: containerObject(more) }).spec.containers[0]?.attachment, null)
  })

  it('keeps what is faulty as it was applied, and tells where', () => {
    const volume = { mounts: [{ volume: 'cn', path: '/d' }] }
    const missing = { secrets: [{ secret: 'nothing', path: '/s' }] }
    const own = {
      mistyped: containerObject({ ...volume, address: '10.69.1.6' }),
      secretless: containerObject({ ...missing, address: '10.69.1.7' }),
      broken: { type: 'runc_container' },
      vol: { type: 'volume', size: 1 },
      Bad: 5,
    }
    assert.deepEqual(faults(own), [
      'vol field-unknown hosts.a.vol.size',
      'broken field-missing hosts.a.broken.image',
      'mistyped reference-type hosts.a.mistyped.mounts.0.volume',
      'secretless reference-missing hosts.a.secretless.secrets.0.secret',
    ])
    const { spec } = resolve(own)
    assert.deepEqual(spec.kept, ['Bad', 'broken', 'mistyped', 'secretless', 'vol'])
    assert.deepEqual(spec.containers, [])
  })

  it('leaves addresses to the network, and keeps containers that have none', () => {
    const own = { web: containerObject({ address: '10.69.9.9' }) }
    assert.deepEqual(resolve(own).spec.kept, ['web'])
    const found = lintConfig(configOf({ a: { ...networkObjects(), ...own } }))
    assert.deepEqual(
      found.map(({ code, path }) => `${code} ${path}`),
      ['outside-range hosts.a.web.address'],
    )
  })

  it('tells a secret for another host, name or cluster before it is opened', () => {
    for (const claims of [{ host: 'b' }, { name: 'other' }, { aud: `sha256:${'1'.repeat(64)}` }]) {
      const password = { type: 'secret', jwe: sealedText(claims) }
      assert.deepEqual(faults({ password }), ['password secret-claims hosts.a.password.jwe'])
    }
    const unsigned = { ...configOf({ a: { password: secret } }), aud: '' }
    assert.deepEqual(resolveRunc(clusterOf(unsigned), 'a').faulty, [])
  })
})

describe('revisions', () => {
  const base = revision(containerObject())

  it('stay when only the treatment changes, or the spelling', () => {
    const health = { tcp: { port: 1 } }
    for (const same of [
      { restart: 'never', health, stop_grace_seconds: 1, labels: { a: 'b' } },
      { mounts: [], env: {}, user_namespace: false, capabilities: { add: [] } },
      { image: `other.example/mirror/web:2@sha256:${'c'.repeat(64)}` },
      { capabilities: { drop: [], add: ['CAP_KILL'] } },
    ]) {
      assert.equal(revision(containerObject(same)), base, JSON.stringify(same))
    }
    const some = { env: { A: '1', B: '2' } }
    const turned = { env: { B: '2', A: '1' } }
    assert.equal(revision(containerObject(some)), revision(containerObject(turned)))
  })

  it('change with everything that a container is made from', () => {
    const others = [
      { image: `registry.example/web@sha256:${'d'.repeat(64)}` },
      { address: '10.69.1.6' },
      { user_namespace: true },
      { command: ['/x'] },
      { command: [] },
      { args: [] },
      { env: { A: '' } },
      { user: '1' },
      { tmpfs: ['/x'] },
      { files: [{ path: '/x', content: 'a' }] },
      { capabilities: { drop: ['ALL'] } },
      { resources: { pids: 1 } },
      { runtime_config: { hostname: 'x' } },
      { runtime_config: { annotations: {} } },
    ].map((more) => revision(containerObject(more)))
    assert.equal(new Set([base, ...others]).size, others.length + 1)
  })

  it('change with a secret that is sealed anew', () => {
    const uses = containerObject({ secrets: [{ secret: 'password', path: '/s' }] })
    const again = {
      type: 'secret',
      jwe: sealedText({ epk: { kty: 'OKP', crv: 'X25519', x: 'B' } }),
    }
    assert.notEqual(revision(uses, { password: secret }), revision(uses, { password: again }))
  })

  it('do not change with the MTU, which the link gets while the container runs', () => {
    const narrow = { ...(networkObjects()['wg'] as object), mtu: 1300 }
    assert.equal(revision(containerObject(), { wg: narrow }), base)
  })
})

describe('the names of a cluster', () => {
  const at = (host: number, last: number, more: object = {}): object =>
    containerObject({ address: `10.69.${host}.${last}`, ...more })

  function lines(own: object, others: Record<string, unknown>): readonly string[] {
    return resolve(own, others).spec.hosts.trimEnd().split('\n').slice(2)
  }

  it('has hosts by their address, and containers by theirs', () => {
    const local = { type: 'container_network', subnet: '192.168.7.0/24' }
    const b = {
      ...networkObjects(2),
      db: at(2, 5),
      web: at(2, 6),
      local,
      hidden: containerObject({ network: 'local', address: '192.168.7.2' }),
      b: at(2, 7),
      onhost: containerObject({ host_network: true, network: undefined, address: undefined }),
    }
    assert.deepEqual(lines({ web: at(1, 5, { hostname: 'shop' }) }, { b }), [
      '10.69.0.1 a',
      '10.69.0.2 b',
      '10.69.1.5 web.a web shop',
      '10.69.2.7 b.b',
      '10.69.2.5 db.b db',
      '10.69.0.2 onhost.b onhost',
      '10.69.2.6 web.b',
    ])
  })

  it('gives nobody a bare name that two other hosts use', () => {
    const b = { ...networkObjects(2), db: at(2, 5) }
    const c = { ...networkObjects(3), db: at(3, 5) }
    assert.deepEqual(lines({}, { b, c }).slice(3), ['10.69.2.5 db.b', '10.69.3.5 db.c'])
  })

  it('has names with _ also with -, where nobody else is called so', () => {
    const b = { ...networkObjects(2), my_db: at(2, 5), 'my-web': at(2, 6) }
    const c_1 = { ...networkObjects(3), a_b: at(3, 5) }
    const own = { my_web: at(1, 5), 'x_y-z': at(1, 6), 'x-y_z': at(1, 7) }
    assert.deepEqual(lines(own, { b, c_1 }), [
      '10.69.0.1 a',
      '10.69.0.2 b',
      '10.69.0.3 c_1 c-1',
      // Neither gets x-y-z.a.
      '10.69.1.5 my_web.a my_web my-web.a',
      '10.69.1.7 x-y_z.a x-y_z',
      '10.69.1.6 x_y-z.a x_y-z',
      // Its own name, also where another one would come to it.
      '10.69.2.6 my-web.b my-web',
      '10.69.2.5 my_db.b my_db my-db.b my-db',
      '10.69.3.5 a_b.c_1 a_b a-b.c-1 a-b',
    ])
  })

  it('takes the address in the network of the agent', () => {
    const apart = { type: 'wireguard_network', link_name: 'wg1', address: '10.70.0.1/16' }
    const agent = { type: 'agent', peer_id: 'x', network: 'z' }
    assert.deepEqual(lines({ z: apart, agent }, {}), ['10.70.0.1 a'])
  })

  it('starts with the loopback, and says localhost of nobody else', () => {
    const { hosts } = resolve({ localhost: at(1, 9) }).spec
    assert.match(hosts, /^127\.0\.0\.1 localhost\n::1 localhost /)
    assert.match(hosts, /\n10\.69\.1\.9 localhost\.a\n$/)
  })
})

it('resolves any config, the same way every time', () => {
  const types = ['runc_container', 'volume', 'secret', 'container_network', 'wireguard_network']
  const usual: Record<string, unknown> = {
    ...containerObject(),
    ...{ secrets: [{ secret: 'password', path: '/s' }], mounts: [{ volume: 'v', path: '/v' }] },
    ...{ jwe: sealedText(), subnet: '10.69.1.0/24', link_name: 'wg0', runtime_config: {} },
  }
  const key = fc.constantFrom(...Object.keys(usual), 'env', 'files', 'health', 'x', 'constructor')
  const value = fc.oneof(
    fc.jsonValue({ maxDepth: 2 }),
    fc.constantFrom('10.69.1.5', '10.69.1.0/24', 'cn', 'wg', 'web', true, '__proto__'),
    fc.dictionary(
      fc.constantFrom('linux', 'process', 'mounts', '__proto__'),
      fc.jsonValue({ maxDepth: 2 }),
    ),
  )
  const object = fc
    .tuple(fc.constantFrom(...types), fc.subarray(Object.keys(usual)), fc.dictionary(key, value))
    .map(([type, keys, more]) => {
      return { ...Object.fromEntries(keys.map((each) => [each, usual[each]])), ...more, type }
    })
  const name = fc.constantFrom('web', 'v', 'password', 'cn', 'wg', 'agent', 'constructor', 'Bad')
  const section = fc.dictionary(
    name,
    fc.oneof({ weight: 6, arbitrary: object }, fc.jsonValue({ maxDepth: 2 })),
  )
  const host = fc.constantFrom('a', 'b', 'toString', '__proto__')
  const hosts = fc.dictionary(
    host,
    fc.oneof({ weight: 6, arbitrary: section }, fc.jsonValue({ maxDepth: 2 })),
  )
  fc.assert(
    fc.property(hosts, (each) => {
      const first = resolveRunc(clusterOf(configOf(each)), 'a')
      const second = resolveRunc(clusterOf(configOf(structuredClone(each))), 'a')
      assert.deepEqual(first, second)
    }),
    { numRuns: 150 },
  )
})
