import type { Hosts } from './config-hosts.ts'
import type { Place } from './firewall-model.ts'

/** Numbers from 0 to 1 that a seed decides (mulberry32). */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** A choice of rules for some hosts. */
export interface RulesOf {
  readonly [host: string]: Record<string, Record<string, unknown>>
}

/** Published ports that may be there. */
export const publishedPorts: readonly number[] = [8080, 8081]

const portLists = [
  ['80/tcp'],
  ['80/udp'],
  ['icmp'],
  ['7/tcp', '80-81/tcp'],
  ['79-80/udp', 'icmp'],
  ['1-65535/tcp'],
  ['1-65535/udp'],
]

/** Makes random rules for hosts that have containers. */
export class RuleMaker {
  readonly #random: () => number
  readonly #base: Hosts
  readonly #places: readonly Place[]

  constructor(base: Hosts, places: readonly Place[], random: () => number) {
    this.#base = base
    this.#places = places
    this.#random = random
  }

  #chance(share: number): boolean {
    return this.#random() < share
  }

  #pick<T>(from: readonly T[]): T {
    const found = from[Math.floor(this.#random() * from.length)]
    if (found === undefined) throw new Error('nothing to pick from')
    return found
  }

  #end(): string {
    const { host, container } = this.#pick(this.#places)
    const address = String(this.#base[host]?.[container]?.['address'])
    const network = String(this.#base[host]?.['containers']?.['subnet'])
    const wide = ['0.0.0.0/0', '::/0', '10.69.0.0/16', 'fd69::/48', network, address]
    if (this.#chance(0.5)) return `container:${host}/${container}`
    return this.#chance(0.2) ? `host:${host}` : this.#pick(wide)
  }

  #rules(way: 'from' | 'to'): readonly Record<string, unknown>[] {
    const count = Math.floor(this.#random() * 4)
    return Array.from({ length: count }, () => ({
      [way]: this.#end(),
      ...(this.#chance(0.75) && { ports: this.#pick(portLists) }),
    }))
  }

  /** Rules of one host; none at all now and then. */
  rules(host: string): Record<string, Record<string, unknown>> {
    const rules: Record<string, Record<string, unknown>> = {}
    if (this.#chance(0.1)) return rules
    const own = this.#places.filter((place) => place.host === host)
    for (const [network, link] of [
      ['containers', 'wg_network'],
      ['containers6', 'wg6'],
    ] as const) {
      if (this.#chance(0.6))
        rules[`f_${network}`] = { type: 'nftables_forward', from: network, to: link }
    }
    for (const { container } of own) {
      const isSix = this.#base[host]?.[container]?.['network'] === 'containers6'
      if (this.#chance(0.2)) {
        const to = isSix ? 'wg6' : 'wg_network'
        rules[`f_${container}`] = { type: 'nftables_forward', from: container, to }
      }
      if (!this.#chance(0.75)) continue
      rules[`p_${container}`] = {
        type: 'nftables_policy',
        container,
        ...(this.#chance(0.85) && { ingress: this.#rules('from') }),
        ...(this.#chance(0.3) && { egress: this.#rules('to') }),
      }
    }
    for (const port of publishedPorts) {
      if (!this.#chance(0.35)) continue
      const four = own.filter(({ container }) => !container.startsWith('six'))
      rules[`w_${port}`] = {
        type: 'nftables_publish',
        container: this.#pick(four).container,
        protocol: this.#pick(['tcp', 'udp']),
        host_port: port,
        container_port: 80,
        on: this.#pick(['network', 'lan', 'public']),
      }
    }
    if (this.#chance(0.3)) rules['nat'] = { type: 'nftables_masquerade', network: 'containers' }
    return rules
  }

  /** Other rules than before for one host or more. */
  next(before: RulesOf): RulesOf {
    const hosts = Object.keys(before)
    const changed = hosts.filter(() => this.#chance(0.5))
    const [first = ''] = changed.length > 0 ? changed : [this.#pick(hosts)]
    const all = new Set([first, ...changed])
    return Object.fromEntries(
      hosts.map((host) => [host, all.has(host) ? this.rules(host) : (before[host] ?? {})]),
    )
  }
}
