import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { withFacts } from '../../../operator/layout/lock.ts'
import { clusterOf, compiled, type Files, faultTexts, objectOf, sound } from './world.ts'

/** A cluster of this range with a service on each of its hosts. */
function on(network: string, hosts: readonly string[]): Files {
  const text = 'services:\n  web: { image: a, deploy: { mode: global } }\n'
  const files = clusterOf(hosts, { shop: [`hosts: [${hosts.join(', ')}]`, text] })
  const layout = files['cluster.yaml']?.replace('hosts:', `network: ${network}\nhosts:`) ?? ''
  return { ...files, 'cluster.yaml': layout }
}

describe('subnets of hosts', () => {
  const samples: readonly (readonly [network: string, hosts: string[], subnets: string[]])[] = [
    ['10.69.0.0/16', ['a', 'b', 'c'], ['10.69.1.0/24', '10.69.2.0/24', '10.69.3.0/24']],
    ['10.70.16.0/20', ['a', 'b'], ['10.70.17.0/24', '10.70.18.0/24']],
    ['192.168.4.0/23', ['a'], ['192.168.5.0/24']],
  ]
  for (const [network, hosts, subnets] of samples) {
    it(`follow their numbers in ${network}`, async () => {
      const result = await sound(on(network, hosts))
      const found = hosts.map((host) => objectOf(result, host, 'pods')['subnet'])
      assert.deepEqual(found, subnets)
      const facts = [...result.lock.facts].filter(([key]) => !/card$/.test(key)).sort()
      const images = facts.filter(([key]) => !/^(image|address)/.test(key))
      assert.deepEqual(
        images,
        [
          ...hosts.map((host, index) => [
            `host.${host}.address`,
            `${network.replace(/\.0\/\d+$/, '')}.${index + 1}`,
          ]),
          ...hosts.map((host, index) => [`host.${host}.subnet`, subnets[index]]),
          ['placement.shop/web', result.lock.facts.get('placement.shop/web')],
        ].sort(),
      )
    })
  }

  it('are kept where the lock has others, and go round those of written objects', async () => {
    const first = await sound(on('10.69.0.0/16', ['a', 'b']))
    const lock = withFacts(first.lock, { 'host.a.subnet': '10.69.9.0/24' })
    assert.equal(
      objectOf(await sound(on('10.69.0.0/16', ['a', 'b']), lock), 'a', 'pods')['subnet'],
      '10.69.9.0/24',
    )
    const files = on('10.69.0.0/16', ['a'])
    const written =
      'a: { objects: { nets: { type: container_network, network: wg_network, subnet: 10.69.1.0/24 } } }'
    const around = {
      ...files,
      'cluster.yaml': files['cluster.yaml']?.replace('a: {}', written) ?? '',
    }
    const result = await sound(around)
    assert.equal(objectOf(result, 'a', 'pods')['subnet'], '10.69.2.0/24')
    const adopted = await sound(
      around,
      withFacts(result.lock, { 'host.a.subnet': '10.69.1.0/24', 'address.a.shop-web': null }),
    )
    assert.equal(objectOf(adopted, 'a', 'shop-web')['network'], 'nets')
    assert.equal(adopted.hosts['a']?.['pods'], undefined)
    assert.equal(objectOf(adopted, 'a', 'pods_fwd')['from'], 'nets')
  })
})

describe('IPv6 of containers', () => {
  it('stands beside IPv4, and ends in the same number', async () => {
    const files = on('10.69.0.0/16', ['a', 'b'])
    const layout = files['cluster.yaml']?.replace('hosts:', 'network6: "fd69:1::/48"\nhosts:') ?? ''
    const result = await sound({ ...files, 'cluster.yaml': layout })
    assert.equal(objectOf(result, 'b', 'pods')['subnet6'], 'fd69:1:0:2::/64')
    const { address, address6 } = objectOf(result, 'b', 'shop-web')
    const last = Number(String(address).split('.')[3]).toString(16)
    assert.equal(address6, `fd69:1:0:2::${last}`)
  })
})

describe('addresses of containers', () => {
  it('are kept while others come and go, also for one that comes back', async () => {
    const shop = (names: readonly string[]): Files => {
      const services = names.map((name) => `  ${name}: { image: a }\n`).join('')
      return clusterOf(['pi'], { shop: `services:\n${services}` })
    }
    const first = await sound(shop(['a', 'b']))
    const second = await sound(shop(['b', 'c']), first.lock)
    const third = await sound(shop(['a', 'b', 'c']), second.lock)
    for (const name of ['shop-a', 'shop-b']) {
      const { address } = objectOf(third, 'pi', name)
      assert.equal(address, objectOf(first, 'pi', name)['address'])
    }
  })

  it('heal where two branches chose the same one', async () => {
    const files = clusterOf(['pi'], { shop: 'services:\n  a: { image: a }\n  b: { image: a }\n' })
    const first = await sound(files)
    const address = first.lock.facts.get('address.pi.shop-a') ?? ''
    const healed = await sound(files, withFacts(first.lock, { 'address.pi.shop-b': address }))
    assert.equal(healed.lock.facts.get('address.pi.shop-a'), address)
    assert.notEqual(healed.lock.facts.get('address.pi.shop-b'), address)
  })

  it('of nobody are given away last, and a full host is a fault', async () => {
    const services = (count: number): Files => {
      const stacks = Array.from({ length: Math.ceil(count / 20) }, (_, stack) => {
        const own = Math.min(20, count - stack * 20)
        const lines = Array.from({ length: own }, (_, index) => `  s${index}: { image: a }\n`)
        return [`st${stack}`, `services:\n${lines.join('')}`] as const
      })
      return clusterOf(['pi'], Object.fromEntries(stacks))
    }
    const first = await sound(services(253))
    const idle = withFacts(first.lock, { 'address.pi.gone': '10.69.1.254', 'address.pi.odd': 'x' })
    const free = [...Array(254).keys()].map((index) => `10.69.1.${index + 1}`)
    const taken = new Set(first.lock.facts.values())
    const last = free.find((address) => !taken.has(address)) ?? ''
    const kept = withFacts(idle, { 'address.pi.gone': last })
    const full = await sound(services(254), kept)
    assert.equal(full.lock.facts.has('address.pi.gone'), false)
    assert.match(
      String(faultTexts(await compiled(services(255)))),
      /^hosts\.pi: has no address left/,
    )
  })
})
