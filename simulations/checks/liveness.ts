import { compareHeadsOrNone, headText } from '../../protocol/heads.ts'
import {
  banMs,
  exchangeJitter,
  exchangeMs,
  fetchMsMax,
  redialMsMax,
  redialPathlessMsMax,
} from '../../protocol/limits.ts'
import { isGreeted } from '../../protocol/node/state.ts'
import { type Cluster, hasTunnel } from '../world/cluster.ts'
import type { Run } from '../world/setup.ts'
import type { Stage } from '../world/stage.ts'
import { type Checker, highestHead, membersOf } from './invariants.ts'
import type { Spread } from './spread.ts'

/** Length of the quiet phase at the end, in ms. */
export const quietMs = 60_000

/**
 * Bound of the liveness phase: bans end, dials succeed, a fetch may fail once, and two rounds pass.
 */
export function livenessMs(hosts: number): number {
  const diameter = Math.ceil(Math.log2(Math.max(2, hosts)))
  const round = exchangeMs * (1 + exchangeJitter)
  return banMs + redialMsMax + 2 * fetchMsMax + (diameter + 2) * round
}

/** Ends all faults: whatever is cut, lost, full, paused or down is mended. */
export function calmDown(run: Run): void {
  const { stage, network, disk, setting } = run
  const { cluster, hosts } = stage
  Object.assign(network, { lost: 0, doubled: 0, reordered: 0, jitterMs: 40 })
  Object.assign(disk, {
    full: 0,
    syncFails: 0,
    kills: 0,
    stepMsMax: Math.min(setting.disk.stepMsMax ?? 4, 100),
  })
  cluster.cuts.clear()
  for (const host of cluster.hosts) {
    if (host.node === null) hosts.start(host)
  }
  handInAgain(run.stage)
}

/** Documents that are handed in again, at most. */
const againMax = 8

/**
 * Whoever got no answer asks again. Without it a host that died between the write of a head and its
 * answer, and then lost that head, would wait for ever for what its floor says exists.
 */
function handInAgain({ cluster, hosts }: Stage): void {
  const [host] = cluster.hosts
  if (host === undefined) return
  for (const delivery of hosts.unanswered.splice(0).slice(-againMax)) {
    hosts.inject(host, delivery, () => undefined)
  }
}

/** True if every host that the highest head lists holds it and has applied it. */
export function hasAgreed(cluster: Cluster): boolean {
  const head = highestHead(cluster)
  if (head === null) return false
  return membersOf(cluster, head).every(({ node }) => {
    return node?.head?.head.digest === head.digest && node.applied?.digest === head.digest
  })
}

/** 5: says who is behind, where the bound has passed and not everyone agrees. */
export function failDisagreement(cluster: Cluster, checker: Checker): void {
  const head = highestHead(cluster)
  const members = head === null ? cluster.hosts : membersOf(cluster, head)
  const behind = members.find(
    (host) => compareHeadsOrNone(host.node?.head?.head ?? null, head) !== 0,
  )
  const idle = members.find((host) => host.node?.applied?.digest !== head?.digest)
  const held = headText(behind?.node?.head?.head ?? null)
  const what =
    behind === undefined
      ? `holds ${headText(head)} and has not applied it`
      : `holds ${held} long after the faults ended, others ${headText(head)}`
  checker.fail(5, behind ?? idle ?? null, what)
}

/** Peers that hosts talk to: on average, and the most that one has. */
export function degreeOf(cluster: Cluster): { readonly mean: number; readonly most: number } {
  let [sum, most] = [0, 0]
  for (const host of cluster.hosts) {
    let degree = 0
    for (const peer of host.node?.peers.values() ?? []) if (isGreeted(peer)) degree++
    sum += degree
    most = Math.max(most, degree)
  }
  return { mean: Math.round((10 * sum) / cluster.hosts.length) / 10, most }
}

/**
 * Where no message is lost, everyone agrees as soon as they are connected: after a dial and the
 * exchange at hello, in ms.
 */
const promptMs = 15_000

/**
 * 5: connected hosts that lose nothing do not wait for the periodic exchange. A host that is paused
 * when the faults end has `pausedMs` to come back; a request that fell into a cut is waited for.
 */
export function checkPrompt(
  checker: Checker,
  agreedMs: number,
  { pausedMs, isCut }: { readonly pausedMs: number; readonly isCut: boolean },
): void {
  if (agreedMs - pausedMs > promptMs + (isCut ? fetchMsMax : 0)) {
    checker.fail(5, null, `agreed only ${agreedMs} ms after the heal`)
  }
}

/** The work of each host in the quiet minute, on average. */
interface Quiet {
  readonly messages: number
  readonly dials: number
}

/**
 * 18: with no new input a host says no more than its exchanges and its own and others' statuses
 * take, and dials no more than its random link and a seldom hope for tunnels that are not there.
 */
export function checkQuiet(cluster: Cluster, checker: Checker, { messages, dials }: Quiet): void {
  const most = quietMessagesMax(cluster)
  if (messages > most) {
    const what = `${Math.round(messages)} messages a minute, bound ${Math.round(most)}`
    checker.fail(18, null, what)
  }
  const dialsMax = quietDialsMax(cluster)
  if (dials > dialsMax) {
    const what = `${dials.toFixed(1)} dials a minute, bound ${dialsMax.toFixed(1)}`
    checker.fail(18, null, what)
  }
}

/**
 * A head, a window of statuses and an answer for each link and round; statuses that spread beside
 * them.
 */
function quietMessagesMax(cluster: Cluster): number {
  let links = 0
  for (const host of cluster.hosts) links += host.node?.peers.size ?? 0
  const degree = links / cluster.hosts.length
  const rounds = quietMs / (exchangeMs * (1 - exchangeJitter)) + 1
  return degree * rounds * (6 + 3 * Math.min(cluster.hosts.length, 120))
}

/** Dials in the quiet minute that a random link takes, with what fails before one succeeds. */
const quietDialsFree = 8

/** Neighbours without a tunnel are dialled at most twice in their longest wait, besides. */
function quietDialsMax(cluster: Cluster): number {
  let apart = 0
  for (const host of cluster.hosts) {
    for (const peerId of host.node?.neighbours ?? []) {
      const other = cluster.byPeer.get(peerId)
      if (other !== undefined && !hasTunnel(cluster, host, other)) apart++
    }
  }
  const times = 1 + (2 * quietMs) / redialPathlessMsMax
  return quietDialsFree + (times * apart) / cluster.hosts.length
}

/** Longest time that one hop of a new head takes where nothing is in its way, beside its bytes. */
const hopMsMax = 1_000

/** 5: where nothing is in its way, a head reaches everyone within about log n hops, by itself. */
export function checkSpread(checker: Checker, cluster: Cluster, { hops, ms }: Spread): void {
  const most = 2 + Math.ceil(Math.log2(Math.max(2, cluster.hosts.length)))
  if (hops() > most) checker.fail(5, null, `a head took ${hops()} hops, bound ${most}`)
  const bytes = cluster.signed.at(-1)?.payload.length ?? 0
  const hopMs = hopMsMax + bytes / cluster.faults.bytesPerMs
  if (ms() > hopMs * (1 + hops())) {
    checker.fail(5, null, `a head took ${ms()} ms for ${hops()} hops`)
  }
}
