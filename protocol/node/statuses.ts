import {
  statusAlarmsMax,
  statusBurstMax,
  statusEntriesMax,
  statusHostsFree,
  statusHostsMax,
  statusMsMax,
  statusMsMin,
  statusSequenceMax,
} from '../limits.ts'
import type { StatusDigest, StatusMessage, StatusWant } from '../messages.ts'
import { readStatus, type SignedStatus, type StatusRecord } from '../status-record.ts'
import { isGreeted, type NodeState, type Turn } from './state.ts'
import { countObjects, hostState } from './view.ts'

/** Windows of the digest that a newly greeted peer is sent at once. */
const windowsAtGreeting = 4

/** Tells a new neighbour what is known of the hosts, so that it asks for what it lacks. */
export function greetWithStatus(turn: Turn, peer: string): void {
  for (let window = 0; window < windowsAtGreeting; window++) {
    if (window * statusEntriesMax >= Math.max(1, turn.node.statuses.size)) return
    sendStatusWindow(turn, peer)
  }
}

/**
 * Sends a slice of the table, the next one each time, so that the cost of a round is bounded at any
 * size.
 */
export function sendStatusWindow(turn: Turn, peer: string): void {
  const { node } = turn
  const hosts = keepsAll(node) ? [...node.statuses.keys()] : [node.self.host]
  const start = node.statusWindow >= hosts.length ? 0 : node.statusWindow
  const window = hosts.slice(start, start + statusEntriesMax)
  node.statusWindow = start + statusEntriesMax
  sendDigest(turn, peer, window)
}

/** True if the cluster is small enough to keep, and pass on, the statuses of everyone. */
function keepsAll(node: NodeState): boolean {
  return node.listing.places.length <= statusHostsMax
}

/**
 * True if this peer may tell of `host`: in a large cluster each tells of itself only, and to each
 * what it has heard of that one.
 */
function mayTell(node: NodeState, peer: string, host: string): boolean {
  if (keepsAll(node) || host === node.self.host) return true
  return node.listing.byPeer.get(peer)?.host === host
}

function sendDigest(turn: Turn, peer: string, hosts: readonly string[]): void {
  const known: (readonly [string, number])[] = []
  for (const host of hosts) {
    const status = turn.node.statuses.get(host)
    if (status !== undefined) known.push([host, status.record.sequence])
  }
  if (known.length > 0) {
    turn.effects.push({ kind: 'send', peer, message: { kind: 'status-digest', known } })
  }
}

/** Digest, question and answer of the status exchange. */
export function onStatusMessage(
  turn: Turn,
  peer: string,
  message: StatusDigest | StatusWant | StatusMessage,
): void {
  if (message.kind === 'status-digest') return onDigest(turn, peer, message)
  if (message.kind === 'status-want') return onWant(turn, peer, message.hosts)
  const older = message.records.map((signed) => onRecord(turn, peer, signed))
  sendDigest(
    turn,
    peer,
    older.filter((host) => host !== null),
  )
}

/**
 * A digest is signed by nobody, so nothing follows from it but a question: whoever claims to know a
 * newer record, of this host or of another, is asked for it.
 */
function onDigest(turn: Turn, peer: string, message: StatusDigest): void {
  const { node } = turn
  const want: string[] = []
  for (const [host, sequence] of message.known) {
    const known = host === node.self.host ? node.sequence : sequenceOf(node, host)
    if (sequence > known && sequence <= statusSequenceMax) want.push(host)
  }
  const missing = want.filter((host) => {
    return node.listing.byHost.has(host) && mayTell(node, peer, host)
  })
  if (missing.length > 0) {
    turn.effects.push({ kind: 'send', peer, message: { kind: 'status-want', hosts: missing } })
  }
}

function sequenceOf(node: NodeState, host: string): number {
  return node.statuses.get(host)?.record.sequence ?? 0
}

/**
 * A host that is shown a record of its own with a higher number (it restarted, and its clock was
 * set back) goes on above it. Only its own key signs such a record: what others sign about it moves
 * nothing, and a number that leaves no room above it is passed over.
 */
function resumeAbove(node: NodeState, { peer_id, sequence }: StatusRecord): void {
  if (peer_id !== node.self.peerId || sequence <= node.sequence) return
  if (sequence >= statusSequenceMax) return
  node.sequence = sequence
  node.statusWanted = true
}

function onWant(turn: Turn, peer: string, hosts: readonly string[]): void {
  const records: SignedStatus[] = []
  for (const host of hosts) {
    const status = turn.node.statuses.get(host)
    if (status !== undefined) records.push(status.signed)
  }
  if (records.length > 0) {
    turn.effects.push({ kind: 'send', peer, message: { kind: 'status', records } })
  }
}

/**
 * A record whose signature is good. It counts only if the config lists that host with that key.
 * Returns its host where a newer record of it is held, which the peer is to be told of.
 */
function onRecord(turn: Turn, peer: string, signed: SignedStatus): string | null {
  const { node } = turn
  const parsed = readStatus(signed)
  if (!parsed.ok) return null
  const record = parsed.value
  if (record.host === node.self.host) resumeAbove(node, record)
  if (record.host === node.self.host || record.sequence > statusSequenceMax) return null
  if (node.listing.byHost.get(record.host)?.peerId !== record.peer_id) return null
  if (!mayTell(node, peer, record.host)) return null
  const known = sequenceOf(node, record.host)
  if (record.sequence < known) return record.host
  if (record.sequence === known) return null
  node.statuses.set(record.host, { record, signed, heardAt: node.now })
  if (keepsAll(node)) node.news.set(record.host, peer)
  return null
}

/** Spreads what is new, and sends this host's own status again if it changed or is old. */
export function tickStatuses(turn: Turn): void {
  const { node } = turn
  spreadNews(turn)
  const most = statusBurstMax
  node.statusTokens = Math.min(most, node.statusTokens + (node.now - node.statusAt) / statusMsMin)
  node.statusAt = node.now
  const own = node.statuses.get(node.self.host)
  const againMs = statusMsMax * Math.max(1, node.listing.places.length / statusHostsFree)
  const isOld = own === undefined || node.now - own.heardAt >= againMs
  if (node.statusSigning || !(node.statusWanted || isOld)) return
  const record = ownRecord(node)
  // News of a head is what people wait for, and there are only as many heads as operators sign.
  const isNews = own === undefined || !sameHeads(own.record, record)
  if (!isNews && node.statusTokens < 1) return
  node.statusWanted = false
  // Said again under a number that was raised, the same is news to whoever held a higher one.
  const isNumbered = own !== undefined && own.record.sequence === node.sequence
  if (!isOld && isNumbered && saysTheSame(own.record, record)) return
  if (!isNews) node.statusTokens -= 1
  node.statusSigning = true
  turn.effects.push({ kind: 'sign-status', record })
}

function spreadNews(turn: Turn): void {
  const { node } = turn
  if (node.news.size === 0) return
  const news = [...node.news].slice(0, statusEntriesMax)
  for (const [host] of news) node.news.delete(host)
  for (const [peerId, peer] of node.peers) {
    if (!isGreeted(peer)) continue
    const hosts = news.filter(([host, from]) => from !== peerId && host !== peer.place.host)
    sendDigest(
      turn,
      peerId,
      hosts.map(([host]) => host),
    )
  }
}

function sameHeads(a: StatusRecord, b: StatusRecord): boolean {
  return a.head?.digest === b.head?.digest && a.applied?.digest === b.applied?.digest
}

function saysTheSame(a: StatusRecord, b: StatusRecord): boolean {
  return JSON.stringify({ ...a, sequence: 0 }) === JSON.stringify({ ...b, sequence: 0 })
}

/** Status record of this host. */
function ownRecord(node: NodeState): StatusRecord {
  return {
    host: node.self.host,
    peer_id: node.self.peerId,
    sequence: node.sequence + 1,
    state: hostState(node),
    head: node.head?.head ?? null,
    applied: node.applied,
    objects: countObjects(node),
    alarms: [...new Set([...node.alarms.values()].map((alarm) => alarm.code))].slice(
      0,
      statusAlarmsMax,
    ),
  }
}

/** The shell has signed the own record: it is sent to every neighbour at once. */
export function onStatusSigned(turn: Turn, signed: SignedStatus): void {
  const { node } = turn
  node.statusSigning = false
  const parsed = readStatus(signed)
  if (!parsed.ok) return
  if (parsed.value.sequence <= node.sequence) {
    node.statusWanted = true
    return
  }
  node.sequence = parsed.value.sequence
  node.statuses.set(node.self.host, { record: parsed.value, signed, heardAt: node.now })
  for (const [peer, state] of node.peers) {
    if (!isGreeted(state)) continue
    turn.effects.push({ kind: 'send', peer, message: { kind: 'status', records: [signed] } })
  }
}
