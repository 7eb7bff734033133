import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { craft } from '../packets/craft.ts'
import { type Sighting, Wire } from '../packets/wire.ts'
import type { Hosts } from './config-hosts.ts'
import { type Ask, addressOf, meshAddresses, type Place, verdictsOf } from './firewall-model.ts'
import type { VirtualHost } from './host.ts'
import { until } from './waiting.ts'

/** Looks at what has come out, of 50 ms each, until packets that have not are sent again. */
const turnsUntilAgain = 20

/** An ask that was sent, and the last config that was in force everywhere by then. */
interface Sent {
  readonly ask: Ask
  readonly since: number
}

/** Path of the network namespace of a container on a virtual host: its agent's mark is in it. */
export function networkOf(host: VirtualHost, container: string): string {
  const { mark } = JSON.parse(
    readFileSync(join(host.folder, 'var-lib/covey/instance.json'), 'utf8'),
  )
  return `/run/netns/covey.${mark}.${container}`
}

/** Puts a command into the network of a container on a virtual host. */
export function insideContainer(host: VirtualHost, container: string): readonly string[] {
  const inside = ['nsenter', `--net=${networkOf(host, container)}`, '--']
  return ['nsenter', '--target', String(host.pid), '--mount', '--net', '--', ...inside]
}

const nameOf = ({ host, container }: Place): string => `${host}/${container}`

/** Asks in words, for the message of a failure. */
export function askText({ from, to, protocol, port }: Ask): string {
  const target = 'container' in to ? `${nameOf(to)} ${port}` : `host ${to.host} ${to.port}`
  return `${nameOf(from)} to ${target}/${protocol}`
}

/** Where packets may have got lost on a host: in covey's table, and in buffers that were full. */
async function lossesOf(host: VirtualHost): Promise<string> {
  const counters = await host.must('nft', ['list', 'counters', 'table', 'inet', 'covey'])
  const refused = [...counters.matchAll(/counter (\w+) \{\s+packets (\d+)/g)]
  const links: readonly { ifname: string; stats64: Record<'rx' | 'tx', Record<string, number>> }[] =
    JSON.parse(await host.must('ip', ['-s', '-j', 'link']))
  const lost = links.flatMap(({ ifname, stats64: { rx, tx } }) => {
    const [received, sent] = [rx['dropped'] ?? 0, tx['dropped'] ?? 0]
    return received + sent === 0 ? [] : [`${ifname} ${received} in ${sent} out`]
  })
  const sockets = await host.must('cat', ['/proc/net/snmp', '/proc/net/snmp6'])
  const full = [...sockets.matchAll(/^(?:Udp: \d.*|Udp6RcvbufErrors.*)$/gm)].map(([line]) => line)
  const words = refused.map(([, name, count]) => `${name} ${count}`).join(', ')
  return `${host.name}: ${words}; dropped by links: ${lost.join(', ') || 'none'}; ${full.join('; ')}`
}

/**
 * Single packets between containers of real hosts, each known by its number wherever it comes out,
 * and what a model says of them over a sequence of configs.
 */
export class MatrixTraffic {
  /** Configs by their place in the sequence. */
  readonly configs: Hosts[] = []
  /** The last config that is in force on every host; the ones after it may be on some. */
  settled = 0
  /** Packets that came out where no config of their time would have let them. */
  readonly violations: string[] = []
  readonly #wires = new Map<string, Wire>()
  readonly #sent = new Map<number, Sent>()
  readonly #arrived = new Set<number>()
  /** Packets that have left their container. */
  readonly #left = new Set<number>()
  #hosts: readonly VirtualHost[] = []
  #next = 1
  #led = 0

  async open(hosts: readonly VirtualHost[], places: readonly Place[]): Promise<void> {
    this.#hosts = hosts
    for (const place of places) {
      const host = hosts.find(({ name }) => name === place.host)
      if (host === undefined) throw new Error(`no host ${place.host}`)
      const notice = (sighting: Sighting): void => this.#notice(place, sighting)
      const wire = await Wire.open(insideContainer(host, place.container), notice)
      this.#wires.set(nameOf(place), wire)
    }
  }

  #notice(place: Place, { id, way }: Sighting): void {
    const sent = this.#sent.get(id)
    if (way === 'out') this.#left.add(id)
    // What comes back to the asker are answers, which quote what was asked.
    if (way === 'out' || sent === undefined || nameOf(place) === nameOf(sent.ask.from)) return
    this.#arrived.add(id)
    if (!this.#couldArrive(sent, place)) {
      const window = `configs ${sent.since} to ${this.configs.length - 1}`
      this.violations.push(`${askText(sent.ask)} came out at ${nameOf(place)} (${window})`)
    }
  }

  /** True if some config of a packet's time lets it out, and some lets it in where it came out. */
  #couldArrive({ ask, since }: Sent, place: Place): boolean {
    const window = this.configs.slice(since)
    const leads = (config: Hosts): boolean => {
      if ('container' in ask.to) return nameOf(ask.to) === nameOf(place)
      return config[ask.to.host]?.[`w_${ask.to.port}`]?.['container'] === place.container
    }
    return window.some((published) => {
      if (!leads(published) || !verdictsOf(published, ask).in) return false
      return window.some((config) => {
        const isOneHost = ask.from.host === ask.to.host
        return verdictsOf(config, ask, isOneHost ? published : config).out
      })
    })
  }

  /** True if every mixture of the configs from `since` on lets it through. */
  mustArrive(ask: Ask, since: number): boolean {
    return this.configs.slice(since).every((config) => {
      const said = verdictsOf(config, ask)
      return said.out && said.in
    })
  }

  /** Sends one packet; gives its number. */
  send(ask: Ask): number {
    const id = this.#next++
    const config = this.configs[this.configs.length - 1] ?? {}
    const to =
      'container' in ask.to
        ? addressOf(config, ask.to)
        : (meshAddresses(config, ask.to.host)[0] ?? '')
    // A datagram has the ports of those before it, so that old flows are met again, also those that
    // were led elsewhere before. A connection has others, apart where a port leads it on.
    const isLed = !('container' in ask.to)
    const fresh = 20_000 + (id % 40_000)
    const begun = isLed ? 1_024 + (this.#led++ % 18_000) : fresh
    const packet = craft({
      from: addressOf(config, ask.from),
      to,
      protocol: ask.protocol,
      port: 'container' in ask.to ? ask.port : ask.to.port,
      sourcePort: ask.protocol === 'tcp' ? begun : 19_500,
      id,
    })
    this.#sent.set(id, { ask, since: this.settled })
    this.#wires.get(nameOf(ask.from))?.send(to, packet)
    return id
  }

  /**
   * Waits until a packet of each ask has come out, and sends further ones of those that have not.
   * Nothing promises a single one its way: not WireGuard while two ends shake hands for the first
   * time, and not the queues of a busy machine. What a firewall refuses it refuses again.
   */
  async allComeOut(asks: readonly Ask[], what: string): Promise<void> {
    const open = new Map(asks.map((ask) => [ask, [this.send(ask)]]))
    let turn = 0
    await until(`${what}: ${asks.map(askText).join('; ')}`, () => {
      const isAgain = ++turn % turnsUntilAgain === 0
      for (const [ask, ids] of open) {
        if (ids.some((id) => this.#arrived.has(id))) open.delete(ask)
        else if (isAgain) ids.push(this.send(ask))
      }
      return open.size === 0
    }).catch(async (cause) => {
      const never = [...open.keys()].map(askText).join('; ')
      const losses = await Promise.all(this.#hosts.map(lossesOf))
      throw new Error([`${what}: never came: ${never}`, ...losses].join('\n'), { cause })
    })
  }

  /**
   * Sends a packet of each ask, and waits until as many more were `refused`, or one came out. What
   * got lost on its way to a firewall is sent again.
   */
  async noneComesOut(
    asks: readonly Ask[],
    what: string,
    refused: () => Promise<number>,
  ): Promise<void> {
    const before = await refused()
    let turn = 0
    await until(`${what}: ${asks.length} packets are dropped`, async () => {
      if (turn++ % turnsUntilAgain === 0) for (const ask of asks) this.send(ask)
      return this.violations.length > 0 || (await refused()) - before >= asks.length
    })
  }

  /** Waits until all of these have come out; fails with those that have not. */
  async allArrive(ids: readonly number[], what: string): Promise<void> {
    const missing = (): readonly number[] => ids.filter((id) => !this.#arrived.has(id))
    try {
      await until(what, () => missing().length === 0)
    } catch {
      const texts = missing().flatMap((id) => {
        const sent = this.#sent.get(id)
        const where = this.#left.has(id) ? 'left its container' : 'never left its container'
        return sent === undefined ? [] : [`${askText(sent.ask)} (${where})`]
      })
      const never = `${texts.length} never came: ${texts.slice(0, 8).join('; ')}`
      const losses = await Promise.all(this.#hosts.map(lossesOf))
      throw new Error([`${what}: ${never}`, ...losses].join('\n'))
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#wires.values()].map((wire) => wire.close()))
  }
}
