import { hash } from 'node:crypto'
import { type Address, addressText, type Cidr } from '../../addresses.ts'
import type { FirewallSpec } from '../flows/firewall.ts'
import { addFlows } from '../flows/flows.ts'
import { zoneMax } from '../limits.ts'
import { setShapes } from '../rules/sets.ts'
import { masqueradeZone } from '../rules/zones.ts'
import { spanOf, widestOf } from './boxes.ts'
import { type Add, addressPart, type Elements, joined } from './elements.ts'
import { guardedAlways, namesAlways, near } from './ranges.ts'

const protocolNumbers = { tcp: 6, udp: 17, icmp: 1 }

const known = new WeakMap<FirewallSpec, Elements>()

/**
 * The elements of every set for one host: all that differs between configs. Linear in the flows
 * that are admitted. Remembered for a spec, as every round asks for it.
 */
export function compileFirewall(spec: FirewallSpec): Elements {
  const before = known.get(spec)
  if (before !== undefined) return before
  const sets = new Map(setShapes.map(({ name }) => [name, new Set<string>()]))
  const add: Add = (set, element) => sets.get(set)?.add(element)
  if (spec.isNeeded) {
    addHost(spec, add)
    addMesh(spec, add)
    addContainers(spec, add)
    addFlows(spec, add)
    addPublishes(spec, add)
  }
  known.set(spec, sets)
  return sets
}

function addHost(spec: FirewallSpec, add: Add): void {
  for (const { link, listenPort } of spec.links) {
    add('links', link)
    add('tunnel_ports', String(listenPort))
  }
  for (const protocol of ['tcp', 'udp'] as const) {
    const own = spec.rescuePorts.filter((each) => each.protocol === protocol)
    for (const { first, last } of disjointPorts(own)) {
      const ports = first === last ? first : `${first}-${last}`
      add('rescue_ports', joined(protocolNumbers[protocol], ports))
    }
  }
  addNetworks('guarded', guardedAlways, add)
  addNetworks('private', near, add)
  for (const protocol of [protocolNumbers.tcp, protocolNumbers.udp]) {
    add('services4', joined(namesAlways.address, protocol, namesAlways.port))
  }
  if (spec.overlay === null) return
  const { address, port, peers } = spec.overlay
  const at = addressText(address)
  add(`overlay_ports${address.family}`, joined(at, port))
  for (const peer of peers) {
    if (peer.family === address.family) {
      add(`overlay${address.family}`, joined(addressText(peer), at, port))
    }
  }
}

interface Ports {
  readonly first: number
  readonly last: number
}

/** The kernel refuses ranges that overlap. */
function disjointPorts(ports: readonly Ports[]): readonly Ports[] {
  const merged: Ports[] = []
  for (const { first, last } of [...ports].sort((a, b) => a.first - b.first)) {
    const before = merged.at(-1)
    if (before === undefined || first > before.last) merged.push({ first, last })
    else merged[merged.length - 1] = { first: before.first, last: Math.max(before.last, last) }
  }
  return merged
}

/** Networks of both families, without those that lie in others. */
function addNetworks(set: string, ranges: readonly Cidr[], add: Add): void {
  for (const range of widestOf(ranges)) {
    add(`${set}${range.family}`, addressPart(range.family, spanOf(range)))
  }
}

function addMesh(spec: FirewallSpec, add: Add): void {
  for (const { address } of [...spec.hosts, ...spec.endpoints]) {
    add(`hosts${address.family}`, addressText(address))
  }
  for (const address of spec.own) add(`own${address.family}`, addressText(address))
  for (const { address, ports } of spec.remotePublishes) {
    const protocol = protocolNumbers[ports.protocol]
    add(`services${address.family}`, joined(addressText(address), protocol, ports.first))
  }
  addNetworks('mesh', spec.mesh, add)
  addNetworks('strangers', spec.strangers, add)
}

function addContainers(spec: FirewallSpec, add: Add): void {
  const addresses = new Map<string, Address>()
  const masqueraded = new Set(spec.masquerades.map(({ network }) => network))
  for (const { object, address, veth, network } of spec.containers) {
    const text = addressText(address)
    if (!addresses.has(object)) addresses.set(object, address)
    add(`containers${address.family}`, text)
    add(`sources${address.family}`, joined(veth, text))
    if (spec.isJudging) add(`judged${address.family}`, text)
    if (spec.restricted.has(object)) add(`restricted${address.family}`, text)
    if (masqueraded.has(network)) add(`masqueraded${address.family}`, text)
  }
  for (const { container, link } of spec.forwards) {
    const asker = addresses.get(container)
    if (asker !== undefined) add(`forwards${asker.family}`, joined(addressText(asker), link))
  }
}

function addressesByObject(spec: FirewallSpec): ReadonlyMap<string, readonly Address[]> {
  const found = new Map<string, Address[]>()
  for (const { object, address } of spec.containers) {
    found.set(object, [...(found.get(object) ?? []), address])
  }
  return found
}

function addPublishes(spec: FirewallSpec, add: Add): void {
  const containers = addressesByObject(spec)
  for (const publish of spec.publishes) {
    const { hostAddress: at, protocol, hostPort, containerPort } = publish
    const targets = (containers.get(publish.container) ?? []).filter(
      ({ family }) => at === null || at.family === family,
    )
    if (targets.length === 0) continue
    const port = joined(protocolNumbers[protocol], hostPort)
    const asked = at === null ? port : joined(addressText(at), port)
    const ways = targets.map((target) => joined(addressText(target), containerPort))
    for (const [index, target] of targets.entries()) {
      const [{ family }, leads = ''] = [target, ways[index]]
      add(`on_${publish.on}${family}`, `${asked} : ${leads}`)
      add(`led_${publish.on}${family}`, joined(asked, leads))
      add(`hairpins${family}`, joined(addressText(target), addressText(target)))
    }
    // A port has one zone, whichever family asks for it.
    const zone = zoneOf(ways.join(' '))
    for (const whom of zonedFor[publish.on]) add(`zones_${whom}`, `${port} : ${zone}`)
    add(`errors_${protocol}`, `${hostPort} : ${zone}`)
  }
}

/** Who is led by a published port, as the rules tell them apart. */
const zonedFor = {
  network: ['mesh'],
  lan: ['mesh', 'lan'],
  public: ['mesh', 'lan', 'public'],
}

/**
 * The zone of conntrack for what a port leads to. Two targets have the same one once in 65,534
 * times; then a sender that never falls silent notices a change between just these two late.
 */
function zoneOf(leads: string): number {
  const drawn = Number.parseInt(hash('sha256', leads).slice(0, 8), 16)
  return masqueradeZone + 1 + (drawn % (zoneMax - masqueradeZone))
}
