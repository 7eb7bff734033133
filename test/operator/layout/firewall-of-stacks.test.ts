import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Compiled } from '../../../operator/layout/compile.ts'
import { configFaults } from '../../../operator/signing/draft.ts'
import { clusterOf, compiled, faultTexts, objectOf, sound } from './world.ts'

/** Who may ask a container, as its policy has it. */
function askersOf(result: Compiled, host: string, name: string): readonly string[] {
  const ingress = objectOf(result, host, `${name}_p`)['ingress'] as {
    from: string
    ports?: string[]
  }[]
  return ingress.map(({ from, ports }) => [from, ...(ports ?? [])].join(' '))
}

/** Whom it may ask. */
function askedOf(result: Compiled, host: string, name: string): readonly string[] {
  const egress = objectOf(result, host, `${name}_p`)['egress'] as { to: string; ports?: string[] }[]
  return egress.map(({ to, ports }) => [to, ...(ports ?? [])].join(' '))
}

describe('policies of a stack', () => {
  it('let members of a network talk, and nobody else', async () => {
    const text =
      'services:\n  web: { image: a, networks: [front, back] }\n  db: { image: a, networks: [back] }\n' +
      '  edge: { image: a, networks: [front] }\nnetworks: { front: {}, back: {} }\n'
    const other = 'services:\n  web: { image: a }\n'
    const result = await sound(clusterOf(['pi'], { shop: text, other }))
    assert.deepEqual(askersOf(result, 'pi', 'shop-web'), [
      'container:shop-db',
      'container:shop-edge',
    ])
    assert.deepEqual(askersOf(result, 'pi', 'shop-db'), ['container:shop-web'])
    assert.equal(result.hosts['pi']?.['other-web_p'], undefined)
  })

  it('name containers of other hosts, and all replicas', async () => {
    const text =
      'services:\n  web: { image: a, x-covey: { host: a } }\n  api: { image: a, deploy: { mode: global } }\n'
    const result = await sound(clusterOf(['a', 'b'], { shop: ['hosts: [a, b]', text] }))
    assert.deepEqual(askersOf(result, 'a', 'shop-web'), [
      'container:b/shop-api',
      'container:shop-api',
    ])
    assert.deepEqual(askersOf(result, 'b', 'shop-api'), [
      'container:a/shop-api',
      'container:a/shop-web',
    ])
  })

  it('join stacks by a network that both name', async () => {
    const text = (name: string): string =>
      `services:\n  ${name}: { image: a, networks: [n] }\nnetworks: { n: { name: proxy } }\n`
    const result = await sound(clusterOf(['pi'], { one: text('x'), two: text('y') }))
    assert.deepEqual(askersOf(result, 'pi', 'one-x'), ['container:two-y'])
  })

  it('open what x-covey allows', async () => {
    const text =
      'services:\n  db:\n    image: a\n    network_mode: none\n    x-covey:\n      allow:\n' +
      '        - { from: [shop/api, "host:pi", 192.0.2.0/24], ports: [5432, 8000-8010/udp] }\n' +
      '        - { from: web }\n'
    const shop = 'services:\n  api: { image: a }\n'
    const files = clusterOf(['pi'], { data: text, shop })
    const layout = `${files['cluster.yaml']}services:\n  web: { image: a }\n`
    const result = await sound({ ...files, 'cluster.yaml': layout })
    assert.deepEqual(askersOf(result, 'pi', 'data-db'), [
      '192.0.2.0/24 5432/tcp 8000-8010/udp',
      'container:shop-api 5432/tcp 8000-8010/udp',
      'container:web',
      'host:pi 5432/tcp 8000-8010/udp',
    ])
    assert.deepEqual(askedOf(result, 'pi', 'data-db'), [])
  })

  it('take the way out of internal networks', async () => {
    const text =
      'services:\n  web: { image: a, networks: [in, out] }\n  db: { image: a, networks: [in] }\n' +
      'networks: { in: { internal: true }, out: {} }\n'
    const result = await sound(clusterOf(['pi'], { shop: text }))
    assert.deepEqual(askedOf(result, 'pi', 'shop-db'), ['container:shop-web'])
    assert.equal(objectOf(result, 'pi', 'shop-web_p')['egress'], undefined)
  })

  it('lead to the declared ports of a service on the network of its host', async () => {
    const text =
      'services:\n  ha: { image: a, network_mode: host, expose: ["8123"] }\n  web: { image: a }\n'
    const result = await sound(clusterOf(['pi'], { home: text }))
    assert.equal(objectOf(result, 'pi', 'home-ha')['host_network'], true)
    assert.deepEqual(askedOf(result, 'pi', 'home-web'), ['0.0.0.0/0', '::/0', 'host:pi 8123/tcp'])
    assert.deepEqual(askersOf(result, 'pi', 'home-web'), ['host:pi'])
  })

  it('are those of the owner where a network is shared', async () => {
    const text =
      'services:\n  vpn: { image: a, ports: ["80:8080"] }\n  app: { image: a, network_mode: "service:vpn" }\n' +
      '  web: { image: a }\n'
    const result = await sound(clusterOf(['pi'], { shop: text }))
    const app = objectOf(result, 'pi', 'shop-app')
    assert.equal(app['network_of'], 'shop-vpn')
    assert.equal(app['address'], undefined)
    assert.equal(result.hosts['pi']?.['shop-app_p'], undefined)
    assert.deepEqual(askersOf(result, 'pi', 'shop-web'), ['container:shop-vpn'])
    assert.equal(objectOf(result, 'pi', 'shop-vpn_80t')['container'], 'shop-vpn')
  })

  it('are refused for a stack in which too many may talk', async () => {
    const services = Array.from({ length: 47 }, (_, index) => `  s${index}: { image: a }\n`)
    const text = `services:\n${services.join('')}`
    const result = await compiled(clusterOf(['pi'], { shop: text }))
    assert.match(String(faultTexts(result)), /^stacks\.shop: 1081 pairs .* at most 1024/)
  })
})

describe('published ports', () => {
  const scopes: readonly (readonly [port: string, on: string | undefined])[] = [
    ['80:8080', 'network'],
    ['0.0.0.0:80:8080', 'public'],
    ['[::]:80:8080', 'public'],
    ['127.0.0.1:80:8080', undefined],
    ['192.168.1.5:80:8080', 'lan'],
    ['10.69.0.1:80:8080', 'network'],
    ['203.0.113.5:80:8080', 'public'],
    ['8080', undefined],
  ]
  for (const [port, on] of scopes) {
    it(`are on ${on ?? 'nothing'} for ${port}`, async () => {
      const text = `services:\n  web:\n    image: a\n    ports: ["${port}"]\n`
      const result = await sound(clusterOf(['pi'], { shop: text }))
      assert.equal(result.hosts['pi']?.['shop-web_80t']?.['on'], on)
      if (on === undefined) assert.match(String(result.warnings), /shop\.yaml:4:13: /)
    })
  }

  it('have the scope that x-covey names, whatever else is said', async () => {
    const text =
      'services:\n  web:\n    image: a\n    ports: ["0.0.0.0:80:8080", "53:53/udp"]\n    x-covey: { publish: { "8080": lan, "9000": mesh } }\n'
    const result = await sound(clusterOf(['pi'], { shop: ['ports: public', text] }))
    assert.equal(objectOf(result, 'pi', 'shop-web_80t')['on'], 'lan')
    assert.equal(objectOf(result, 'pi', 'shop-web_53u')['on'], 'public')
    assert.equal(objectOf(result, 'pi', 'shop-web_9000t')['on'], 'network')
  })

  it('are 22:22 where that is written without quotes, and refused for what they take', async () => {
    const text = 'services:\n  web:\n    image: a\n    ports:\n      - 22:22\n'
    const result = await compiled(clusterOf(['pi'], { shop: text }))
    const { located } = result.placed(configFaults({ hosts: result.hosts }))
    const port = located.find(({ code }) => code === 'port-reserved')
    assert.deepEqual([port?.line, port?.column], [5, 9])
  })

  it('cannot be one for two replicas of a host', async () => {
    const text =
      'services:\n  web:\n    image: a\n    ports: ["80:80"]\n    deploy: { replicas: 2 }\n'
    const result = await compiled(clusterOf(['pi'], { shop: text }))
    assert.match(String(faultTexts(result)), /shop\.yaml:4:13: two replicas of shop\/web on pi/)
  })
})
