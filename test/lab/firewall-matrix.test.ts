import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { buildBusybox } from '../registry/busybox.ts'
import { sizeOf } from '../sizes.ts'
import { postConfig } from './agent-socket.ts'
import { hasApplied } from './agent-status.ts'
import type { Hosts } from './config-hosts.ts'
import { container, registrySettings, writeSettings } from './container-config.ts'
import { createRandom, publishedPorts, RuleMaker, type RulesOf } from './firewall-configs.ts'
import { HeldConnections } from './firewall-held.ts'
import { type Ask, type Place, verdictsOf } from './firewall-model.ts'
import { askText, MatrixTraffic } from './firewall-traffic.ts'
import type { VirtualHost } from './host.ts'
import { createLab, type Lab } from './lab.ts'
import { serveOn } from './registry-host.ts'
import { createSwiftOperator, type SwiftOperator } from './swift-operator.ts'

/** `COVEY_FIREWALL_STEPS=500 COVEY_FIREWALL_SEED=7` for a longer walk, or another. */
const steps = sizeOf('COVEY_FIREWALL_STEPS', 12, 200)
const seed = sizeOf('COVEY_FIREWALL_SEED', 5, 5)

const hostNames = ['cloud01', 'cloud02', 'cloud03']
const fours = ['one', 'two', 'three']
const places: readonly Place[] = hostNames.flatMap((host) =>
  [...fours, 'six'].map((name) => ({ host, container: name })),
)
const startMsMax = 180_000
/** Packets that are on their way together: a busy machine loses some of many. */
const asksAtOnce = 128

/** Adds networks for containers of both families, and four containers, to each host. */
function withContainers(hosts: Hosts, image: string): Hosts {
  const command = ['sleep', '1000000']
  const entries = hostNames.map((host, index) => {
    const own = hosts[host] ?? {}
    const link = own['wg_network'] ?? {}
    const place = `fd69:0:0:${index + 1}::`
    const endpoint = String(link['endpoint']).replace(/:\d+$/, ':51821')
    const six = { type: 'wireguard_network', link_name: 'wg6', address: `fd69::${index + 1}/48` }
    const more = {
      wg6: { ...six, listen_port: 51821, public_key: link['public_key'], endpoint },
      mesh6: { type: 'wireguard_mesh', network: 'wg6' },
      containers: {
        type: 'container_network',
        network: 'wg_network',
        subnet: `10.69.${101 + index}.0/24`,
      },
      containers6: { type: 'container_network', network: 'wg6', subnet: `${place}/64` },
      ...Object.fromEntries(
        fours.map((name, at) => [
          name,
          container(image, `10.69.${101 + index}.${10 + at}`, { command }),
        ]),
      ),
      six: { ...container(image, `${place}10`, { command }), network: 'containers6' },
    }
    return [host, { ...own, ...more }]
  })
  return Object.fromEntries(entries)
}

/** Every pair of containers of one family by every protocol, and every port that is published. */
function asksOf(config: Hosts): readonly Ask[] {
  const asks: Ask[] = []
  for (const from of places) {
    for (const to of places) {
      const isSame = from.host === to.host && from.container === to.container
      if (isSame || (from.container === 'six') !== (to.container === 'six')) continue
      asks.push({ from, to, protocol: 'tcp', port: 80 }, { from, to, protocol: 'tcp', port: 81 })
      asks.push({ from, to, protocol: 'udp', port: 80 }, { from, to, protocol: 'icmp', port: 0 })
    }
    if (from.container === 'six') continue
    for (const host of hostNames) {
      for (const port of publishedPorts) {
        const publish = config[host]?.[`w_${port}`]
        const isItself = host === from.host && publish?.['container'] === from.container
        if (publish === undefined || isItself) continue
        const protocol = publish['protocol'] === 'udp' ? 'udp' : 'tcp'
        asks.push({ from, to: { host, port }, protocol, port })
      }
    }
  }
  return asks
}

describe(`the firewalls of three hosts over ${steps} configs of seed ${seed}`, () => {
  let lab: Lab
  let hosts: readonly VirtualHost[]
  let swift: SwiftOperator
  let base: Hosts
  let held: HeldConnections
  const traffic = new MatrixTraffic()
  const random = createRandom(seed)
  let version = 1

  before(async () => {
    lab = await createLab()
    const layout = join(lab.record.folder, 'busybox')
    await buildBusybox(layout)
    const registry = await serveOn(await lab.host('registry'), {}, { busybox: layout })
    hosts = await Promise.all(hostNames.map((name) => lab.host(name)))
    for (const host of hosts) {
      writeSettings(host, { registries: { [registry.host]: registrySettings(host, registry) } })
    }
    await lab.operator.enrol(hosts)
    await Promise.all(hosts.map((host) => host.startAgent()))
    swift = await createSwiftOperator(lab.operator)
    base = withContainers(await lab.operator.hosts(), registry.images['busybox'] ?? '')
    await release(base)
    for (const host of hosts) {
      await host.waitFor('runs its containers', ({ state }) => state === 'in-sync', startMsMax)
    }
    traffic.configs.push(base)
    await traffic.open(hosts, places)
    const talkers = places.filter(
      ({ host, container: name }) => name === 'one' || (host === 'cloud01' && name === 'two'),
    )
    held = new HeldConnections(base, talkers)
    await held.open(hosts)
  })
  after(async () => {
    await held?.close()
    await traffic.close()
    lab?.close()
  })

  const withRules = (rules: RulesOf): Hosts =>
    Object.fromEntries(hostNames.map((host) => [host, { ...base[host], ...rules[host] }]))

  /** Hands a version to one host, and waits until all have applied it. */
  async function release(config: Hosts): Promise<void> {
    version++
    const signed = await swift.sign(version, '', config)
    const [through] = hosts
    const verdict = await postConfig(through?.socketPath ?? '', signed.text)
    assert.equal(verdict.verdict, 'accepted', JSON.stringify(verdict))
    for (const host of hosts) {
      const what = `has applied version ${version}`
      await host.waitFor(what, (status) => hasApplied(status, version))
    }
  }

  /** The number of containers' packets that covey has dropped on all hosts. */
  async function refused(): Promise<number> {
    const counts = await Promise.all(
      hosts.map(async (host) => {
        const text = await host.must('nft', ['-j', 'list', 'counters', 'table', 'inet', 'covey'])
        const listed: readonly { counter?: { name: string; packets: number } }[] =
          JSON.parse(text).nftables
        return listed.reduce((sum, { counter: each }) => {
          const isOurs = each !== undefined && /^(refused_(in|out)|spoofed)$/.test(each.name)
          return sum + (isOurs ? each.packets : 0)
        }, 0)
      }),
    )
    return counts.reduce((sum, count) => sum + count, 0)
  }

  /** Sends packets of each kind, and waits until each kind has come out or was dropped. */
  async function checkAll(step: number): Promise<void> {
    const config = traffic.configs.at(-1) ?? {}
    const [allowed, forbidden]: [Ask[], Ask[]] = [[], []]
    for (const ask of asksOf(config)) {
      const said = verdictsOf(config, ask)
      if (said.out && said.in) allowed.push(ask)
      else forbidden.push(ask)
    }
    for (let first = 0; first < allowed.length; first += asksAtOnce) {
      await traffic.allComeOut(allowed.slice(first, first + asksAtOnce), `config ${step}`)
    }
    await traffic.noneComesOut(forbidden, `config ${step}`, refused)
    assert.deepEqual(traffic.violations, [])
  }

  /** Goes from one config to the next while packets and connections go on. */
  async function change(config: Hosts, step: number): Promise<void> {
    const since = traffic.settled
    traffic.configs.push(config)
    const stays = (ask: Ask): boolean => traffic.mustArrive(ask, since)
    held.keep(stays)
    const asks = asksOf(config)
    const kept: number[] = []
    let isOver = false
    const flood = async (): Promise<void> => {
      for (let turn = 0; !isOver; turn++) {
        const ask = asks[Math.floor(Math.random() * asks.length)]
        if (ask === undefined) return
        const id = traffic.send(ask)
        if ('container' in ask.to && stays(ask)) kept.push(id)
        if (turn % 4 === 3) await pause(5)
      }
    }
    const speak = async (): Promise<void> => {
      while (!isOver) {
        assert.deepEqual((await held.speak()).map(askText), [], `config ${step}`)
        await pause(20)
      }
    }
    const beside = Promise.all([flood(), speak()])
    try {
      await release(config)
    } finally {
      isOver = true
    }
    await beside
    await traffic.allArrive(kept, `on the way to config ${step}`)
    traffic.settled = traffic.configs.length - 1
  }

  it('let through exactly what a model of the documentation says, at every moment', async () => {
    const maker = new RuleMaker(base, places, random)
    await checkAll(0)
    let rules: RulesOf = Object.fromEntries(hostNames.map((host) => [host, {}]))
    for (let step = 1; step <= steps; step++) {
      rules = maker.next(rules)
      await change(withRules(rules), step)
      await checkAll(step)
      const isAllowed = (ask: Ask): boolean => traffic.mustArrive(ask, traffic.settled)
      const failed = await held.hold(isAllowed)
      assert.deepEqual(failed.map(askText), [], `config ${step}`)
    }
    assert.deepEqual(traffic.violations, [])
  })
})
