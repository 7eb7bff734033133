import type { Config, ConfigObject, HostSection } from '../../protocol/documents/config.ts'
import type { Fault } from '../../protocol/fault.ts'
import { type Card, verifyCard } from '../folder/card.ts'
import type { Layout, LayoutHost } from './layout.ts'
import { hostFact, type Lock } from './lock.ts'
import { hostAddress, hostNumberOf, hostsIn } from './network.ts'

/** Name of the link that every host gets; the kernel allows 15 characters. */
const linkName = 'wg_cluster'
/** Name of the `wireguard_network` that every host gets. */
const networkObject = 'wg_network'

/** The objects that every host of a layout has, with or without services. */
export interface MeshSections {
  readonly hosts: Config['hosts']
  readonly faults: readonly Fault[]
  /** Hosts without a card; only a check of the layout alone may ignore them. */
  readonly cardless: readonly string[]
  /** By host, where they are valid. */
  readonly cards: ReadonlyMap<string, Card>
}

/** Makes the section of each host that has a card. */
export async function meshSections(layout: Layout, lock: Lock): Promise<MeshSections> {
  const faults: Fault[] = []
  const cards = new Map<string, Card>()
  const cardless: string[] = []
  const sections: [string, HostSection][] = []
  const holders = new Map<string, string>()
  for (const name of [...layout.hosts.keys()].sort()) {
    const host = layout.hosts.get(name)
    if (host === undefined) continue
    const path = `hosts.${name}`
    const text = hostFact(lock, name, 'card')
    const address = host.address ?? hostFact(lock, name, 'address')
    if (text === undefined) cardless.push(name)
    const card = text === undefined ? undefined : await cardIn(text, name)
    if (typeof card === 'string') faults.push({ code: 'lock-card', message: card, path })
    if (address === undefined || card === undefined || typeof card === 'string') continue
    if (hostNumberOf(layout.network, address) === undefined) {
      const message = `its address ${address} is not in the first /24 of ${layout.networkText}`
      faults.push({ code: 'address-outside', message, path })
      continue
    }
    cards.set(name, card)
    for (const [kind, value] of keysToShare(card, address)) {
      const holder = holders.get(value)
      if (holder === undefined) holders.set(value, name)
      else
        faults.push({
          code: 'duplicate',
          message: `has the same ${kind} as ${holder}: ${value}`,
          path,
        })
    }
    sections.push([name, sectionOf(layout, host, card, address)])
  }
  const hosts = Object.fromEntries(sections)
  return { hosts, faults, cardless, cards }
}

async function cardIn(text: string, name: string): Promise<Card | string> {
  const card = await verifyCard(text)
  if (!card.ok) return `its card in the lock is not valid: ${card.fault.message}`
  return card.value.host === name
    ? card.value
    : `its card in the lock belongs to ${card.value.host}`
}

/** Values that no two hosts may share, each with its kind for messages. */
function keysToShare(card: Card, address: string): readonly (readonly [string, string])[] {
  return [
    ['address', address],
    ['peer id', card.peerId],
    ['WireGuard key', card.wireguardPublicKey],
  ]
}

function sectionOf(layout: Layout, host: LayoutHost, card: Card, address: string): HostSection {
  const { endpoint } = host
  const network: ConfigObject = {
    type: 'wireguard_network',
    link_name: linkName,
    address: `${address}/${layout.network.prefix}`,
    ...(endpoint === undefined ? {} : { listen_port: endpoint.port }),
    public_key: card.wireguardPublicKey,
    ...(endpoint === undefined ? {} : { endpoint: endpoint.text }),
  }
  return {
    [networkObject]: network,
    mesh: { type: 'wireguard_mesh', network: networkObject },
    agent: { type: 'agent', peer_id: card.peerId, network: networkObject },
  }
}

/** The section of a host without a card, to check the rest of it; `index` counts such hosts. */
export function draftSection({ network }: Layout, index: number): HostSection {
  const address = hostAddress(network, Math.max(1, hostsIn(network) - index))
  return {
    [networkObject]: {
      type: 'wireguard_network',
      link_name: linkName,
      address: `${address}/${network.prefix}`,
    },
  }
}

/** The warning about a `site`, which nothing uses yet. */
export const siteWarning: string = 'site is recorded for a later version and has no effect yet'

/** Warnings about hosts. */
export function hostWarnings(layout: Layout): readonly string[] {
  const sited = [...layout.hosts].filter(([, host]) => host.site !== undefined)
  const where = sited.map(([name]) => `hosts.${name}.site`).sort()
  return [
    ...(where.length === 0 ? [] : [`${where.join(', ')}: ${siteWarning}`]),
    ...tunnelWarnings(layout),
  ]
}

function tunnelWarnings(layout: Layout): readonly string[] {
  const without = [...layout.hosts].filter(([, host]) => host.endpoint === undefined)
  const names = without.map(([name]) => name).sort()
  if (names.length < 2) return []
  const last = names.at(-1)
  const all = `${names.slice(0, -1).join(', ')} and ${last}`
  const reach = names.length === layout.hosts.size
  return [
    reach
      ? `${all} have no endpoint, and no other host has one: there is no tunnel between any of them`
      : `${all} have no endpoint: there is no tunnel between them, and configs reach each ` +
        'of them through the hosts that have one',
  ]
}
