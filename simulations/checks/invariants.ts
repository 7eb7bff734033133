import type { Config } from '../../protocol/documents/config.ts'
import { type Head, headText } from '../../protocol/heads.ts'
import {
  evidenceMax,
  fetchesMax,
  injectionsMax,
  verificationsPerPeerMax,
} from '../../protocol/limits.ts'
import type { HeldConfig } from '../../protocol/node/durable.ts'
import type { Effect } from '../../protocol/node/effects.ts'
import type { NodeState } from '../../protocol/node/state.ts'
import type { Cluster, SimHost } from '../world/cluster.ts'
import type { Network } from '../world/network.ts'
import { identityOf } from '../world/signing.ts'
import type { Watch } from '../world/watch.ts'
import { compareByRule } from './order.ts'

/** An invariant that did not hold. Numbers are those of docs/SIMULATION.md. */
export interface Violation {
  readonly invariant: number
  readonly at: number
  readonly host: string
  readonly what: string
}

/** Watches a run and keeps the first violation. */
export interface Checker extends Watch {
  violation: Violation | null
  /** A host's disk was put back: what it held before is forgotten. */
  rewound(host: SimHost): void
  fail(invariant: number, host: SimHost | null, what: string): void
  /** Set once the network exists; some invariants are about connections. */
  network: Network | null
}

/** A removed peer must be gone after this (invariant 9), in ms. */
const removalMsMax = 5_000

/** A checker for one run. */
export function createChecker(cluster: Cluster): Checker {
  const highest = new Map<SimHost, Head>()
  const listings = new Map<SimHost, NodeState['listing']>()
  const meanings = new Map<string, Config>()
  const checker: Checker = {
    violation: null,
    network: null,
    fail(invariant, host, what) {
      const { world } = cluster
      checker.violation ??= { invariant, at: world.now, host: host?.name ?? 'all', what }
    },
    rewound(host) {
      highest.delete(host)
      listings.delete(host)
    },
    effect(host, effect) {
      checkEffect(checker, cluster, host, effect)
      if (effect.kind === 'adopt') checkMeaning(checker, meanings, host, effect)
    },
    started(host) {
      const before = highest.get(host)
      if (before && host.node?.head === null && host.node.self.damage.length === 0) {
        checker.fail(1, host, `lost ${headText(before)} in a restart, and nothing was damaged`)
      }
      checkHead(checker, cluster, highest, host)
      // What ran when the process ended runs again, or the mesh would be lost with the agent.
      if (host.node !== null) listings.set(host, host.node.listing)
    },
    stepped(host) {
      checkHead(checker, cluster, highest, host)
      checkRemoved(checker, cluster, listings, host)
      checkBounds(checker, host)
    },
  }
  return checker
}

/**
 * 1, 7 and 8: a head never goes down, never to an earlier epoch, and is never a forged document.
 */
function checkHead(
  checker: Checker,
  cluster: Cluster,
  highest: Map<SimHost, Head>,
  host: SimHost,
): void {
  const head = host.node?.head?.head
  if (head === undefined) return
  const before = highest.get(host) ?? null
  if (before !== null && before.digest === head.digest) return
  if (compareByRule(head, before) < 0) {
    checker.fail(
      before !== null && head.epoch < before.epoch ? 8 : 1,
      host,
      `went from ${headText(before)} to ${headText(head)}`,
    )
  }
  if (cluster.forged.has(head.digest))
    checker.fail(7, host, `took a forged config, ${headText(head)}`)
  highest.set(host, head)
}

function checkEffect(checker: Checker, cluster: Cluster, host: SimHost, effect: Effect): void {
  if (effect.kind === 'adopt') {
    if (!isDurable(host, effect.held))
      checker.fail(3, host, `adopts ${headText(effect.held.head)} before it is durable`)
    checkThreshold(checker, cluster, host, effect.held)
  }
  if (effect.kind === 'announce' && !isDurable(host, effect.held)) {
    checker.fail(3, host, `announces ${headText(effect.held.head)} before it is durable`)
  }
  if (effect.kind === 'reply' && effect.verdict.verdict === 'accepted') {
    const head = host.disk.files.get('head')
    const stored = typeof head === 'object' && 'head' in head ? head.head.digest : null
    if (stored !== effect.verdict.head?.digest)
      checker.fail(3, host, 'says accepted before it is durable')
  }
  if (effect.kind === 'alarm' && effect.raised) {
    checkKept(checker, host, effect.alarm.code)
    checkAlarm(checker, cluster, host, effect.alarm.code)
  }
}

/** 4: the same config means the same to every host. */
function checkMeaning(
  checker: Checker,
  meanings: Map<string, Config>,
  host: SimHost,
  { held, config }: Extract<Effect, { readonly kind: 'adopt' }>,
): void {
  const first = meanings.get(held.head.digest)
  if (first === undefined) meanings.set(held.head.digest, config)
  else if (first !== config && JSON.stringify(first) !== JSON.stringify(config)) {
    checker.fail(4, host, `makes something else of ${headText(held.head)} than others do`)
  }
}

/** 3: what an alarm says is kept can be found on the disk. */
function checkKept(checker: Checker, host: SimHost, code: string): void {
  if (code !== 'lost-branch' && code !== 'fork') return
  const kept = [...host.disk.files.keys()].some((path) => path.startsWith('evidence/'))
  if (!kept) checker.fail(3, host, `says ${code}, and keeps no evidence`)
}

/**
 * On the disk stands this very config, or one above it: the next write may be on its way already.
 */
function isDurable(host: SimHost, held: HeldConfig): boolean {
  return ['head', 'confirmed', 'previous'].some((path) => {
    const file = host.disk.files.get(path)
    return typeof file === 'object' && 'head' in file && compareByRule(file.head, held.head) >= 0
  })
}

/**
 * 2: counted anew from the book of signatures, by the root of its epoch, without the node's own
 * counting.
 */
function checkThreshold(checker: Checker, cluster: Cluster, host: SimHost, held: HeldConfig): void {
  const root = host.node?.roots[held.head.epoch - 1] ?? cluster.firstRoot
  const { digest } = identityOf(held.document.payload)
  const kids = new Set(held.document.signatures.map((entry) => entry.protected))
  const good = [...kids].filter((kid) => {
    return Object.hasOwn(root.root.config.keys, kid) && cluster.book.signed.has(`${kid} ${digest}`)
  })
  if (good.length < root.root.config.threshold || digest !== held.head.digest) {
    checker.fail(2, host, `adopts ${headText(held.head)} with ${good.length} good signatures`)
  }
}

/** 16, one half: only a fork raises the alarm. */
function checkAlarm(checker: Checker, cluster: Cluster, host: SimHost, code: string): void {
  const head = host.node?.head?.head
  if (code !== 'fork' || head === undefined) return
  const signed = cluster.positions.get(`${head.epoch}.${head.version}`)?.size ?? 0
  if (signed < 2) checker.fail(16, host, `says fork at ${headText(head)}, which was signed once`)
}

/** 9: who is not listed any more is disconnected in time, whatever it does to stay. */
function checkRemoved(
  checker: Checker,
  cluster: Cluster,
  listings: Map<SimHost, NodeState['listing']>,
  host: SimHost,
): void {
  const { node } = host
  const before = listings.get(host)
  if (node === null || before === node.listing) return
  listings.set(host, node.listing)
  for (const peerId of before === undefined ? [] : removedBetween(before, node.listing)) {
    const removed = cluster.byPeer.get(peerId)
    if (removed === undefined || removed === host) continue
    const { life } = host
    checkFarewell(checker, cluster, host, removed)
    cluster.world.after(removalMsMax, () => {
      const isBack = host.node?.listing.byPeer.has(peerId) ?? true
      const ran = host.life === life && host.pausedUntil <= cluster.world.now
      if (ran && !isBack && checker.network?.isConnected(host, removed)) {
        checker.fail(9, host, `is still connected to ${removed.name}, which was removed 5 s ago`)
      }
    })
  }
}

type Listing = NodeState['listing']

/** Listings are shared by all hosts, so what one leaves out of another is worked out once. */
const removals = new WeakMap<Listing, WeakMap<Listing, readonly string[]>>()

function removedBetween(before: Listing, after: Listing): readonly string[] {
  const known = removals.get(before)?.get(after)
  if (known !== undefined) return known
  const removed = [...before.byPeer.keys()].filter((peerId) => !after.byPeer.has(peerId))
  const inner = removals.get(before) ?? new WeakMap<Listing, readonly string[]>()
  removals.set(before, inner.set(after, removed))
  return removed
}

/** 9: a removed host is told so before it is disconnected, if it listens. */
function checkFarewell(checker: Checker, cluster: Cluster, host: SimHost, removed: SimHost): void {
  const head = host.node?.head?.head ?? null
  const { life } = removed
  const { lost } = cluster.faults
  const listens =
    removed.node !== null && removed.pausedUntil <= cluster.world.now && !removed.isBad
  if (!listens || lost > 0 || !checker.network?.isConnected(host, removed)) return
  cluster.world.after(removalMsMax, () => {
    if (removed.life !== life || removed.pausedUntil > cluster.world.now || !nothingIsCut(cluster))
      return
    if (compareByRule(removed.node?.head?.head ?? null, head) < 0) {
      checker.fail(9, removed, `was removed by ${headText(head)} and not told`)
    }
  })
}

function nothingIsCut(cluster: Cluster): boolean {
  return cluster.cuts.size === 0
}

/** 14: every table is within its bound, whatever the others send. */
function checkBounds(checker: Checker, host: SimHost): void {
  const { node } = host
  if (node === null) return
  const connected = node.peers.size + 1
  const documents = verificationsPerPeerMax * connected + injectionsMax
  const within = (name: string, size: number, most: number): void => {
    if (size > most) checker.fail(14, host, `${name} holds ${size}, and its bound is ${most}`)
  }
  within('judging', node.judging.size, documents)
  within('decided', node.decided.length, documents)
  within('fetching', node.fetching.size, fetchesMax)
  within('evidence', node.evidence.size, evidenceMax)
  within('statuses', node.statuses.size, node.listing.places.length + 1)
  within('alarms', node.alarms.size, 16 + node.listing.places.length)
}

/**
 * The highest head among hosts that are not bad, which every connected one must reach (5 and 6).
 */
export function highestHead(cluster: Cluster): Head | null {
  let best: Head | null = null
  for (const host of cluster.hosts) {
    const head = host.isBad ? null : (host.node?.head?.head ?? null)
    if (compareByRule(head, best) > 0) best = head
  }
  return best
}

/** Hosts that must hold the highest head: those that it lists, and that are not bad. */
export function membersOf(cluster: Cluster, head: Head): readonly SimHost[] {
  const holder = cluster.hosts.find((host) => host.node?.head?.head.digest === head.digest)
  const listing = holder?.node?.listing
  return cluster.hosts.filter((host) => !host.isBad && (listing?.byPeer.has(host.peerId) ?? false))
}

/**
 * 16, the other half: whoever is connected knows of a fork at the highest position, if two sides
 * were met.
 */
export function checkForkKnown(checker: Checker, cluster: Cluster, head: Head): void {
  const met = new Set<string>()
  const members = membersOf(cluster, head)
  for (const host of members) {
    for (const held of [host.node?.head, ...(host.node?.evidence.values() ?? [])]) {
      if (held?.head.epoch === head.epoch && held.head.version === head.version)
        met.add(held.head.digest)
    }
  }
  for (const host of members) {
    const knows = host.node?.alarms.has('fork ') ?? false
    if (met.size > 1 !== knows) {
      checker.fail(16, host, knows ? 'says fork where there is none' : 'does not know of the fork')
    }
  }
}
