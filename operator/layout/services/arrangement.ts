import { freeAddress } from '../addresses.ts'
import { allotAddresses } from '../allotment/container-addresses.ts'
import { allotSubnets, type PodNetworks } from '../allotment/subnets.ts'
import type { Findings } from '../findings.ts'
import type { CompileInput } from '../inputs.ts'
import { factKey, hostFact } from '../lock.ts'
import { type Member, type Members, readMembers } from './members.ts'
import { placeServices, type Replica } from './placement.ts'
import { networkOwner } from './together.ts'

/** The services with their hosts, names and addresses. */
export interface Arrangement {
  readonly input: CompileInput
  readonly members: Members
  readonly pods: PodNetworks
  /** Hosts with a container that has a network of its own. */
  readonly attached: ReadonlySet<string>
  /** Containers of each host, ordered by object name. */
  readonly onHost: ReadonlyMap<string, readonly Replica[]>
  /** Containers of a service, in the order of their numbers. */
  replicasOf(member: Member): readonly Replica[]
  /** The service whose network one has: itself, or that which it names. */
  ownerOf(member: Member): Member
  /** Of the container, or of the host where that is its network; undefined after a fault. */
  addressOf(replica: Replica): string | undefined
  /** In the mesh; undefined where the network is full. */
  hostAddress(host: string): string | undefined
  /** The facts that the lock gains, or loses (null). */
  readonly facts: ReadonlyMap<string, string | null>
  /** Keys of facts about places and addresses that count, new ones included. */
  readonly used: ReadonlySet<string>
}

/** Works out names, places and addresses of all services; pure. */
export function arrangeServices(input: CompileInput, findings: Findings): Arrangement {
  const members = readMembers(input, findings)
  const { replicas, facts: places } = placeServices(members, input, findings)
  const owners = new Map(
    members.all.map((member) => [member, networkOwner(member, members) ?? member] as const),
  )
  const onHost = new Map<string, Replica[]>()
  for (const replica of [...replicas.values()].flat()) {
    onHost.set(replica.host, [...(onHost.get(replica.host) ?? []), replica])
  }
  for (const list of onHost.values()) list.sort((a, b) => (a.object < b.object ? -1 : 1))
  const objectsOn = (host: string): readonly string[] =>
    (onHost.get(host) ?? [])
      .filter(({ member }) => ['networks', 'none'].includes(member.service.networkMode.kind))
      .map(({ object }) => object)
  const hosts = [...onHost.keys()].filter((host) => objectsOn(host).length > 0)
  const pods = allotSubnets(hosts, input, findings)
  const facts = new Map<string, string | null>([...places, ...pods.facts])
  const used = new Set(places.keys())
  const addresses = new Map<string, ReadonlyMap<string, string>>()
  for (const host of hosts.sort()) {
    const network = pods.byHost.get(host)
    if (network === undefined) continue
    const allotted = allotAddresses(network, objectsOn(host), input, findings)
    addresses.set(host, allotted.byObject)
    for (const [key, value] of allotted.facts) facts.set(key, value)
    for (const object of allotted.byObject.keys()) used.add(factKey('address', host, object))
  }
  const { layout, lock } = input
  const hostAddress = (host: string): string | undefined =>
    layout.hosts.get(host)?.address ??
    hostFact(lock, host, 'address') ??
    freeAddress(layout, lock, host)
  const ownerOf = (member: Member): Member => owners.get(member) ?? member
  const replicasOf = (member: Member): readonly Replica[] => replicas.get(member) ?? []
  const addressOf = (replica: Replica): string | undefined => {
    const owner = ownerOf(replica.member)
    if (owner.service.networkMode.kind === 'host') return hostAddress(replica.host)
    const object = owner === replica.member ? replica.object : owner.object
    return addresses.get(replica.host)?.get(object)
  }
  const found = { input, members, pods, attached: new Set(hosts), onHost, facts, used }
  return { ...found, replicasOf, ownerOf, addressOf, hostAddress }
}
