import type { Head } from '../protocol/heads.ts'
import { exchangeMs } from '../protocol/limits.ts'
import { stimulate } from './actors/stimuli.ts'
import type { Stimulus } from './actors/stimulus.ts'
import { coverageTable } from './checks/coverage.ts'
import { checkForkKnown, highestHead, type Violation } from './checks/invariants.ts'
import {
  calmDown,
  checkPrompt,
  checkQuiet,
  checkSpread,
  degreeOf,
  failDisagreement,
  hasAgreed,
  livenessMs,
  quietMs,
} from './checks/liveness.ts'
import { checkSettled } from './checks/settled.ts'
import type { Sample } from './report/samples.ts'
import { enrol, type Run, type RunRequest, setUp } from './world/setup.ts'

/** The result of a run. Nothing in it depends on the machine. */
export interface RunResult {
  readonly scenario: string
  readonly seed: number
  readonly hosts: number
  readonly violation: Violation | null
  readonly stimuli: readonly Stimulus[]
  /** From the end of the faults until everyone agreed, in simulated ms; null if they never did. */
  readonly agreedMs: number | null
  /**
   * The time of the last head from its first host to the last one, and the number of hosts between.
   */
  readonly spread: { readonly ms: number; readonly hops: number }
  /** Peers that hosts talk to at the end. */
  readonly degree: { readonly mean: number; readonly most: number }
  readonly events: number
  readonly messages: number
  readonly documents: number
  readonly bytes: number
  readonly kills: number
  /** Messages, bytes and dials of one quiet minute at the end, for each host. */
  readonly quietMessages: number
  readonly quietBytes: number
  readonly quietDials: number
  readonly simulatedMs: number
  readonly trace: number
  readonly head: Head | null
  /** The number of times that something happened, by name: `stimulus cut`, `alarm fork`. */
  readonly coverage: Readonly<Record<string, number>>
  readonly samples: readonly Sample[]
}

/** Hosts are up and agree on the first config before anything is done to them, after this time. */
export const warmUpMs = 20_000
/** A run can be left and taken up again after this much simulated time. */
const sliceMs = 100

/** Runs one seed of a scenario to its end. */
export function runScenario(request: RunRequest): RunResult {
  const running = simulate(request)
  for (let step = running.next(); ; step = running.next()) if (step.done) return step.value
}

/**
 * Runs one seed of a scenario: faults first, then a calm phase that must converge, then a quiet
 * minute. Yields the simulated time in ms ten times a simulated second, so that whoever drives it
 * can do other things.
 */
export function* simulate(request: RunRequest): Generator<number, RunResult> {
  const run = setUp(request)
  const { stage, checker, setting } = run
  const { cluster } = stage
  enrol(stage)
  yield* advance(run, warmUpMs)
  startFaults(run)
  yield* advance(run, setting.safetyMs)

  if (checker.violation === null) calmDown(run)
  const healedAt = cluster.world.now
  const pausedMs = Math.max(0, ...cluster.hosts.map((host) => host.pausedUntil - healedAt))
  const agreed = (): boolean => run.sampler.due() && hasAgreed(cluster)
  yield* advance(run, livenessMs(request.hosts), agreed)
  const agreedMs = hasAgreed(cluster) ? Math.round(cluster.world.now - healedAt) : null
  if (agreedMs === null && checker.violation === null) failDisagreement(cluster, checker)
  if (agreedMs !== null && setting.network.lost === undefined) {
    const isCut = run.stimuli.some(({ kind }) => kind === 'cut')
    checkPrompt(checker, agreedMs, { pausedMs, isCut })
  }

  // Evidence and statuses spread with the exchanges; then nothing new is to be said.
  yield* advance(run, 3 * exchangeMs)
  const before = { ...cluster.counts }
  yield* advance(run, quietMs)
  const quietMessages = (cluster.counts.messages - before.messages) / request.hosts
  const quietBytes = (cluster.counts.bytes - before.bytes) / request.hosts
  const quietDials = (cluster.counts.dials - before.dials) / request.hosts
  const head = highestHead(cluster)
  if (head !== null && checker.violation === null) {
    checkForkKnown(checker, cluster, head)
    checkSettled(checker, cluster, head)
    checkQuiet(cluster, checker, { messages: quietMessages, dials: quietDials })
    if (isUndisturbed(run)) checkSpread(checker, cluster, run.spread)
  }
  return resultOf(run, head, { agreedMs, quietMessages, quietBytes, quietDials })
}

/** True if nothing happens but that configs are signed. */
function isUndisturbed({ stimuli, setting }: Run): boolean {
  const { network, disk } = setting
  const isCalm = Object.keys(network).length + Object.keys(disk).length === 0
  return isCalm && stimuli.every(({ kind }) => kind === 'sign')
}

/**
 * Lets time pass, a second at a time, until it is over, an invariant is broken, or `until` says so.
 */
function* advance(
  { stage, checker, sampler }: Run,
  ms: number,
  until: () => boolean = () => false,
): Generator<number, void> {
  const { world } = stage.cluster
  const endMs = world.now + ms
  let isOver = checker.violation !== null
  const stop = (): boolean => {
    isOver = checker.violation !== null || until()
    return isOver
  }
  while (!isOver && world.now < endMs) {
    world.runUntil(Math.min(endMs, world.now + sliceMs), stop)
    sampler.take()
    yield world.now
  }
}

function startFaults({ stage, setting, network, disk, stimuli, request }: Run): void {
  Object.assign(network, setting.network)
  Object.assign(disk, setting.disk)
  for (const [index, stimulus] of stimuli.entries()) {
    if (request.only?.has(index) === false) continue
    stage.cluster.world.after(stimulus.at, () => stimulate(stage, stimulus))
  }
}

function resultOf(
  { request, stage, checker, sampler, spread, stimuli }: Run,
  head: Head | null,
  measured: Pick<RunResult, 'agreedMs' | 'quietMessages' | 'quietBytes' | 'quietDials'>,
): RunResult {
  const { counts, world, coverage } = stage.cluster
  return {
    scenario: request.scenario.name,
    seed: request.seed,
    hosts: request.hosts,
    violation: checker.violation,
    stimuli,
    agreedMs: measured.agreedMs,
    spread: { ms: spread.ms(), hops: spread.hops() },
    degree: degreeOf(stage.cluster),
    events: world.events,
    messages: counts.messages,
    documents: counts.documents,
    bytes: Math.round(counts.bytes),
    kills: counts.kills,
    quietMessages: Math.round(measured.quietMessages),
    quietBytes: Math.round(measured.quietBytes),
    quietDials: Math.round(10 * measured.quietDials) / 10,
    simulatedMs: Math.round(world.now),
    trace: world.trace,
    head,
    coverage: coverageTable(coverage),
    samples: sampler.samples,
  }
}
