import type { Config } from '../../protocol/documents/config.ts'
import type { Head } from '../../protocol/heads.ts'
import type { HostPorts } from '../host-ports.ts'
import { pokeGapMs, roundMs, settleMs } from '../limits.ts'
import type { AnyReconciler, Log, ObjectStatus } from '../reconciler.ts'
import { type Backoff, createBackoff, createRandom } from './backoff.ts'
import type { ExtraType } from './extra-types.ts'
import { look, runRound } from './round.ts'
import { type JudgedSection, judgeSection } from './section.ts'

export { agentType, type ExtraType } from './extra-types.ts'

/** The parts of a loop. */
export interface ReconcileLoopInit {
  /** In the order in which they build on each other. */
  readonly reconcilers: readonly AnyReconciler[]
  /** Types that someone else owns, as `agentType`. */
  readonly extraTypes: readonly ExtraType[]
  /** Types whose reconciler this host refused to load, with the reason. */
  readonly refusedTypes?: ReadonlyMap<string, string>
  readonly ports: HostPorts
  readonly log: Log
  /** Source of the jitter of retries. */
  readonly seed: number
  /** Time between two rounds without an event; `roundMs` where absent. */
  readonly roundMs?: number
  /** After the first whole round over a config, then whenever the state of an object changed. */
  readonly onReport: (report: ReconcileReport) => void
}

/** The result so far. */
export interface ReconcileReport {
  /** The config that the states are about. */
  readonly head: Head
  readonly objects: readonly ObjectStatus[]
  /** Whole rounds over this config so far. */
  readonly rounds: number
}

/** A step that a round would take now. */
export interface PlannedStep {
  readonly objects: readonly string[]
  /** One line for people. */
  readonly text: string
  readonly reconciler: string
}

/** Keeps a host as its section of a config says. None of these throws; `plan` may reject. */
export interface ReconcileLoop {
  /** A new desired state. A round over an older one ends after the step that it is at. */
  adopt(config: Config, host: string, head: Head): void
  /** Something may have changed: look again soon. */
  poke(reason: string): void
  /** The same, and what failed for this object before counts no more: it is tried at once. */
  retry(object: string, reason: string): void
  /** Looks and plans without applying; over the adopted config where none is given. */
  plan(config?: Config): Promise<readonly PlannedStep[]>
  /** Ends everything, also the command that runs; what was applied stays. */
  stop(): Promise<void>
}

interface Desired {
  readonly config: Config
  readonly host: string
  readonly head: Head
  readonly judged: JudgedSection | null
  readonly backoff: Backoff
  readonly restless: Map<string, number>
  /** Objects whose failures count no more with the next round. */
  readonly retried: Set<string>
  rounds: number
  reported: string
}

/** Makes a loop that does nothing until a config is adopted. */
export function createReconcileLoop(init: ReconcileLoopInit): ReconcileLoop {
  const random = createRandom(init.seed)
  const stopped = new AbortController()
  const signals: Signals = { stopped, adopted: new AbortController(), poked: new AbortController() }
  let desired: Desired | null = null
  let running: Promise<void> | null = null
  return {
    adopt(config, host, head) {
      if (stopped.signal.aborted) return
      const judged = judgeSection(config, host, init)
      const known = {
        backoff: createBackoff(random),
        restless: new Map(),
        retried: new Set<string>(),
      }
      desired = { config, host, head, judged, ...known, rounds: 0, reported: '' }
      signals.adopted.abort()
      running ??= runRounds(init, signals, () => desired)
    },
    poke(reason) {
      init.log.debug({ reason }, 'asked to look again')
      signals.poked.abort()
    },
    retry(object, reason) {
      desired?.retried.add(object)
      init.log.debug({ reason, object }, 'asked to try again')
      signals.poked.abort()
    },
    plan: (config) => dryRun(init, config ?? desired?.config, desired?.host, stopped.signal),
    async stop() {
      stopped.abort()
      await running
    },
  }
}

/** The signals that interrupt waiting. The last two are made anew for each round. */
interface Signals {
  readonly stopped: AbortController
  adopted: AbortController
  poked: AbortController
}

async function runRounds(
  init: ReconcileLoopInit,
  signals: Signals,
  desired: () => Desired | null,
): Promise<void> {
  const { stopped } = signals
  const wait = (ms: number, ...more: readonly AbortSignal[]): Promise<void> =>
    init.ports.clock.sleep(ms, AbortSignal.any([stopped.signal, signals.adopted.signal, ...more]))
  for (;;) {
    const current = desired()
    if (stopped.signal.aborted || current === null) return
    signals.adopted = new AbortController()
    signals.poked = new AbortController()
    const nextMs = await round(init, current, signals, () => desired() === current).catch(
      (error: unknown) => {
        init.log.error({ error }, 'a round of reconciling broke off')
        return settleMs
      },
    )
    if (desired() !== current) continue
    await wait(pokeGapMs)
    if (desired() === current) await wait(Math.max(0, nextMs - pokeGapMs), signals.poked.signal)
  }
}

/** Runs a round and reports it; the time to the next one where no event asks for one sooner. */
async function round(
  init: ReconcileLoopInit,
  current: Desired,
  { stopped, adopted }: Signals,
  stillWanted: () => boolean,
): Promise<number> {
  const longestMs = init.roundMs ?? roundMs
  const { judged, backoff, restless, retried } = current
  if (judged === null) return longestMs
  for (const object of retried) {
    backoff.clear(object)
    restless.delete(object)
  }
  retried.clear()
  const applySignal = stopped.signal
  const lookSignal = AbortSignal.any([stopped.signal, adopted.signal])
  const { reconcilers, extraTypes, ports, log } = init
  const own = { judged, backoff, restless, lookSignal, applySignal, stillWanted }
  const result = await runRound({ reconcilers, extraTypes, ports, log, ...own })
  if (result === null) return 0
  current.rounds++
  report(init, current, result.states)
  const nowMs = ports.clock.now()
  const retryMs = backoff.nextMs(nowMs) ?? longestMs
  const dueMs = result.dueAtMs === null ? longestMs : Math.max(0, result.dueAtMs - nowMs)
  return Math.min(longestMs, retryMs, dueMs, result.tried > 0 ? settleMs : longestMs)
}

function report(init: ReconcileLoopInit, current: Desired, objects: readonly ObjectStatus[]): void {
  const text = JSON.stringify(objects)
  if (current.reported === text) return
  current.reported = text
  try {
    init.onReport({ head: current.head, objects, rounds: current.rounds })
  } catch (error) {
    init.log.error({ error }, 'a report of reconciling was not taken')
  }
}

async function dryRun(
  init: ReconcileLoopInit,
  config: Config | undefined,
  host: string | undefined,
  signal: AbortSignal,
): Promise<readonly PlannedStep[]> {
  if (config === undefined || host === undefined) return []
  const judged = judgeSection(config, host, init)
  if (judged === null) return []
  const { steps } = await look({ ...init, judged, ports: lookingOnly(init.ports) }, signal)
  return steps.map(({ step, reconciler }) => ({
    objects: step.objects,
    text: init.reconcilers[reconciler]?.describe(step) ?? '',
    reconciler: init.reconcilers[reconciler]?.name ?? '',
  }))
}

/** Ports through which a dry run leaves no trace: a round notes what is new of containers. */
function lookingOnly(ports: HostPorts): HostPorts {
  const { containers } = ports
  return { ...ports, containers: { ...containers, notice: () => containers.look() } }
}
