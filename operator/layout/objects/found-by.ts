import type { Arrangement } from '../services/arrangement.ts'
import { compareTexts, labelOf, type Member } from '../services/members.ts'
import type { Replica } from '../services/placement.ts'
import type { Fields } from './hardening.ts'

/** A network whose members may talk and find each other. */
export interface Group {
  /** `shop/default`; for one that stacks share its name alone. */
  readonly key: string
  /** True if it has no way out. */
  readonly isInternal: boolean
  readonly aliases: readonly string[]
}

/** The groups of a service, ordered by key; those of its owner where it has the network of one. */
export function groupsOf(member: Member, arrangement: Arrangement): readonly Group[] {
  const owner = arrangement.ownerOf(member)
  const { stack, service } = owner
  const { networkMode, networks } = service
  if (networkMode.kind === 'none') return []
  // A service on the network of its host is reached by its own stack, not by those that share one.
  const own = [...stack.project.networks.values()].filter((each) => each.sharedName === undefined)
  const keys = networkMode.kind === 'networks' ? [...networks.keys()] : own.map(({ key }) => key)
  const named = keys.length === 0 ? ['default'] : keys
  const groups = named.map((network): Group => {
    const written = stack.project.networks.get(network)
    return {
      key: written?.sharedName ?? `${stack.name}/${network}`,
      isInternal: written?.isInternal ?? false,
      aliases: owner === member ? (networks.get(network)?.aliases ?? []) : [],
    }
  })
  return groups.sort((a, b) => compareTexts(a.key, b.key))
}

/** By which names a container is found, and which it knows besides. */
export function foundBy(replica: Replica, arrangement: Arrangement): Fields {
  const { member, host } = replica
  const { stack, service } = member
  const name = service.name
  const across = stack.name === '' ? [] : [`${name}.${stack.name}`, `${name}.${stack.name}.${host}`]
  const other = stack.name === '' && member.object !== name ? [labelOf('', name)] : []
  const own = [name, service.containerName, service.hostname].filter((text) => text !== undefined)
  const groups = groupsOf(member, arrangement).map(
    ({ key, aliases }) => [key, unique([...own, ...aliases])] as const,
  )
  const extra = extraHosts(replica, arrangement)
  const dns = dnsOf(member)
  return {
    ...(across.length + other.length === 0 ? {} : { aliases: [...across, ...other] }),
    ...(groups.length === 0 ? {} : { groups: Object.fromEntries(groups) }),
    ...(extra === undefined ? {} : { extra_hosts: extra }),
    ...(dns === undefined ? {} : { dns }),
  }
}

function unique(texts: readonly string[]): readonly string[] {
  return [...new Set(texts)]
}

/** Names that only it knows: written ones, and the other names of its links. */
function extraHosts({ member, host }: Replica, arrangement: Arrangement): Fields | undefined {
  const { stack, service } = member
  const names = new Map<string, readonly string[]>()
  for (const [alias, target] of service.links) {
    const linked = arrangement.members.byKey.get(`${stack.name}/${target}`)
    if (alias === target || linked === undefined) continue
    const addresses = arrangement.replicasOf(linked).map((each) => arrangement.addressOf(each))
    names.set(alias, unique(addresses.filter((address) => address !== undefined)))
  }
  for (const [name, addresses] of service.extraHosts) {
    const own = arrangement.hostAddress(host)
    const known = addresses.map((text) => (text === 'host-gateway' ? own : text))
    names.set(name, unique(known.filter((address) => address !== undefined)))
  }
  const there = [...names].filter(([, addresses]) => addresses.length > 0)
  if (there.length === 0) return undefined
  return Object.fromEntries(there.sort(([a], [b]) => compareTexts(a, b)))
}

function dnsOf({ service: { dns, dnsSearch, dnsOptions } }: Member): Fields | undefined {
  if (dns.length + dnsSearch.length + dnsOptions.length === 0) return undefined
  return {
    ...(dns.length === 0 ? {} : { servers: dns }),
    ...(dnsSearch.length === 0 ? {} : { search: dnsSearch }),
    ...(dnsOptions.length === 0 ? {} : { options: dnsOptions }),
  }
}
