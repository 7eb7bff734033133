import type { Config } from '../../../protocol/documents/config.ts'
import {
  type Address,
  type Cidr,
  hostNetwork,
  parseAddress,
  parseCidr,
  widthOf,
} from '../../addresses.ts'
import type { Places } from '../../cluster/places.ts'
import { sectionOf, typeIn } from '../../cluster/references.ts'
import type { Admission } from '../elements/boxes.ts'
import { type PolicyObject, policySchema } from '../spec.ts'
import type { Invitation } from './firewall.ts'

/**
 * The services of each host itself that containers of other hosts may use, by host: the containers'
 * policies name the host, and the host enforces them too.
 */
export function readInvitations(
  config: Pick<Config, 'hosts'>,
  places: Places,
): ReadonlyMap<string, readonly Invitation[]> {
  const owners = new Map<string, string>()
  for (const [host, links] of places.links) {
    for (const address of links.values()) owners.set(keyOf(address), host)
  }
  const found = new Map<string, Map<string, { address: Address; admissions: Admission[] }>>()
  const invite = (host: string, address: Address, admission: Admission): void => {
    const own = found.get(host) ?? new Map()
    const entry = own.get(keyOf(address)) ?? { address, admissions: [] }
    entry.admissions.push(admission)
    found.set(host, own.set(keyOf(address), entry))
  }
  for (const [host, containers] of places.containers) {
    for (const { container, egress } of policiesOf(config, host, owners)) {
      const address = containers.get(container)
      if (address === undefined) continue
      for (const { to, ports } of egress ?? []) {
        const target = to.kind === 'host' ? to.host : ownerOf(to, owners)
        if (target === undefined || target === host) continue
        const networks =
          to.kind === 'network'
            ? [to.network]
            : [...(places.links.get(target)?.values() ?? [])].map(hostNetwork)
        for (const network of networks) invite(target, address, { network, ports })
      }
    }
  }
  return new Map([...found].map(([host, own]) => [host, [...own.values()]]))
}

function keyOf({ family, bits }: Address): string {
  return `${family} ${bits}`
}

type End = NonNullable<PolicyObject['egress']>[number]['to']

function ownerOf(to: End, owners: ReadonlyMap<string, string>): string | undefined {
  if (to.kind !== 'network') return undefined
  const { network } = to
  return network.length === widthOf(network.family) ? owners.get(keyOf(network)) : undefined
}

/** Sound policies that name a host. Most name none, and need not be parsed. */
function policiesOf(
  config: Pick<Config, 'hosts'>,
  host: string,
  owners: ReadonlyMap<string, string>,
): readonly PolicyObject[] {
  const section = sectionOf(config, host) ?? {}
  return Object.keys(section).flatMap((name) => {
    if (typeIn(section, name) !== 'nftables_policy') return []
    const egress: unknown = section[name]?.['egress']
    if (!Array.isArray(egress) || !egress.some((each) => namesHost(each, owners))) return []
    return policySchema.safeParse(section[name]).data ?? []
  })
}

function namesHost(rule: unknown, owners: ReadonlyMap<string, string>): boolean {
  const { to } = Object(rule)
  if (typeof to !== 'string' || to.startsWith('container:')) return false
  if (to.startsWith('host:')) return true
  const address: Cidr | Address | undefined = parseAddress(to) ?? parseCidr(to)
  return address !== undefined && owners.has(keyOf(address))
}
