import { type Address, type Cidr, contains, hostNetwork, widthOf } from '../../addresses.ts'
import { gatewayOf } from '../../container-network/names.ts'
import { type Admission, disjointBoxes } from '../elements/boxes.ts'
import { type Add, addressPart, portPart } from '../elements/elements.ts'
import { guardedAlways } from '../elements/ranges.ts'
import type { FirewallSpec, PolicyRule } from './firewall.ts'

/** Adds every flow that is admitted by a policy. */
export function addFlows(spec: FirewallSpec, add: Add): void {
  const texts = { 4: new Map<bigint, string>(), 6: new Map<bigint, string>() }
  /** The same few addresses stand in most flows. */
  const textOf = (family: Address['family'], first: bigint, last: bigint): string => {
    if (first !== last) return addressPart(family, { first, last })
    const before = texts[family].get(first)
    if (before !== undefined) return before
    const text = addressPart(family, { first, last })
    texts[family].set(first, text)
    return text
  }
  const put = (
    set: string,
    { family, bits }: Address,
    isAsker: boolean,
    admissions: readonly Admission[],
  ): void => {
    if (admissions.length === 0) return
    const name = `${set}${family}`
    const own = textOf(family, bits, bits)
    for (const box of disjointBoxes(family, admissions)) {
      const other = textOf(family, box.addresses.first, box.addresses.last)
      const ends = isAsker ? `${own} . ${other}` : `${other} . ${own}`
      add(name, `${ends} . ${portPart(box)}`)
    }
  }
  const ingress = byContainer(spec.ingress)
  const egress = byContainer(spec.egress)
  const isGuarded = guardOf(spec)
  const own = spec.links.map(({ address }) => hostNetwork(address))
  for (const { object, address } of spec.containers) {
    put('ingress', address, false, ingress.get(object) ?? [])
    const asked = egress.get(object) ?? []
    put('egress', address, true, asked)
    // A wide network never opens what is guarded: it has to be named itself.
    const named = asked.filter(({ network }) => isGuarded(network))
    put('opened', address, true, named)
    put('host', address, true, ownAdmissions(address.family, named, own))
  }
  for (const { address, admissions } of spec.invitations) put('invited', address, true, admissions)
}

function byContainer(rules: readonly PolicyRule[]): ReadonlyMap<string, readonly PolicyRule[]> {
  const found = new Map<string, PolicyRule[]>()
  for (const rule of rules) {
    const list = found.get(rule.container)
    if (list === undefined) found.set(rule.container, [rule])
    else list.push(rule)
  }
  return found
}

/** True if all of a network is guarded. */
function guardOf(spec: FirewallSpec): (network: Cidr) => boolean {
  const hosts = { 4: new Set<bigint>(), 6: new Set<bigint>() }
  for (const { address } of [...spec.hosts, ...spec.endpoints]) {
    hosts[address.family].add(address.bits)
  }
  return (network) =>
    (network.length === widthOf(network.family) && hosts[network.family].has(network.bits)) ||
    guardedAlways.some((range) => contains(range, network))
}

/**
 * The services of its own host that a container may use, at the host's addresses and at its
 * gateway.
 */
function ownAdmissions(
  family: Address['family'],
  named: readonly Admission[],
  ownAddresses: readonly Cidr[],
): readonly Admission[] {
  const gateway = hostNetwork(gatewayOf(family))
  return named
    .filter(({ network }) => [...ownAddresses, gateway].some((each) => contains(each, network)))
    .flatMap((admission) => [admission, { ...admission, network: gateway }])
}
