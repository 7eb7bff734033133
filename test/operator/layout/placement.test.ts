import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Compiled } from '../../../operator/layout/compile.ts'
import { withFacts } from '../../../operator/layout/lock.ts'
import { clusterOf, compiled, type Files, faultTexts, sound } from './world.ts'

const hosts = ['a', 'b', 'c']

/** A stack `shop` on three hosts. */
function shopOf(services: string, options: string = 'hosts: [a, b, c]'): Files {
  return clusterOf(hosts, { shop: [options, `services:\n${services}`] })
}

/** Constraints of a service. */
function on(constraints: string): string {
  return `deploy: { placement: { constraints: ["${constraints}"] } }`
}

/** Hosts of a service, by the lock. */
function placeOf({ lock }: Compiled, service: string = 'shop/web'): readonly string[] {
  return (lock.facts.get(`placement.${service}`) ?? '').split(',')
}

/** Hosts that have an object. */
function hostsWith({ hosts: sections }: Compiled, name: string): readonly string[] {
  return Object.keys(sections).filter((host) => Object.hasOwn(sections[host] ?? {}, name))
}

describe('replicas', () => {
  it('are spread evenly, and named by their order on a host', async () => {
    const result = await sound(shopOf('  web: { image: a, deploy: { replicas: 5 } }\n'))
    const counts = hosts.map((host) => placeOf(result).filter((each) => each === host).length)
    assert.deepEqual([...counts].sort(), [1, 2, 2])
    assert.deepEqual(hostsWith(result, 'shop-web'), hosts)
    assert.equal(hostsWith(result, 'shop-web_2').length, 2)
    const labels = hosts.flatMap((host) =>
      Object.values(result.hosts[host] ?? {}).flatMap((object) => object['labels'] ?? []),
    )
    const numbers = labels.map((each) => Object(each)['covey.replica'])
    assert.deepEqual([...numbers].sort(), ['2', '3', '4', '5', undefined])
  })

  it('are one on each host with mode: global', async () => {
    const result = await sound(shopOf('  web: { image: a, deploy: { mode: global } }\n'))
    assert.deepEqual([...placeOf(result)].sort(), hosts)
  })

  it('keep their place when their number changes', async () => {
    const web = (count: number): Files =>
      shopOf(`  web: { image: a, deploy: { replicas: ${count} } }\n`)
    const two = await sound(web(2))
    const three = await sound(web(3), two.lock)
    assert.deepEqual(placeOf(three).slice(0, 2), placeOf(two))
    const again = await sound(web(2), three.lock)
    assert.deepEqual(again.hosts, two.hosts)
  })

  it('are refused where a service has data, with both places', async () => {
    const web =
      '  web:\n    image: a\n    volumes: ["d:/d"]\n    deploy: { replicas: 2 }\nvolumes: { d: {} }\n'
    assert.deepEqual(faultTexts(await compiled(shopOf(web))), [
      'shop.yaml:5:25: shop/web has data (shop.yaml:4:15): it runs once, or without that mount',
    ])
  })
})

describe('a place', () => {
  it('is narrowed by x-covey, labels and names of hosts', async () => {
    const files = shopOf(
      '  web: { image: a, x-covey: { host: c } }\n' +
        `  db: { image: a, ${on('node.labels.disk == ssd')} }\n` +
        `  api: { image: a, ${on('node.hostname!=a", "node.hostname != c')} }\n`,
    )
    const layout = files['cluster.yaml']?.replace('  b: {}', '  b: { labels: { disk: ssd } }') ?? ''
    const result = await sound({ ...files, 'cluster.yaml': layout })
    assert.deepEqual(placeOf(result), ['c'])
    assert.deepEqual(placeOf(result, 'shop/db'), ['b'])
    assert.deepEqual(placeOf(result, 'shop/api'), ['b'])
  })

  it('is a fault where no host is left', async () => {
    const web =
      '  web:\n    image: a\n    deploy: { placement: { constraints: ["node.role == manager", "node.labels.x == 1"] } }\n'
    assert.deepEqual(faultTexts(await compiled(shopOf(web))), [
      'shop.yaml:4:42: covey has no managers and no workers: name hosts, or labels of hosts',
      'shop.yaml:4:66: no host is left: a, b, c do not fit',
    ])
  })

  it('is the same for services that share a volume, a path or a network', async () => {
    const result = await sound(
      shopOf(
        '  web: { image: a, volumes: ["d:/d"] }\n  db: { image: a, volumes: ["d:/d"] }\n' +
          '  x1: { image: a, volumes: ["/srv/x:/x"] }\n' +
          '  x2: { image: a, volumes: ["/srv/x:/x"] }\n' +
          '  vpn: { image: a }\n  inside: { image: a, network_mode: "service:vpn" }\nvolumes: { d: {} }\n',
      ),
    )
    for (const [one, other] of [
      ['web', 'db'],
      ['x1', 'x2'],
      ['vpn', 'inside'],
    ]) {
      assert.deepEqual(placeOf(result, `shop/${one}`), placeOf(result, `shop/${other}`))
    }
  })

  it('is a fault where services that share something may not be together', async () => {
    const text =
      '  db: { image: a, volumes: ["d:/d"], x-covey: { host: a } }\n' +
      '  web: { image: a, volumes: ["d:/d"], x-covey: { host: b } }\nvolumes: { d: {} }\n'
    assert.deepEqual(faultTexts(await compiled(shopOf(text))), [
      'shop.yaml:3:3: shop/web and shop/db (shop.yaml:2) share the volume shop/d, and no host may run both',
    ])
  })

  it('is kept while another service or host comes', async () => {
    const before = await sound(shopOf('  web: { image: a }\n'))
    const more = clusterOf([...hosts, 'd'], {
      shop: ['hosts: [a, b, c, d]', 'services:\n  web: { image: a }\n  api: { image: a }\n'],
    })
    assert.deepEqual(placeOf(await sound(more, before.lock)), placeOf(before))
  })

  it('is never one for which the image is not made', async () => {
    const platforms = Object.fromEntries(
      hosts.map((host) => [
        `host.${host}.platform`,
        host === 'b' ? 'linux/arm64/v8' : 'linux/amd64',
      ]),
    )
    const files = shopOf('  web: { image: "docker.io/me/a:1" }\n')
    const first = await sound(files)
    const digest = `sha256:${'0'.repeat(64)}`
    const lock = withFacts(first.lock, {
      ...platforms,
      'image.docker.io/me/a:1': `${digest} linux/arm64`,
    })
    assert.deepEqual(placeOf(await sound(files, lock)), ['b'])
    const s390 = withFacts(lock, { 'image.docker.io/me/a:1': `${digest} linux/s390x` })
    assert.match(String(faultTexts(await compiled(files, s390))), /there is no image for a, b, c/)
  })

  it('must be said where there are several hosts', async () => {
    const layout = 'cluster: home\nhosts: { a: {}, b: {} }\nservices:\n  web: { image: a }\n'
    const result = await compiled({ 'cluster.yaml': layout })
    assert.deepEqual(faultTexts(result), [
      'cluster.yaml:4:3: must say where it runs: host: NAME (known: a, b)',
    ])
    const said = layout.replace('image: a', 'image: a, host: b')
    assert.deepEqual(placeOf(await sound({ 'cluster.yaml': said }), '/web'), ['b'])
  })
})
