import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { clusterOf } from '../../../reconcilers/cluster/index.ts'
import { checkSchema } from '../../../reconcilers/cluster/parse.ts'
import { runc } from '../../../reconcilers/runc/index.ts'
import { planRunc } from '../../../reconcilers/runc/plan.ts'
import { resolveRunc } from '../../../reconcilers/runc/resolve.ts'
import { containerSchema } from '../../../reconcilers/runc/spec.ts'
import { configOf } from '../configs.ts'
import { reconcile } from '../contract-suite.ts'
import { createFakeHost } from '../fake/host.ts'
import { readyImage } from '../fake/images.ts'
import * as looks from './looks.ts'
import { containerObject, networkObjects } from './objects.ts'

/** A container at an address of a host with this number. */
function at(host: number, last: number, more: object = {}): object {
  return containerObject({ address: `10.69.${host}.${last}`, ...more })
}

/** Lines of `/etc/hosts` of a container of host `a`, after the loopback and the hosts. */
function linesFor(object: string, own: object, others: Record<string, object> = {}) {
  const hosts = Object.entries(others).map(([name, section], index) => {
    return [name, { ...networkObjects(index + 2), ...section }]
  })
  const config = configOf({ a: { ...networkObjects(), ...own }, ...Object.fromEntries(hosts) })
  const { spec, faulty } = resolveRunc(clusterOf(config), 'a')
  assert.deepEqual(faulty, [])
  const lines = (spec.ownHosts.get(object) ?? spec.hosts).trimEnd().split('\n').slice(2)
  return lines.filter((line) => !line.startsWith('10.69.0.'))
}

describe('members of groups', () => {
  const member = (group: string, ...names: string[]): object => ({ groups: { [group]: names } })

  it('find each other by plain names, and nobody of another group', () => {
    const own = {
      'blog-web': at(1, 5, member('blog/default', 'web')),
      'blog-db': at(1, 6, member('blog/default', 'db', 'postgres')),
      'shop-web': at(1, 7, member('shop/default', 'web')),
    }
    const others = { b: { 'shop-db': at(2, 6, member('shop/default', 'db')) } }
    assert.deepEqual(linesFor('blog-web', own, others).slice(0, 2), [
      '10.69.1.6 db postgres',
      '10.69.1.5 web',
    ])
    assert.deepEqual(linesFor('shop-web', own, others).slice(0, 2), [
      '10.69.1.7 web',
      '10.69.2.6 db',
    ])
    for (const object of Object.keys(own)) {
      const lines = linesFor(object, own, others)
      const found = lines.filter((line) => line.split(' ').includes('db'))
      assert.equal(found.length, 1, lines.join('\n'))
    }
  })

  it('hide their host names and names from all others', () => {
    const own = {
      'blog-db': at(1, 6, { ...member('blog/default', 'db'), hostname: 'database' }),
      other: at(1, 7),
    }
    assert.deepEqual(linesFor('other', own), [
      '10.69.1.6 blog-db.a blog-db',
      '10.69.1.7 other.a other',
    ])
  })

  it('find all that have one name, those of their own host first', () => {
    const own = { z: at(1, 5, member('s', 'web')), y: at(1, 6, member('s')) }
    const others = { b: { a: at(2, 5, member('s', 'web')) } }
    const lines = linesFor('y', own, others).filter((line) => line.endsWith(' web'))
    assert.deepEqual(lines, ['10.69.1.5 web', '10.69.2.5 web'])
  })

  it('know a name in the group before a host, an object or an alias of that name', () => {
    const own = {
      me: at(1, 5, member('s', 'me')),
      two: at(1, 6, member('s', 'B', 'db', 'x.y')),
      db: at(1, 7),
      other: at(1, 8, { aliases: ['x.y'] }),
    }
    assert.deepEqual(linesFor('me', own, { b: {} }), [
      '10.69.1.5 me',
      '10.69.1.6 B db x.y',
      '10.69.1.7 db.a',
      '10.69.1.5 me.a',
      '10.69.1.8 other.a other',
      '10.69.1.6 two.a two',
    ])
  })

  it('do not find members whose network no other host reaches', () => {
    const local = { type: 'container_network', subnet: '192.168.7.0/24' }
    const hidden = containerObject({
      ...{ network: 'local', address: '192.168.7.2' },
      ...member('s', 'hidden'),
    })
    const lines = linesFor('me', { me: at(1, 5, member('s')) }, { b: { local, hidden } })
    assert.ok(!lines.join(' ').includes('hidden'))
  })

  it('keep their names while another field of theirs is at fault', () => {
    const config = configOf({
      a: {
        ...networkObjects(),
        web: at(1, 5, member('s')),
        db: at(1, 6, { ...member('s', 'db.s'), user: 5 }),
      },
    })
    const { spec } = resolveRunc(clusterOf(config), 'a')
    assert.deepEqual(spec.kept, ['db'])
    for (const name of ['web', 'db']) assert.match(spec.ownHosts.get(name) ?? '', / db\.s\n/)
  })
})

describe('aliases', () => {
  it('are known to all containers that can reach it, each address once', () => {
    const aliases = ['web.shop', 'web.shop']
    const own = { other: at(1, 9), 'shop-web_2': at(1, 6, { aliases }) }
    const others = { b: { 'shop-web': at(2, 5, { aliases }) } }
    assert.deepEqual(linesFor('other', own, others).slice(-2), [
      '10.69.1.6 web.shop',
      '10.69.2.5 web.shop',
    ])
  })

  it('take no name of a host or of a container', () => {
    const aliases = ['a', 'B', 'other', 'other.A', 'mine']
    const own = { other: at(1, 9), web: at(1, 5, { aliases }) }
    assert.deepEqual(linesFor('other', own, { b: {} }).slice(2), ['10.69.1.5 mine'])
  })
})

describe('names of a container’s own', () => {
  const extra_hosts = { nas: ['192.168.1.5', '2001:DB8:0::1'], other: ['192.0.2.7'] }

  it('come before all others, and are known to nobody else', () => {
    const own = { web: at(1, 5, { extra_hosts }), other: at(1, 9) }
    assert.deepEqual(linesFor('web', own), [
      '192.168.1.5 nas',
      '2001:db8::1 nas',
      '192.0.2.7 other',
      '10.69.1.9 other.a',
      '10.69.1.5 web.a web',
    ])
    assert.deepEqual(linesFor('other', own), ['10.69.1.9 other.a other', '10.69.1.5 web.a web'])
  })
})

describe('fields of names', () => {
  const faults = (more: object): readonly string[] =>
    checkSchema(containerSchema, 'c', containerObject(more)).faults.map(
      ({ path, message }) => `${path}: ${message}`,
    )
  const many = (count: number): readonly string[] =>
    Array.from({ length: count }, (_, n) => `n${n}`)
  const cases: readonly (readonly [object, string])[] = [
    [{ aliases: ['web.shop', 'a_b', 'UP'], groups: { 'shop/default': [], p: ['w'] } }, ''],
    [{ dns: { servers: ['127.0.0.1', 'fd00::1'], search: ['.'], options: ['ndots:1'] } }, ''],
    [{ aliases: ['a b'] }, 'c.aliases.0: must be labels of letters'],
    [{ aliases: ['a..b'] }, 'c.aliases.0: must be labels of letters'],
    [{ aliases: ['x\n10.0.0.1 y'] }, 'c.aliases.0: must be labels of letters'],
    [{ aliases: ['LocalHost'] }, 'c.aliases.0: is the name of the container for itself'],
    [{ aliases: ['10.0.0.1'] }, 'c.aliases.0: is an address'],
    [{ aliases: many(65) }, 'c.aliases: '],
    [{ groups: { 'a b': [] } }, 'c.groups.a b: must be 1 to 128 letters'],
    [{ groups: { a: ['-x'] } }, 'c.groups.a.0: must be labels'],
    [{ groups: Object.fromEntries(many(33).map((n) => [n, []])) }, 'c.groups: has 33 entries'],
    [{ extra_hosts: { nas: [] } }, 'c.extra_hosts.nas: '],
    [{ extra_hosts: { nas: ['nas2'] } }, 'c.extra_hosts.nas.0: must be an address'],
    [{ extra_hosts: { '': ['10.0.0.1'] } }, 'c.extra_hosts.: must be labels'],
    [{ dns: { servers: ['dns.example'] } }, 'c.dns.servers.0: must be an address'],
    [{ dns: { servers: ['1.0.0.1', '1.0.0.2', '1.0.0.3', '1.0.0.4'] } }, 'c.dns.servers: '],
    [{ dns: { search: ['a b'] } }, 'c.dns.search.0: is no domain'],
    [{ dns: { options: ['x\ny'] } }, 'c.dns.options.0: must be an option'],
  ]
  for (const [more, expected] of cases) {
    it(`${expected === '' ? 'takes' : 'refuses'} ${JSON.stringify(more).slice(0, 60)}`, () => {
      const found = faults(more)
      if (expected === '') assert.deepEqual(found, [])
      else assert.ok(found.length === 1 && found[0]?.startsWith(expected), found.join('\n'))
    })
  }
})

describe('names that change', () => {
  const dns = { servers: ['10.0.0.1'], search: [], options: ['ndots:2'] }
  const named = { aliases: ['web.shop'], groups: { s: ['web'] }, extra_hosts: { x: ['10.0.0.2'] } }

  it('make no new container', () => {
    const plain = looks.onlyOf(looks.specOf({ web: looks.containerObject() }))
    const other = looks.onlyOf(looks.specOf({ web: looks.containerObject({ ...named, dns }) }))
    assert.equal(other.revision, plain.revision)
  })

  it('are written into what runs, each text to those that get it', () => {
    const spec = looks.specOf({
      web: looks.containerObject(named),
      db: looks.containerObject({ address: '10.70.0.6' }),
      api: looks.containerObject({ address: '10.70.0.7' }),
    })
    const all = spec.containers.map((each) => looks.seenFor(each, { hosts: 'old' }))
    const steps = planRunc(spec, looks.observedWith(all))
    const said = steps.map((step) => step.kind === 'hosts' && [step.ids.length, step.text])
    assert.deepEqual(said, [
      [2, spec.hosts],
      [1, spec.ownHosts.get('web')],
    ])
    assert.match(spec.ownHosts.get('web') ?? '', /^127.*\n::1.*\n10\.0\.0\.2 x\n10\.70\.0\.5 web\n/)
  })

  it('are whom it asks as well, at once and once', async () => {
    const host = createFakeHost()
    host.images.states.set(looks.imageReference, readyImage())
    const go = (more: object): Promise<readonly string[]> =>
      reconcile(runc, looks.configOf({ web: looks.containerObject(more) }), 'h', host.ports)
    host.containers.resolvers = {
      ...{ resolvConf: 'nameserver 192.0.2.1\nsearch lan\noptions edns0\n' },
      upstreamResolvConf: null,
    }
    await go({})
    const [web] = host.containers.all.values()
    assert.deepEqual(await go({}), [])
    await go({ dns })
    assert.equal(web?.resolvConf, 'nameserver 10.0.0.1\noptions ndots:2\n')
    assert.deepEqual(await go({ dns }), [])
    await go({ dns: { search: ['a', 'b'] } })
    assert.equal(web?.resolvConf, 'nameserver 192.0.2.1\nsearch a b\noptions edns0\n')
    await go({})
    assert.equal(web?.resolvConf, host.containers.resolvers.resolvConf)
  })
})
