import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Config } from '../../../protocol/documents/config.ts'
import { containerNetwork } from '../../../reconcilers/container-network/index.ts'
import { namespaceName, vethName } from '../../../reconcilers/container-network/names.ts'
import { StepError } from '../../../reconcilers/reconciler.ts'
import { wireguard } from '../../../reconcilers/wireguard/index.ts'
import { configOf } from '../configs.ts'
import { reconcile } from '../contract-suite.ts'
import { fakeNamespaces } from '../fake/containers.ts'
import { createFakeHost, type FakeHost } from '../fake/host.ts'
import { makeLink, modelText } from '../fake/model.ts'
import { byHand } from '../wireguard/cases.ts'
import { container, ip, makeTunnels, sections } from './cases.ts'

const never = new AbortController().signal
const lan = { type: 'container_network', subnet: '192.168.7.0/24' }
const web = container('lan', '192.168.7.5')
const db = container('lan', '192.168.7.6')
const config = configOf({ a: { lan, web, db } })

async function go(host: FakeHost, wanted: Config = config): Promise<readonly string[]> {
  return reconcile(containerNetwork, wanted, 'a', host.ports)
}

/** The steps of a round, and its verdicts on objects. */
async function look(host: FakeHost, wanted: Config = config) {
  const { spec } = containerNetwork.resolve(wanted, 'a')
  const observed = await containerNetwork.observe(spec, host.ports, never)
  const verdicts = containerNetwork.judge(spec, observed)
  return {
    steps: containerNetwork.plan(spec, observed),
    said: verdicts.map(({ object, state, reason }) => `${object}: ${state}: ${reason}`),
  }
}

describe('rounds over the network of containers', () => {
  it('take one process where nothing changes, also together with WireGuard', async () => {
    const host = createFakeHost()
    const all = configOf({
      a: { wg: { type: 'wireguard_network', link_name: 'wg0', address: '10.69.0.1/16' }, lan, web },
    })
    await reconcile(wireguard, all, 'a', host.ports)
    await go(host, all)
    host.commands.length = 0
    const round = new AbortController().signal
    const specs = [
      wireguard.resolve(all, 'a').spec,
      containerNetwork.resolve(all, 'a').spec,
    ] as const
    const [tunnels, links] = await Promise.all([
      wireguard.observe(specs[0], host.ports, round),
      containerNetwork.observe(specs[1], host.ports, round),
    ])
    assert.deepEqual(host.commands, ['ip -json -details -batch -', 'wg show wg0 dump'])
    assert.deepEqual(wireguard.plan(specs[0], tunnels), [])
    assert.deepEqual(containerNetwork.plan(specs[1], links), [])
  })

  it('make any number of containers with the same references in one batch', async () => {
    const host = createFakeHost()
    const names = Array.from({ length: 50 }, (_, at) => `c${at}`)
    const many = names.map((name, at) => [name, container('lan', `192.168.7.${at + 1}`)] as const)
    const apart = container('lan', '192.168.7.99', { mounts: [{ volume: 'data', path: '/data' }] })
    const section = { lan, data: { type: 'volume' }, apart, ...Object.fromEntries(many) }
    const steps = await go(host, configOf({ a: section }))
    assert.deepEqual(
      steps.filter((step) => step.startsWith('make')).map((step) => step.split(':')[0]),
      ['make links to 1 containers', 'make links to 50 containers'],
    )
    const batches = host.commands.filter((each) => each === 'ip -force -batch -')
    assert.equal(batches.length, 1 + 2 * 2, 'a subnet, and two batches for each group')
    assert.equal(
      host.commands.filter((each) => each.startsWith('ip -n covey.00000000.')).length,
      51,
    )
  })
})

describe('whose a link to a container is', () => {
  it("refuses one of its name that is another's, and makes the others", async () => {
    for (const kind of ['veth', 'bridge']) {
      const host = createFakeHost()
      host.model.links.set(vethName('web'), makeLink(kind))
      await go(host)
      const { steps, said } = await look(host)
      assert.deepEqual(steps, [])
      assert.deepEqual(said, [`web: failed: ${vethName('web')} is not covey's link`])
      assert.match(modelText(host.model), new RegExp(`${vethName('web')} ${kind} down`))
      assert.match(modelText(host.model), /^route 192.168.7.6\/32 dev cv-\w+ proto 190$/m)
    }
  })

  it('takes up one that could not be named any more before covey was killed', async () => {
    const host = createFakeHost()
    await go(host)
    const before = modelText(host.model)
    const link = host.model.links.get(vethName('web'))
    assert.ok(link)
    link.alias = null
    await go(host)
    assert.equal(modelText(host.model), before)
  })

  it('removes a link of the same container under another name', async () => {
    const host = createFakeHost()
    await go(host)
    const before = modelText(host.model)
    const link = host.model.links.get(vethName('web'))
    assert.ok(link)
    const { links, routes, settings } = host.model
    links.delete(vethName('web'))
    links.set('renamed', link)
    const isWebs = ({ link: name }: (typeof routes)[number]): boolean => name === vethName('web')
    host.model.routes = routes.map((each) => (isWebs(each) ? { ...each, link: 'renamed' } : each))
    for (const name of settings.keys()) if (name.includes(vethName('web'))) settings.delete(name)
    await go(host)
    assert.equal(modelText(host.model), before)
  })
})

describe('namespaces of containers', () => {
  it('are made again while the container holds the lost one', async () => {
    for (const bareFile of [false, true]) {
      const host = createFakeHost()
      await go(host)
      const before = modelText(host.model)
      const name = namespaceName('web', fakeNamespaces)
      const held = host.model.namespaces.get(name)
      assert.ok(held)
      held.isHeld = true
      await byHand(host.ports, ip(`netns del ${name}`))
      if (bareFile) host.model.namespaces.set(name, null)
      assert.notEqual(modelText(host.model), before)
      await go(host)
      assert.equal(modelText(host.model), before)
      assert.notEqual(host.model.namespaces.get(name), held)
    }
  })

  it('stay with their links until the container in them has ended', async () => {
    const host = createFakeHost()
    await go(host)
    const before = modelText(host.model)
    const id = 'covey-web-0123456789ab'
    host.containers.all.set(id, {
      record: null,
      process: { state: 'running', pid: 7, startedMs: 0 },
      broken: null,
      stopping: null,
      count: { restarts: 0, streak: 0 },
      lastExit: null,
      isPrepared: true,
      health: null,
      hosts: null,
      resolvConf: null,
      creation: null,
    })
    const without = configOf({ a: { lan, db } })
    assert.deepEqual(await go(host, without), [])
    assert.equal(modelText(host.model), before)
    host.containers.exit(id, 0)
    assert.deepEqual(await go(host, without), [
      `link del dev ${vethName('web')}; netns del ${namespaceName('web', fakeNamespaces)}`,
    ])
    assert.doesNotMatch(modelText(host.model), /covey-web/)
  })

  it('stay for what is faulty, with the subnet', async () => {
    const host = createFakeHost()
    await go(host)
    const before = modelText(host.model)
    const bad = [
      { lan, db, web: { ...web, address: 'x' } },
      { lan: { ...lan, subnet: 'x' }, db, web },
      { lan: 7, db, web },
    ]
    for (const section of bad) {
      assert.deepEqual(await go(host, configOf({ a: section })), [])
      assert.equal(modelText(host.model), before)
    }
  })
})

describe('a subnet in which the host has neighbours of its own', () => {
  const hostAt = async (...addresses: readonly string[]): Promise<FakeHost> => {
    const host = createFakeHost()
    host.model.links.set('eth0', { ...makeLink('x'), up: true })
    for (const each of addresses) await byHand(host.ports, ip(`addr replace ${each} dev eth0`))
    return host
  }

  it('is refused, and its route goes if they came later', async () => {
    for (const taken of ['192.168.7.9/24', '192.168.7.200/26', '192.168.0.1/16']) {
      const host = await hostAt('198.51.100.7/24')
      await go(host)
      await byHand(host.ports, ip(`addr replace ${taken} dev eth0`))
      assert.deepEqual(await go(host), ['route del unreachable 192.168.7.0/24 proto 190'])
      const { steps, said } = await look(host)
      assert.deepEqual(steps, [])
      assert.match(
        said.join(),
        /^lan: failed: 192.168.7.0\/24 overlaps with .* of this host's eth0$/,
      )
      assert.ok(host.model.links.has(vethName('web')))
      assert.deepEqual(await go(await hostAt(taken)), [])
    }
  })

  it('is none where the host has one address in it, or the whole cluster lies there', async () => {
    const { wg, cn } = sections.first as Record<string, unknown>
    const clustered = configOf({ a: { wg, cn, lan, web } })
    const host = await hostAt('192.168.7.1/32', '10.0.0.7/8')
    await makeTunnels(host.ports)
    await go(host, clustered)
    assert.deepEqual((await look(host, clustered)).said, [])
    assert.match(modelText(host.model), /^route 10.69.1.0\/24 unreachable proto 190$/m)
  })
})

describe('what fails for one container', () => {
  it('is told for that one alone, which is not taken for whole', async () => {
    const host = createFakeHost()
    const inside = `ip -n ${namespaceName('web', fakeNamespaces)}`
    host.model.broken.set(inside, { exitCode: 1, stdout: '', stderr: 'no memory\n' })
    await assert.rejects(go(host), (error: unknown) => {
      assert.ok(error instanceof StepError)
      assert.deepEqual(error.failed, [{ object: 'web', reason: 'ip: no memory' }])
      return true
    })
    const { steps } = await look(host)
    assert.deepEqual(
      steps.map(({ objects }) => objects),
      [['web']],
    )
    host.model.broken.clear()
    await go(host)
    assert.deepEqual((await look(host)).steps, [])
  })

  it('may be another route to its address', async () => {
    const host = createFakeHost()
    host.model.links.set('eth0', { ...makeLink('veth'), up: true })
    await byHand(host.ports, ip('route add 192.168.7.5/32 dev eth0 proto 4'))
    await assert.rejects(go(host), /web: route add .*File exists/)
    assert.match(modelText(host.model), /route 192.168.7.5\/32 dev eth0 proto 4/)
  })
})

describe('forwarding', () => {
  it('is turned on for the families that are needed, and never off', async () => {
    const host = createFakeHost()
    await go(host)
    const forwarding = (): readonly string[] =>
      [...host.model.settings].map(([name]) => name).filter((each) => each.includes('/all/'))
    assert.deepEqual(forwarding(), ['net/ipv4/conf/all/forwarding'])
    await go(host, configOf({ a: {} }))
    assert.deepEqual(forwarding(), ['net/ipv4/conf/all/forwarding'])
  })

  it("lets a host go on learning its own routes from a link's router", async () => {
    const host = createFakeHost()
    const { links, settings } = host.model
    for (const name of ['eth0', 'eth1', 'eth2']) links.set(name, { ...makeLink('x'), up: true })
    for (const name of ['eth0', 'eth1']) {
      await byHand(host.ports, ip(`route add fd${name.at(-1)}::/64 dev ${name} proto 9`))
    }
    settings.set('net/ipv6/conf/eth1/accept_ra', 0)
    await go(host, configOf({ a: { six: { ...lan, subnet: 'fd77::/64' } } }))
    assert.deepEqual(
      [...settings].map(([name, value]) => `${name}=${value}`),
      [
        'net/ipv6/conf/eth1/accept_ra=0',
        'net/ipv6/conf/eth0/accept_ra=2',
        'net/ipv6/conf/all/forwarding=1',
      ],
    )
  })
})
