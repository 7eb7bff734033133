import { type Head, headText } from '../../protocol/heads.ts'
import type { Delivery } from '../../protocol/messages.ts'
import type { HeldConfig } from '../../protocol/node/durable.ts'
import type { Effect, Verdict } from '../../protocol/node/effects.ts'
import { isGreeted, type NodeState } from '../../protocol/node/state.ts'
import type { Cluster, SimHost } from '../world/cluster.ts'
import { identityOf } from '../world/signing.ts'
import type { Watch } from '../world/watch.ts'
import type { Checker } from './invariants.ts'
import { compareByRule } from './order.ts'

/** The memory of one life of a host. */
interface Life {
  /** Peers that have answered a hello while the floor was not known. */
  readonly greeted: Set<string>
  head: HeldConfig | null
  floorKnown: boolean
  listing: NodeState['listing']
}

/** Watches what the node must notice, keep and ask for, without asking the node how. */
export function createVigil(cluster: Cluster, checker: Checker): Watch {
  const lives = new Map<SimHost, Life>()
  let keptAll = true
  const look = (host: SimHost): void => {
    const { node } = host
    const life = lives.get(host)
    if (node === null || life === undefined || host.isBad) return
    if (!life.floorKnown) {
      for (const [peerId, peer] of node.peers) if (isGreeted(peer)) life.greeted.add(peerId)
    }
    checkBranch(checker, host, node, life.head)
    checkFloor(checker, host, node, life)
    checkRootFork(checker, host, node)
    if (node.head !== life.head && node.alarms.has('storage ')) {
      checker.fail(16, host, 'says that it cannot store, and has just stored')
    }
    life.head = node.head
    life.floorKnown = node.floorKnown
    if (life.listing !== node.listing) checkStatuses(checker, host, node)
    life.listing = node.listing
  }
  return {
    started(host) {
      const { node } = host
      if (node === null) return
      const { head, floorKnown, listing } = node
      lives.set(host, { greeted: new Set(), head, floorKnown, listing })
    },
    stepped: look,
    answered: (host, delivery, verdict) => checkVerdict(checker, host, delivery, verdict),
    effect(host, effect) {
      const { lost, doubled, reordered } = cluster.faults
      keptAll &&= lost + doubled + reordered === 0
      if (keptAll) checkBan(checker, cluster, host, effect)
    },
  }
}

/** True if a config's ancestors reach down to a head's place and do not name it there. */
function leavesOut(held: HeldConfig, before: Head): boolean {
  const { ancestors } = held.parsed.claims
  if (held.head.epoch !== before.epoch || held.head.version <= before.version) return false
  const reaches = ancestors.some(([epoch, version]) => {
    return epoch === before.epoch && version <= before.version
  })
  return reaches && !ancestors.some(([, , digest]) => digest === before.digest)
}

/** 16: a head that its successor leaves out is kept, and a person is told. */
function checkBranch(
  checker: Checker,
  host: SimHost,
  node: NodeState,
  before: HeldConfig | null,
): void {
  const { head } = node
  if (before === null || head === null || !leavesOut(head, before.head)) return
  if (!node.evidence.has(before.head.digest)) {
    checker.fail(16, host, `does not keep ${headText(before.head)}, which was left out`)
  }
  if (!node.alarms.has('lost-branch ')) {
    checker.fail(16, host, `does not tell that ${headText(before.head)} was left out`)
  }
}

/** 14: what is known of hosts that are gone is forgotten. */
function checkStatuses(checker: Checker, host: SimHost, node: NodeState): void {
  for (const name of node.statuses.keys()) {
    if (!node.listing.byHost.has(name)) checker.fail(14, host, `keeps a status of ${name}`)
  }
}

const places = new WeakMap<Uint8Array, Head>()

/** The head that a document claims, read once for all the hosts that receive it. */
function placeOf(payload: Uint8Array): Head {
  const known = places.get(payload)
  if (known !== undefined) return known
  const { digest, text } = identityOf(payload)
  const { epoch, version } = JSON.parse(text) as Head
  const place = { epoch, version, digest }
  places.set(payload, place)
  return place
}

/** 6: what is called older is older, and what is called accepted is the head. */
function checkVerdict(
  checker: Checker,
  host: SimHost,
  { config }: Delivery,
  verdict: Verdict | null,
): void {
  if (verdict === null) return
  const handed = placeOf(config.payload)
  const { digest } = handed
  const floor = host.node?.floor ?? null
  const bound = compareByRule(verdict.head, floor) < 0 ? floor : verdict.head
  if (verdict.verdict === 'older' && compareByRule(handed, bound) > 0) {
    checker.fail(6, host, `calls ${headText(handed)} older than ${headText(bound)}`)
  }
  if (verdict.verdict === 'accepted' && verdict.head?.digest !== digest) {
    checker.fail(6, host, `says that it accepted ${headText(handed)}, and holds another`)
  }
}

/** 1: with its floor lost, a host takes nothing before most of its peers have answered. */
function checkFloor(checker: Checker, host: SimHost, node: NodeState, life: Life): void {
  if (life.floorKnown) return
  if (node.head !== life.head && !node.floorKnown) {
    checker.fail(1, host, 'takes a head while its floor is not known')
  }
  const others = node.listing.places.filter((place) => place.peerId !== node.self.peerId)
  const answered = others.filter((place) => life.greeted.has(place.peerId)).length
  if (node.floorKnown && others.length > 0 && answered <= others.length / 2) {
    checker.fail(1, host, `trusts ${answered} of ${others.length} peers about its floor`)
  }
}

/** 16: two roots of one number are told of until a later one settles it. */
function checkRootFork(checker: Checker, host: SimHost, node: NodeState): void {
  const isOpen = node.rivals.some((rival) => rival.root.epoch === node.roots.length)
  if (isOpen !== node.alarms.has('root-fork ')) {
    checker.fail(16, host, isOpen ? 'is silent about two roots' : 'tells of two roots too long')
  }
}

/** 17: where streams keep what they carry, nobody who keeps the rules is banned. */
function checkBan(checker: Checker, cluster: Cluster, host: SimHost, effect: Effect): void {
  if (effect.kind !== 'drop' || host.isBad) return
  const peer = host.node?.peers.get(effect.peer)
  const other = cluster.byPeer.get(effect.peer)
  if (!host.node || !peer || !other || other.isBad) return
  if (peer.bannedUntil > host.node.now) {
    checker.fail(17, host, `bans ${other.name}, which did nothing wrong: ${effect.reason}`)
  }
}
