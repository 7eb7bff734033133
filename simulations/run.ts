import { compareHeadsOrNone, type Head, headText } from '../protocol/heads.ts'
import { banMs, exchangeJitter, exchangeMs, fetchMsMax, redialMsMax } from '../protocol/limits.ts'
import { type Cluster, hostName, type NetworkFaults, peerIdOf, type SimHost } from './cluster.ts'
import { createDisk, type DiskFaults } from './disk.ts'
import { createHosts } from './hosts.ts'
import {
  checkForkKnown,
  createChecker,
  highestHead,
  membersOf,
  type Violation,
} from './invariants.ts'
import { createOperator, signNext } from './operators.ts'
import { createSampler, type Sample } from './samples.ts'
import { calm, type Scenario, type Setting } from './scenarios.ts'
import { keyNamed, makeRoot } from './signing.ts'
import { byTime, type Stage, type Stimulus, stimulate } from './stimuli.ts'
import { createWorld } from './world.ts'

/** What one run is asked for. */
export interface RunRequest {
  readonly scenario: Scenario
  readonly seed: number
  readonly hosts: number
  /** Only the stimuli with these numbers happen; all of them where absent. */
  readonly only?: ReadonlySet<number>
  /** Whether to keep samples for a report. */
  readonly sampled?: boolean
}

/** What came of a run. Nothing in it depends on the machine. */
export interface RunResult {
  readonly scenario: string
  readonly seed: number
  readonly hosts: number
  readonly violation: Violation | null
  readonly stimuli: readonly Stimulus[]
  /** From the end of the faults until everyone agreed, in simulated ms; null if they never did. */
  readonly agreedMs: number | null
  readonly events: number
  readonly messages: number
  readonly documents: number
  readonly bytes: number
  readonly kills: number
  /** Messages of one quiet minute at the end, for each host. */
  readonly quietMessages: number
  readonly trace: number
  readonly head: Head | null
  readonly samples: readonly Sample[]
}

/** Hosts are up and agree on the first config before anything is done to them. */
const warmUpMs = 20_000
const quietMs = 60_000

/** Bound of the liveness phase: bans end, dials succeed, a fetch may fail once, and two rounds pass. */
function livenessMs(hosts: number): number {
  const diameter = Math.ceil(Math.log2(Math.max(2, hosts)))
  const round = exchangeMs * (1 + exchangeJitter)
  return banMs + redialMsMax + 2 * fetchMsMax + (diameter + 2) * round
}

/** Runs one seed of a scenario: faults first, then a calm phase that must converge, then a quiet minute. */
export function runScenario(request: RunRequest): RunResult {
  const setting: Setting = { ...calm, ...request.scenario.setting }
  const world = createWorld(request.seed)
  const checker = createChecker(() => cluster)
  const network: NetworkFaults = {
    latencyMs: 5,
    jitterMs: 40,
    bytesPerMs: 1_250,
    lost: 0,
    doubled: 0,
    reordered: 0,
  }
  const disk: DiskFaults = { stepMsMax: 4, full: 0, syncFails: 0 }
  const cluster = makeCluster(request, setting, world, checker, network, disk)
  const hosts = createHosts(cluster)
  checker.network = hosts.network
  const operators = Array.from({ length: setting.operators }, (_, index) =>
    createOperator(cluster, `op${index}`),
  )
  const stage: Stage = { cluster, hosts, operators, rewound: (host) => checker.rewound(host) }
  const sampler = createSampler(cluster, request.sampled === true)
  const stop = (): boolean => checker.violation !== null
  const stimuli = [...request.scenario.plan(world.random, request.hosts, setting.safetyMs)].sort(
    byTime,
  )

  enrol(stage)
  world.runUntil(warmUpMs, stop)
  Object.assign(network, setting.network)
  Object.assign(disk, setting.disk)
  for (const [index, stimulus] of stimuli.entries()) {
    if (request.only?.has(index) === false) continue
    world.after(stimulus.at, () => stimulate(stage, stimulus))
  }
  world.runUntil(warmUpMs + setting.safetyMs, stop)

  calmDown(stage, network, disk, setting)
  const healedAt = world.now
  const agreed = (): boolean => hasAgreed(cluster)
  world.runUntil(healedAt + livenessMs(request.hosts), () => stop() || (sampler.due() && agreed()))
  const agreedMs = agreed() ? world.now - healedAt : null
  const head = highestHead(cluster)
  if (agreedMs === null && checker.violation === null)
    explainDisagreement(stage, checker.fail, head)

  // Evidence and statuses spread with the exchanges; then nothing new is to be said.
  world.runUntil(world.now + 3 * exchangeMs, stop)
  const before = cluster.counts.messages
  world.runUntil(world.now + quietMs, stop)
  const quiet = (cluster.counts.messages - before) / request.hosts
  if (head !== null && checker.violation === null) {
    checkForkKnown(checker, cluster, head)
    checkQuiet(cluster, quiet, checker.fail)
  }
  const { counts } = cluster
  return {
    scenario: request.scenario.name,
    seed: request.seed,
    hosts: request.hosts,
    violation: checker.violation,
    stimuli,
    agreedMs,
    events: world.events,
    messages: counts.messages,
    documents: counts.documents,
    bytes: Math.round(counts.bytes),
    kills: counts.kills,
    quietMessages: Math.round(quiet),
    trace: world.trace,
    head,
    samples: sampler.samples,
  }
}

function makeCluster(
  request: RunRequest,
  setting: Setting,
  world: Cluster['world'],
  watch: Cluster['watch'],
  faults: NetworkFaults,
  disk: DiskFaults,
): Cluster {
  const book = { signed: new Set<string>() }
  const firstKeys = Array.from({ length: setting.keys }, (_, index) => keyNamed(`first ${index}`))
  const firstRoot = makeRoot(book, 1, null, firstKeys, setting.threshold, firstKeys)
  const everyNth = Math.max(1, Math.round(1 / setting.endpoints))
  const hosts = Array.from(
    { length: request.hosts },
    (_, index): SimHost => ({
      index,
      name: hostName(index),
      peerId: peerIdOf(index),
      disk: createDisk(world, [firstRoot], disk),
      hasEndpoint: index % everyNth === 0,
      node: null,
      runner: null,
      life: 0,
      pausedUntil: 0,
      skewMs: 0,
      kernel: null,
      isBad: false,
    }),
  )
  return {
    world,
    book,
    hosts,
    byPeer: new Map(hosts.map((host) => [host.peerId, host])),
    firstRoot,
    firstKeys,
    faults,
    cuts: new Set(),
    positions: new Map(),
    forged: new Set(),
    watch,
    counts: { messages: 0, documents: 0, bytes: 0, dials: 0, kills: 0 },
  }
}

/** Every host starts with the first config in its bundle, as `covey enrol` leaves it. */
function enrol({ cluster, hosts, operators }: Stage): void {
  const [operator] = operators
  if (operator === undefined) return
  const config = signNext(cluster, operator, 0)
  for (const other of operators.slice(1)) {
    other.head = operator.head
    other.ancestors = operator.ancestors
  }
  for (const host of cluster.hosts) {
    hosts.start(host)
    hosts.inject(host, { roots: [], config }, () => undefined)
  }
}

function calmDown(
  { cluster, hosts }: Stage,
  network: NetworkFaults,
  disk: DiskFaults,
  setting: Setting,
): void {
  Object.assign(network, { lost: 0, doubled: 0, reordered: 0, jitterMs: 40 })
  Object.assign(disk, {
    full: 0,
    syncFails: 0,
    stepMsMax: Math.min(setting.disk.stepMsMax ?? 4, 100),
  })
  cluster.cuts.clear()
  for (const host of cluster.hosts) {
    host.pausedUntil = 0
    if (host.node === null) hosts.start(host)
  }
}

function hasAgreed(cluster: Cluster): boolean {
  const head = highestHead(cluster)
  if (head === null) return false
  return membersOf(cluster, head).every((host) => {
    return host.node?.head?.head.digest === head.digest && host.node.applied?.digest === head.digest
  })
}

function explainDisagreement(
  { cluster }: Stage,
  fail: (invariant: number, host: SimHost | null, what: string) => void,
  head: Head | null,
): void {
  const members = head === null ? cluster.hosts : membersOf(cluster, head)
  const behind = members.find(
    (host) => compareHeadsOrNone(host.node?.head?.head ?? null, head) !== 0,
  )
  const idle = members.find((host) => host.node?.applied?.digest !== head?.digest)
  const what =
    behind === undefined
      ? `holds ${headText(head)} and has not applied it`
      : `holds ${headText(behind.node?.head?.head ?? null)} long after the faults ended, others ${headText(head)}`
  fail(5, behind ?? idle ?? null, what)
}

/** 18: with no new input a host says no more than its exchanges and its own and others' statuses take. */
function checkQuiet(
  cluster: Cluster,
  perHost: number,
  fail: (invariant: number, host: SimHost | null, what: string) => void,
): void {
  let links = 0
  for (const host of cluster.hosts) links += host.node?.peers.size ?? 0
  const degree = links / cluster.hosts.length
  const rounds = quietMs / (exchangeMs * (1 - exchangeJitter)) + 1
  // A head, a window of statuses and an answer for each link and round; statuses that spread beside them.
  const most = degree * rounds * (6 + 3 * Math.min(cluster.hosts.length, 120))
  if (perHost > most)
    fail(18, null, `${Math.round(perHost)} messages a minute, bound ${Math.round(most)}`)
}
