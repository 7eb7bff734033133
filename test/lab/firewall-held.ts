import { Probe } from '../reconcilers/nftables/world.ts'
import type { Hosts } from './config-hosts.ts'
import { type Ask, addressOf, type Place } from './firewall-model.ts'
import { insideContainer } from './firewall-traffic.ts'
import type { VirtualHost } from './host.ts'

const echoPort = 7

interface Held {
  readonly ask: Ask
  readonly handle: number
}

/** Connections between a few containers that go on for as long as every config lets them. */
export class HeldConnections {
  readonly #probes = new Map<string, Probe>()
  readonly #places: readonly Place[]
  readonly #hosts: Hosts
  #held: readonly Held[] = []

  constructor(hosts: Hosts, places: readonly Place[]) {
    this.#hosts = hosts
    this.#places = places
  }

  #probe({ host, container }: Place): Probe {
    const probe = this.#probes.get(`${host}/${container}`)
    if (probe === undefined) throw new Error(`no probe in ${host}/${container}`)
    return probe
  }

  async open(hosts: readonly VirtualHost[]): Promise<void> {
    for (const place of this.#places) {
      const host = hosts.find(({ name }) => name === place.host)
      if (host === undefined) throw new Error(`no host ${place.host}`)
      const probe = new Probe(insideContainer(host, place.container))
      this.#probes.set(`${place.host}/${place.container}`, probe)
      await probe.ask('listen', addressOf(this.#hosts, place), echoPort)
    }
  }

  /** Connects wherever that is allowed and nothing is held yet. Gives what could not connect. */
  async hold(isAllowed: (ask: Ask) => boolean): Promise<readonly Ask[]> {
    const failed: Ask[] = []
    const opened: Held[] = []
    for (const from of this.#places) {
      for (const to of this.#places) {
        const ask: Ask = { from, to, protocol: 'tcp', port: echoPort }
        const isHeld = this.#held.some((each) => each.ask.from === from && each.ask.to === to)
        if (from === to || isHeld || !isAllowed(ask)) continue
        const probe = this.#probe(from)
        const handle = probe.next
        const isUp = await probe.ask('hold', addressOf(this.#hosts, to), echoPort, 30_000)
        if (isUp) opened.push({ ask, handle })
        else failed.push(ask)
      }
    }
    this.#held = [...this.#held, ...opened]
    return failed
  }

  /** Lets go of those that a config does not allow any more. */
  keep(isAllowed: (ask: Ask) => boolean): void {
    this.#held = this.#held.filter(({ ask }) => isAllowed(ask))
  }

  /** Says something on every one that is held. Gives those that were not answered. */
  async speak(): Promise<readonly Ask[]> {
    const answers = await Promise.all(
      this.#held.map(async ({ ask, handle }) => ({
        ask,
        isAnswered: await this.#probe(ask.from).ask('speak', '', handle, 30_000),
      })),
    )
    return answers.filter(({ isAnswered }) => !isAnswered).map(({ ask }) => ask)
  }

  async close(): Promise<void> {
    for (const probe of this.#probes.values()) await probe.close()
  }
}
