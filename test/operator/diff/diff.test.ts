import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { diffConfigs } from '../../../operator/diff/diff.ts'
import { planJson } from '../../../operator/diff/plan-json.ts'
import { planLines } from '../../../operator/diff/plan-text.ts'
import { configOf } from '../../reconcilers/configs.ts'
import { containerObject, networkObjects, sealedText } from '../../reconcilers/runc/objects.ts'

type Section = Record<string, unknown>

const digest = (letter: string): string => `sha256:${letter.repeat(64)}`

/** A container that a layout made. */
function made(service: string, more: object = {}): Section {
  const { labels = {}, ...others } = more as { labels?: object }
  return containerObject({ labels: { 'covey.service': service, ...labels }, ...others })
}

function host(number: number, objects: Section = {}): Section {
  return { ...networkObjects(number), ...objects }
}

function linesOf(before: Record<string, Section>, after: Record<string, Section>): string[] {
  const [old, next] = [configOf(before), configOf(after)]
  return planLines(diffConfigs(old, next), next).map(({ text }) => text)
}

function guardsOf(before: Record<string, Section>, after: Record<string, Section>): string[] {
  return diffConfigs(configOf(before), configOf(after)).guards.map(
    ({ code, override }) => `${code} ${override}`,
  )
}

const publish = (on: string, container = 'web'): object => ({
  type: 'nftables_publish',
  ...{ container, host_port: 443, container_port: 443, on },
})

describe('what a plan tells people', () => {
  it('says an update of replicas in one line', () => {
    const at = (tag: string, letter: string, number: number): Section => {
      const image = `r.example/shop/web:${tag}@${digest(letter)}`
      const address = `10.69.${number}.5`
      return host(number, { 'shop-web': made('shop/web', { image, address }) })
    }
    const before = { cloud01: at('1.4', '4', 1), cloud02: at('1.4', '4', 2) }
    const after = { cloud01: at('1.5', '9', 1), cloud02: at('1.5', '9', 2) }
    assert.deepEqual(linesOf(before, after), [
      'shop/web on cloud01, cloud02: image 1.4 -> 1.5 (sha256:4444… -> 9999…); ' +
        'one host at a time, no gap',
    ])
  })

  it('says that a service is away for a while, and that its volume stays', () => {
    const at = (bytes: number): Section => {
      const mounts = [{ volume: 'shop-pg_v', path: '/data' }]
      const db = made('shop/db', { resources: { memory_bytes: bytes }, mounts })
      return host(1, { 'shop-pg_v': { type: 'volume' }, 'shop-db': db })
    }
    assert.deepEqual(linesOf({ a: at(2 ** 29) }, { a: at(2 ** 30) }), [
      'shop/db on a: memory 512M -> 1G; restarts, about 10 s without it, volume pg stays',
    ])
  })

  it('names a variable, and variables that come all at once', () => {
    const at = (more: object): Section => host(1, { web: made('shop/web', more) })
    const [first] = linesOf({ a: at({}) }, { a: at({ env: { MODE: 'slow' } }) })
    assert.match(first ?? '', /^shop\/web on a: env set to \{"MODE":"slow"\}; restarts/)
    const two = { env: { MODE: 'slow', X: '' } }
    const [next] = linesOf({ a: at({ env: { MODE: 'slow' } }) }, { a: at(two) })
    assert.match(next ?? '', /^shop\/web on a: variable X set to ""; restarts/)
  })

  it('says what opens, what closes and what hosts must grant', () => {
    const web = made('shop/web', { mounts: [{ host_path: '/srv', path: '/srv' }] })
    const policy = {
      type: 'nftables_policy',
      container: 'web',
      ingress: [{ from: 'container:api', ports: ['80/tcp'] }],
    }
    const api = made('shop/api', { address: '10.69.1.6' })
    const lines = linesOf(
      { a: host(1, { api }) },
      { a: host(1, { api, web, p: policy, out: publish('public') }) },
    )
    assert.deepEqual(lines, [
      'shop/web on a: added; port out added; policy p added',
      'opens: 443/tcp of a to everybody (shop/web)',
      'opens: 80/tcp of shop/web on a to shop/api',
      'needs: covey host grant a path:/srv',
    ])
    const closed = linesOf({ a: host(1, { web, out: publish('lan') }) }, { a: host(1, { web }) })
    assert.deepEqual(closed, [
      'shop/web on a: port out removed',
      'closes: 443/tcp of a to lan (shop/web)',
    ])
  })

  it('says in one line what is open among services that may all ask each other', () => {
    const names = ['api', 'db', 'web']
    const objects = names.flatMap((name, index): [string, object][] => {
      const from = names.filter((other) => other !== name).map((other) => `container:${other}`)
      const ingress = [...from, ...(name === 'web' ? ['192.0.2.0/24'] : [])].map((each) => {
        return { from: each }
      })
      const policy = { type: 'nftables_policy', container: name, ingress }
      const own = made(`shop/${name}`, { address: `10.69.1.${index + 5}` })
      return [
        [name, own],
        [`${name}_p`, policy],
      ]
    })
    const lines = linesOf({ a: host(1) }, { a: host(1, Object.fromEntries(objects)) })
    assert.deepEqual(
      lines.filter((line) => line.startsWith('opens')),
      [
        'opens: all ports of shop/web on a to 192.0.2.0/24',
        'opens: all ports among shop/api, shop/db, shop/web',
      ],
    )
    const two = objects.filter(([name]) => name !== 'db_p')
    const fewer = linesOf({ a: host(1) }, { a: host(1, Object.fromEntries(two)) })
    assert.deepEqual(
      fewer.filter((line) => line.startsWith('opens')),
      [
        'opens: all ports of shop/api on a to shop/db',
        'opens: all ports of shop/web on a to shop/db, 192.0.2.0/24',
        'opens: all ports among shop/api, shop/web',
      ],
    )
  })

  it('says of grants what the host itself would ask for', () => {
    const web = made('shop/web', {
      mounts: [
        { host_path: '/etc/localtime', path: '/etc/localtime', read_only: true },
        { volume: 'dir', path: '/data' },
      ],
      sysctls: { 'net.core.somaxconn': '10', 'vm.overcommit_memory': '1' },
      devices: ['/dev/dri'],
    })
    const dir = { type: 'volume', path: '/opt/shop' }
    const { needs } = diffConfigs(
      configOf({ a: host(1, {}) }),
      configOf({ a: host(1, { web, dir }) }),
    )
    assert.deepEqual(
      needs.map(({ grant }) => grant),
      ['device:/dev/dri', 'path:/opt/shop', 'sysctl:vm.overcommit_memory'],
    )
  })

  it('names what hosts grant to containers that look at them', () => {
    const view = { host_path: '/sys', path: '/host/sys', read_only: true }
    const bus = { host_path: '/var/run/dbus', path: '/run/dbus', read_only: true }
    const top = made('shop/top', { mounts: [view, bus], host_pid: true, user_namespace: true })
    const devices = [{ source: '/dev/x', target: '/dev/y' }]
    const db = made('shop/db', { privileged: true, devices })
    const { needs } = diffConfigs(
      configOf({ a: host(1, {}) }),
      configOf({ a: host(1, { top, 'shop-db': db }) }),
    )
    assert.deepEqual(
      needs.map(({ grant }) => grant),
      ['dbus', 'device:/dev/x', 'host-metrics', 'privileged:shop/db'],
    )
  })

  it('shows nothing of what is sealed', () => {
    const at = (end: string): Section => {
      const jwe = sealedText({ host: 'a', name: 'key' }).replace(/AAAA$/, end)
      const secrets = [{ secret: 'key', path: '/key' }]
      return host(1, { key: { type: 'secret', jwe }, web: made('shop/web', { secrets }) })
    }
    const [before, after] = [configOf({ a: at('AAAA') }), configOf({ a: at('BBBB') })]
    const plan = diffConfigs(before, after)
    const text = JSON.stringify(planJson(plan, 3)) + JSON.stringify(planLines(plan, after))
    assert.doesNotMatch(text, /eyJ/)
    assert.match(text, /new content of key; restarts, about 10 s without it/)
    assert.match(text, /"path":"jwe","from":"sealed [0-9a-f]{12}","to":"sealed [0-9a-f]{12}"/)
  })
})

describe('covey plan --json', () => {
  it('has the shape that scripts rest on', () => {
    const web = made('shop/web')
    const plan = diffConfigs(
      configOf({ a: host(1, { web }) }),
      configOf({ a: host(1, { web: { ...web, env: { A: '1' } }, out: publish('lan') }) }),
    )
    assert.deepEqual(planJson(plan, 42), {
      version: 42,
      changes: [
        {
          ...{ host: 'a', object: 'out', service: 'shop/web', kind: 'add' },
          ...{ fields: [], effect: 'none', gap: false },
        },
        {
          ...{ host: 'a', object: 'web', service: 'shop/web', kind: 'change' },
          fields: [{ path: 'env', from: null, to: { A: '1' } }],
          ...{ effect: 'replace', gap: true },
        },
      ],
      opens: [
        {
          ...{ host: 'a', port: 443, protocol: 'tcp', to: 'lan' },
          ...{ service: 'shop/web', published: true },
        },
      ],
      closes: [],
      loses: [],
      needs: [],
      guards: [],
    })
  })
})

describe('what a plan guards', () => {
  const mounts = (volume: string): object => ({ mounts: [{ volume, path: '/data' }] })
  const db = (volume: string, number = 1): Section => {
    const address = `10.69.${number}.5`
    return host(number, {
      [volume]: { type: 'volume' },
      db: made('shop/db', { address, ...mounts(volume) }),
    })
  }

  it('is a service that would start on an empty volume of another host', () => {
    const guards = guardsOf({ a: db('pg'), b: host(2) }, { a: host(1), b: db('pg', 2) })
    assert.deepEqual(guards, ['volume-empty --start-empty pg'])
  })

  it('is a service that would start on another volume of its host', () => {
    assert.deepEqual(guardsOf({ a: db('pg') }, { a: db('other') }), [
      'volume-empty --start-empty other',
    ])
  })

  it('is no replica beside the one with the data, and no volume that was there', () => {
    assert.deepEqual(guardsOf({ a: db('pg'), b: host(2) }, { a: db('pg'), b: db('pg', 2) }), [])
    const both = { ...db('pg'), other: { type: 'volume' } }
    assert.deepEqual(guardsOf({ a: both }, { a: db('other') }), [])
  })

  it('is a volume that goes with its content', () => {
    const deleted = { data: { type: 'volume', on_remove: 'delete' } }
    const others = [{ data: { type: 'volume' } }, { data: { ...deleted.data, path: '/srv/x' } }]
    assert.deepEqual(guardsOf({ a: host(1, deleted) }, { a: host(1) }), [
      'volume-removed --delete-volume data',
    ])
    for (const kept of others) assert.deepEqual(guardsOf({ a: host(1, kept) }, { a: host(1) }), [])
    assert.deepEqual(guardsOf({ a: host(1, deleted) }, {}), [], 'a host that leaves keeps all')
  })

  it('is a port of a service that was there, and becomes everybody’s', () => {
    const web = made('shop/web')
    const own = (on?: string): Section =>
      host(1, on === undefined ? { web } : { web, o: publish(on) })
    assert.deepEqual(guardsOf({ a: own('lan') }, { a: own('public') }), ['port-public --open'])
    assert.deepEqual(guardsOf({ a: own() }, { a: own('public') }), ['port-public --open'])
    assert.deepEqual(guardsOf({ a: own('public') }, { a: own('public') }), [])
    assert.deepEqual(guardsOf({ a: host(1) }, { a: own('public') }), [], 'a new one says so itself')
  })

  it('is that more than half of the services are gone', () => {
    const all = ['a', 'b', 'c', 'd'].map((name, index) => [
      name,
      made(`s/${name}`, { address: `10.69.1.${index + 5}` }),
    ])
    const some = (count: number): Record<string, Section> => ({
      a: host(1, Object.fromEntries(all.slice(0, count))),
    })
    assert.deepEqual(guardsOf(some(4), some(2)), [])
    assert.deepEqual(guardsOf(some(4), some(1)), ['services-removed --yes-remove'])
  })

  it('is a host that is cut off', () => {
    const key = (last: number): string => Buffer.alloc(32, last).toString('base64')
    const member = (number: number, endpoint: object): Section => ({
      wg: {
        ...{ type: 'wireguard_network', link_name: 'wg0', address: `10.69.0.${number}/16` },
        ...{ public_key: key(number), ...endpoint },
      },
      mesh: { type: 'wireguard_mesh', network: 'wg' },
      agent: { type: 'agent', peer_id: peerIds[number], network: 'wg' },
    })
    const before = { a: member(1, { endpoint: '192.0.2.1:51820' }), b: member(2, {}) }
    const after = { a: member(1, {}), b: member(2, {}) }
    assert.deepEqual(guardsOf(before, after), [
      'isolation --allow-isolation',
      'isolation --allow-isolation',
    ])
  })
})

const peerIds = [
  '',
  '12D3KooWBYHUjc4QwwGKfi3gcPAQ6BGpRTyJhRPF8HyBKZZzCBmc',
  '12D3KooWGKqHG4jJUBTvM7FXTLGQ9WXGQPtyzGLqCLeqfyEjEzGG',
]
