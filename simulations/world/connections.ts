import type { Bucket } from '../../protocol/rates.ts'
import { cover } from '../checks/coverage.ts'
import { type Cluster, hasTunnel, type SimHost } from './cluster.ts'
import { between, chance, mark } from './world.ts'

/** A connection with its gossip stream: known to each end only once it has been told. */
export interface Connection {
  readonly a: SimHost
  readonly b: SimHost
  isOpen: boolean
  /** When the last message each way arrives: a stream keeps its order. */
  lastToA: number
  lastToB: number
}

/** The connections that there are, and what tells a host that it lost one. */
export interface Wires {
  readonly cluster: Cluster
  /** By number of a host, then by number of the other one: each connection stands there twice. */
  readonly links: readonly Map<number, Connection>[]
  /** Pairs whose ends have yet to hear that their last connection is gone, and how many of them. */
  readonly parting: Map<string, number>
  /** The number of statuses that each host still looks at from each other one, by `from>to`. */
  readonly rates: Map<string, Bucket>
  /** Tells a host, if it still lives that life, that a peer is gone. */
  readonly parted: (host: SimHost, life: number, peer: string) => void
}

/** The time for which a vanished peer goes unnoticed, in ms: the overlay's heartbeats. */
const silenceMs = { least: 3_500, most: 5_250 }

/** Time that a packet takes one way, in ms. */
export function latencyOf({ world, faults }: Cluster): number {
  return faults.latencyMs + between(world.random, 0, faults.jitterMs)
}

/** The connection of two hosts, if there is one. */
export function connectionOf(
  wires: Wires,
  a: SimHost,
  b: SimHost | undefined,
): Connection | undefined {
  return b && wires.links[a.index]?.get(b.index)
}

function pairOf(a: SimHost, b: SimHost): string {
  return a.index < b.index ? `${a.index}-${b.index}` : `${b.index}-${a.index}`
}

/** True if both ends know that their last connection is gone: no news of it overtakes the next. */
export function hasParted(wires: Wires, a: SimHost, b: SimHost): boolean {
  return (wires.parting.get(pairOf(a, b)) ?? 0) === 0
}

/** Joins two hosts. */
export function join(wires: Wires, a: SimHost, b: SimHost): void {
  const connection = { a, b, isOpen: true, lastToA: 0, lastToB: 0 }
  wires.links[a.index]?.set(b.index, connection)
  wires.links[b.index]?.set(a.index, connection)
}

/** Ends a connection; both ends hear of it. */
export function close(wires: Wires, connection: Connection, reason: string): void {
  if (!connection.isOpen) return
  connection.isOpen = false
  cover(wires.cluster, `connection ${reason}`)
  const { cluster, links, parted, parting } = wires
  const { a, b } = connection
  links[a.index]?.delete(b.index)
  links[b.index]?.delete(a.index)
  const key = pairOf(a, b)
  for (const [host, other] of [
    [a, b],
    [b, a],
  ] as const) {
    const { life } = host
    mark(cluster.world, reason.length)
    parting.set(key, (parting.get(key) ?? 0) + 1)
    cluster.world.after(latencyOf(cluster), () => {
      parting.set(key, (parting.get(key) ?? 1) - 1)
      parted(host, life, other.peerId)
    })
  }
}

/** A peer that says nothing any more is given up after a while. */
export function fallSilent(wires: Wires, connection: Connection): void {
  const { world } = wires.cluster
  world.after(between(world.random, silenceMs.least, silenceMs.most), () =>
    close(wires, connection, 'silent'),
  )
}

/** A connection whose tunnel is gone is found out by silence, unless the tunnel is back by then. */
export function suspect(wires: Wires, connection: Connection): void {
  const { world } = wires.cluster
  world.after(between(world.random, silenceMs.least, silenceMs.most), () => {
    if (!hasTunnel(wires.cluster, connection.a, connection.b)) close(wires, connection, 'silent')
  })
}

/** Takes so many bytes to one end of a connection, as the faults of the network have it. */
export function carry(
  wires: Wires,
  connection: Connection,
  to: SimHost,
  bytes: number,
  arrive: () => void,
): void {
  const { world, faults, counts } = wires.cluster
  if (!hasTunnel(wires.cluster, connection.a, connection.b)) return suspect(wires, connection)
  if (chance(world.random, faults.lost)) return cover(wires.cluster, 'message lost')
  counts.messages++
  counts.bytes += bytes
  const toA = to === connection.a
  const arrives = world.now + latencyOf(wires.cluster) + bytes / faults.bytesPerMs
  const last = toA ? connection.lastToA : connection.lastToB
  const inOrder = chance(world.random, faults.reordered) ? arrives : Math.max(last, arrives)
  if (toA) connection.lastToA = inOrder
  else connection.lastToB = inOrder
  world.after(inOrder - world.now, arrive)
  if (chance(world.random, faults.doubled)) {
    cover(wires.cluster, 'message doubled')
    world.after(inOrder - world.now + latencyOf(wires.cluster), arrive)
  }
}

/** All connections of one host, or of all hosts, each once. */
export function connectionsOf({ links }: Wires, host: SimHost | null): readonly Connection[] {
  if (host !== null) return [...(links[host.index]?.values() ?? [])]
  return links.flatMap((own, index) => [...own.values()].filter(({ a }) => a.index === index))
}
