import type { PeerPlace } from '../documents/agent-object.ts'
import type { Config } from '../documents/config.ts'
import type { SignedDocument } from '../documents/envelope.ts'
import { type Head, samePosition } from '../heads.ts'
import { redialMsMin, statusBurstMax, statusStartMax } from '../limits.ts'
import type { Delivery } from '../messages.ts'
import type { SignedStatus, StatusRecord } from '../status-record.ts'
import type { RootStanding } from './chain.ts'
import type { DurableStart, DurableWrite, HeldConfig, HeldRoot } from './durable.ts'
import type { Alarm, Effect, InjectOptions, ObjectReport } from './effects.ts'
import { emptyListing, type Listing } from './listing.ts'
import { type Random, seeded } from './random.ts'

/** A listed peer that this host has, or wants, to do with. A neighbour is never forgotten. */
export interface PeerState {
  place: PeerPlace
  /** `up` has an open gossip stream, `greeted` has answered with a hello that fits. */
  phase: 'down' | 'dialling' | 'up' | 'greeted'
  /** Head that it last announced. */
  head: Head | null
  upAt: number
  heardAt: number
  exchangeAt: number
  dialAt: number
  backoffMs: number
  bannedUntil: number
  /**
   * It failed to deliver what it announced, and is asked again from then on, or when it announces
   * again.
   */
  fetchAt: number
  /** Other sides of a fork at its head's position that it holds. */
  forks: readonly Head[]
  /**
   * True if its document did not verify under the roots held: its own roots are requested too.
   */
  asksRoots: boolean
}

/** Sender of a document that is being judged. */
export type Source =
  | {
      readonly kind: 'peer'
      readonly peer: string
      readonly digest: string
      /** It was asked for its own root along with the document. */
      readonly withRoots: boolean
    }
  | { readonly kind: 'request'; readonly request: number; readonly options: InjectOptions }

/** A document between its arrival and the verdict on it. */
export interface Candidate {
  readonly source: Source
  readonly delivery: Delivery
  /** Roots of the delivery that are still to be proven, oldest first. */
  readonly roots: SignedDocument[]
  /** Roots of the delivery beyond those held that are proven. */
  readonly chain: HeldRoot[]
  readonly rivals: HeldRoot[]
  /** The root that is vouched for, and that its own keys have yet to sign. */
  pending: RootStanding | null
  held: HeldConfig | null
}

/** A durable write that waits for its turn, and what follows once it is durable. */
interface PendingWrite {
  readonly write: DurableWrite
  readonly candidate: Candidate | null
}

/** Status of a host, this one included, from a signed record. */
interface KnownStatus {
  readonly record: StatusRecord
  readonly signed: SignedStatus
  readonly heardAt: number
}

/** A node. Mutated by `step` only; everything in it is bounded by `limits.ts` or by the config. */
export interface NodeState {
  /** The part of the start that stays true. Its documents are held below, and nowhere else. */
  readonly self: Pick<DurableStart, 'host' | 'peerId' | 'agentVersion' | 'damage'>
  readonly clusterId: string
  readonly random: Random
  now: number
  startedAt: number
  nextToken: number

  /** The chain of roots, oldest first; the node's epoch is that of its head. */
  readonly roots: HeldRoot[]
  /** Second roots with a number that is held, and those of them that are not durable yet. */
  readonly rivals: HeldRoot[]
  readonly rivalsToWrite: HeldRoot[]
  head: HeldConfig | null
  previous: HeldConfig | null
  confirmed: HeldConfig | null
  floor: Head | null
  /** False after the floor was lost, until most peers have answered. */
  floorKnown: boolean
  /** It is known again and has to be made durable. */
  floorToWrite: boolean
  readonly answered: Set<string>
  /** After a failed write nothing is taken from peers before this time. */
  storeAt: number
  /** The last write failed. */
  storeFailed: boolean
  /** Config that the reconcilers apply; may be behind the head. */
  adopted: { readonly head: Head; readonly config: Config } | null
  applied: Head | null
  objects: readonly ObjectReport[]
  /** True if a full round over `adopted` has ended since the start. */
  observed: boolean

  /** Everyone who may connect. */
  listing: Listing
  /** Neighbours, and whoever else is connected, being dialled or kept away. */
  readonly peers: Map<string, PeerState>
  /** Removed peers that are still being sent the head, and when each is dropped. */
  readonly leaving: Map<string, number>
  neighbours: ReadonlySet<string>
  randomPeer: string | null
  randomDialAt: number

  /** Documents at the shell, by token. */
  readonly judging: Map<number, Candidate>
  /** Digest being fetched, by peer. */
  readonly fetching: Map<string, { readonly digest: string; readonly withRoots: boolean }>
  /** True if a peer offers what is wanted, and it is not on its way yet. */
  wantsMore: boolean
  /** The write under way; one at a time, so that the order on disk is the order of decisions. */
  writing: { readonly token: number; readonly pending: PendingWrite } | null
  readonly decided: Candidate[]
  confirmation: HeldConfig | null
  /** Losing documents of forks and branches, by digest, oldest first. */
  readonly evidence: Map<string, HeldConfig>
  readonly alarms: Map<string, Alarm>

  readonly statuses: Map<string, KnownStatus>
  /** Hosts whose record changed since the last tick, with the peer it came from. */
  readonly news: Map<string, string | null>
  /** Of the newest own record; moved by own records only, signed now or before a restart. */
  sequence: number
  statusTokens: number
  statusAt: number
  statusWanted: boolean
  statusSigning: boolean
  statusWindow: number
}

/** A turn of the machine: the node, and the effects that this input has so far. */
export interface Turn {
  readonly node: NodeState
  readonly effects: Effect[]
}

/** A node as it is right after its start, before any input. `now` in ms since 1970. */
export function createNode(durable: DurableStart, seed: number, now: number): NodeState {
  const [first] = durable.roots
  if (first === undefined) throw new Error('a node is started with at least its first root')
  const { host, peerId, agentVersion, damage } = durable
  return {
    self: { host, peerId, agentVersion, damage },
    clusterId: first.digest,
    random: seeded(seed),
    now,
    startedAt: now,
    nextToken: 1,
    roots: [...durable.roots],
    rivals: [...durable.rivals],
    rivalsToWrite: [],
    floorKnown: durable.floorKnown,
    floorToWrite: false,
    answered: new Set(),
    storeAt: 0,
    storeFailed: false,
    head: durable.head,
    previous: durable.previous,
    confirmed: durable.confirmed,
    floor: durable.floor,
    adopted: null,
    applied: durable.confirmed?.head ?? null,
    objects: [],
    observed: false,
    listing: emptyListing,
    peers: new Map(),
    leaving: new Map(),
    neighbours: new Set(),
    randomPeer: null,
    randomDialAt: now,
    judging: new Map(),
    fetching: new Map(),
    wantsMore: false,
    writing: null,
    decided: [],
    confirmation: null,
    evidence: new Map(durable.evidence.map((held) => [held.head.digest, held])),
    alarms: new Map(),
    statuses: new Map(),
    news: new Map(),
    sequence: firstSequence(now),
    statusTokens: statusBurstMax,
    statusAt: 0,
    statusWanted: false,
    statusSigning: false,
    statusWindow: 0,
  }
}

/**
 * First sequence number of a host's records: its clock, so that what it says after a restart
 * is newer than what it said before, whether or not anybody tells it so. Nothing rests on the clock
 * being right: a host that was told of a higher number of its own goes on above that one.
 */
function firstSequence(now: number): number {
  return Math.min(statusStartMax, Math.max(0, Math.floor(now)))
}

/** A peer that has just been listed. */
export function newPeer(place: PeerPlace, now: number): PeerState {
  return {
    place,
    phase: 'down',
    head: null,
    upAt: 0,
    heardAt: 0,
    exchangeAt: 0,
    dialAt: now,
    backoffMs: redialMsMin,
    bannedUntil: 0,
    fetchAt: 0,
    forks: [],
    asksRoots: false,
  }
}

/** The config that a held document is, if its body is one at all. */
export function configOf(held: HeldConfig | null): Config | null {
  return held?.parsed.body.ok ? held.parsed.body.value : null
}

/** A config that the node can serve: its head, the one before, or evidence. */
export function documentHeld(node: NodeState, digest: string): HeldConfig | null {
  const held = [node.head, node.previous].find((one) => one?.head.digest === digest)
  return held ?? node.evidence.get(digest) ?? null
}

/** The other sides of a fork at the head's position, as far as this node has met them. */
export function forksOf(node: NodeState): readonly HeldConfig[] {
  const own = node.head?.head
  if (own === undefined) return []
  return [...node.evidence.values()].filter((held) => samePosition(held.head, own))
}

/** True if the node and a peer can talk: its hello has been answered. */
export function isGreeted(peer: PeerState | undefined): peer is PeerState {
  return peer?.phase === 'greeted'
}
