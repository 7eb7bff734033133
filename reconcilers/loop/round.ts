import type { HostPorts } from '../host-ports.ts'
import { removalRetriesMax, restlessRoundsMax } from '../limits.ts'
import type { AnyReconciler, Log, ObjectStatus, PlanStep, Verdict } from '../reconciler.ts'
import type { Backoff } from './backoff.ts'
import type { ExtraType } from './extra-types.ts'
import { inLanes } from './lanes.ts'
import { dependants, mergePlans, type OrderedStep, type References } from './order.ts'
import { failuresOf, reasonOf } from './reasons.ts'
import type { JudgedSection } from './section.ts'
import { leftoverStates, objectStates } from './states.ts'

/** The parts of a round. */
export interface RoundInit {
  readonly judged: JudgedSection
  readonly reconcilers: readonly AnyReconciler[]
  readonly extraTypes: readonly ExtraType[]
  readonly ports: HostPorts
  readonly log: Log
  readonly backoff: Backoff
  /** Rounds in a row in which each object needed work; kept from round to round. */
  readonly restless: Map<string, number>
  /** Ends the looking: a round that is only looking can be given up at any point. */
  readonly lookSignal: AbortSignal
  /** Ends the applying, in mid-step; only a stop of the whole agent does that. */
  readonly applySignal: AbortSignal
  /** Asked between steps: whether this config is still the one to reach. */
  readonly stillWanted: () => boolean
}

/** The result of a round. */
export interface RoundResult {
  readonly states: readonly ObjectStatus[]
  /** Steps that were tried, with whatever result. */
  readonly tried: number
  /** The time at which the plan changes without an event, in ms since 1970; null for never. */
  readonly dueAtMs: number | null
}

/** Plans of all reconcilers over what they observed. */
export interface Look {
  readonly steps: readonly OrderedStep[]
  /** Of each reconciler, in their order. */
  readonly verdicts: readonly (readonly Verdict[])[]
  readonly dueAtMs: number | null
}

/**
 * Looks at the host through every reconciler. One that cannot look fails its own objects and plans
 * nothing. Throws if `signal` fired.
 */
export async function look(
  init: Pick<RoundInit, 'judged' | 'reconcilers' | 'ports'>,
  signal: AbortSignal,
): Promise<Look> {
  const seen = await Promise.all(
    init.reconcilers.map((reconciler, index) => lookThrough(reconciler, index, init, signal)),
  )
  signal.throwIfAborted()
  const plans = seen.map((each) => each.steps)
  const steps = mergePlans(plans, init.judged.references)
  const due = seen.flatMap(({ dueAtMs }) => dueAtMs ?? [])
  const dueAtMs = due.length === 0 ? null : Math.min(...due)
  return { steps, verdicts: seen.map((each) => each.verdicts), dueAtMs }
}

interface Seen {
  readonly steps: readonly PlanStep[]
  readonly dueAtMs: number | null
  readonly verdicts: readonly Verdict[]
}

const nothingSeen: Seen = { steps: [], verdicts: [], dueAtMs: null }

async function lookThrough(
  reconciler: AnyReconciler,
  index: number,
  init: Pick<RoundInit, 'judged' | 'ports'>,
  signal: AbortSignal,
): Promise<Seen> {
  const resolved = init.judged.resolved[index]
  if (resolved === null || resolved === undefined) return nothingSeen
  try {
    const observed = await reconciler.observe(resolved.spec, init.ports, signal)
    const verdicts = reconciler.judge(resolved.spec, observed)
    const dueAtMs = reconciler.dueAt?.(resolved.spec, observed) ?? null
    return { steps: reconciler.plan(resolved.spec, observed), verdicts, dueAtMs }
  } catch (error) {
    const owned = init.judged.objects.filter(({ type }) => Object.hasOwn(reconciler.types, type))
    const reason = reasonOf(error)
    return {
      ...nothingSeen,
      verdicts: owned.map(({ name }) => ({ object: name, state: 'failed', reason })),
    }
  }
}

/**
 * One round: look, plan, apply in order. A step that fails holds back what refers to its objects
 * and nothing else. Null if the config was replaced or the agent stops before the round was whole.
 */
export async function runRound(init: RoundInit): Promise<RoundResult | null> {
  let looked: Look
  try {
    looked = await look(init, init.lookSignal)
  } catch {
    return null
  }
  const unready = new Set([
    ...init.judged.fixed.keys(),
    ...looked.verdicts.flatMap((each) => each.filter(holdsBack).map(({ object }) => object)),
  ])
  const tried = { tried: new Set<string>(), keys: new Set<string>(), acted: new Set<number>() }
  const rest = { failures: new Map(), leftovers: new Map(), removalRetries: 0 }
  const progress: Progress = { unready, ...rest, ...tried }
  const isWanted = (): boolean => init.stillWanted() && !init.applySignal.aborted
  let isWhole = true
  await inLanes(looked.steps, async (ordered) => {
    if (!isWanted()) isWhole = false
    else if (!isHeldBack(ordered.step, init.judged.references, progress)) {
      await tryStep(ordered, init, progress)
    }
  })
  if (!isWhole || init.applySignal.aborted) return null
  init.backoff.retain(progress.keys)
  for (const key of progress.tried) if (!progress.failures.has(key)) init.backoff.clear(key)
  for (const key of init.restless.keys()) if (!progress.keys.has(key)) init.restless.delete(key)
  const { failures } = progress
  const verdicts = await verdictsAfter(looked, progress.acted, init)
  const states = [
    ...objectStates(init.judged, verdicts, failures, init.extraTypes),
    ...leftoverStates(progress.leftovers, failures),
  ]
  return { states, tried: progress.tried.size, dueAtMs: looked.dueAtMs }
}

/**
 * The verdicts on the objects, with those that only a new look after the steps can give: a
 * container that was started, or asked to end, is not yet as it should be. What was wrong before
 * stays told until the next round, so that it does not seem mended for the moment after each
 * attempt.
 */
async function verdictsAfter(
  looked: Look,
  acted: ReadonlySet<number>,
  init: RoundInit,
): Promise<readonly Verdict[]> {
  const verdicts = looked.verdicts.map(async (before, index) => {
    const reconciler = init.reconcilers[index]
    if (!reconciler?.judgesAfter || !acted.has(index)) return before
    const seen = await lookThrough(reconciler, index, init, init.lookSignal)
    if (init.lookSignal.aborted) return before
    const staying = before.filter(holdsBack)
    const told = new Set(staying.map(({ object }) => object))
    return [...staying, ...seen.verdicts.filter(({ object }) => !told.has(object))]
  })
  return (await Promise.all(verdicts)).flat()
}

function holdsBack({ state, untilActed }: Verdict): boolean {
  return untilActed !== true && state !== 'converged'
}

interface Progress {
  /** Objects that were not as they should be before the first step. */
  readonly unready: ReadonlySet<string>
  /** Objects that failed in this round or wait to be tried again, with the reason. */
  readonly failures: Map<string, string>
  /** The failures of steps without an object, by their keys, in the order in which they failed. */
  readonly leftovers: Map<string, string>
  /** Take-downs that were tried again. */
  removalRetries: number
  /** Keys of the steps that were tried. */
  readonly tried: Set<string>
  /** Keys of all steps that were due, tried or not. */
  readonly keys: Set<string>
  /** Indices of the reconcilers of steps that were tried. */
  readonly acted: Set<number>
}

/**
 * A step runs only if none of its objects failed and nothing that they refer to is unready. What
 * else is in the step did not get what it needs either, and says so.
 */
function isHeldBack(step: PlanStep, references: References, progress: Progress): boolean {
  const blocking = [...progress.unready, ...progress.failures.keys()]
  const blocked = dependants(blocking, references)
  const cause = step.objects.find(
    (object) =>
      progress.failures.has(object) ||
      (references.get(object) ?? []).some((target) => blocked.has(target)),
  )
  if (cause === undefined) return false
  for (const object of step.objects) {
    const known = progress.failures.has(object) || (references.get(object) ?? []).length > 0
    if (!known) progress.failures.set(object, `held back together with ${cause}`)
  }
  return true
}

async function tryStep(ordered: OrderedStep, init: RoundInit, progress: Progress): Promise<void> {
  const { step } = ordered
  const reconciler = init.reconcilers[ordered.reconciler]
  if (reconciler === undefined) return
  const text = reconciler.describe(step)
  const keys = step.objects.length > 0 ? step.objects : [`${reconciler.name}: ${text}`]
  for (const key of keys) progress.keys.add(key)
  // What a step protects fails with it, and so tells of it.
  if (step.objects.length === 0 && (step.protects ?? []).length === 0) {
    for (const key of keys) progress.leftovers.set(key, step.about ?? reconciler.name)
  }
  const now = init.ports.clock.now()
  const isDue = step.pace === 'urgent' && keys.every((key) => isRestless(key, init))
  const waits = keys.every((key) => init.backoff.waits(key, now))
  if (!isDue && (waits || isPutOff(step, keys, init, progress))) {
    for (const key of keys) progress.failures.set(key, init.backoff.reason(key) ?? 'failed')
    leaveUnprotected(step, keys, progress)
    return
  }
  for (const key of keys) {
    if (!progress.tried.has(key) && step.pace !== 'recurring') {
      init.restless.set(key, (init.restless.get(key) ?? 0) + 1)
    }
    progress.tried.add(key)
  }
  progress.acted.add(ordered.reconciler)
  const failed = new Map<string, string>()
  try {
    await reconciler.apply(step, init.ports, init.applySignal)
    init.log.info({ reconciler: reconciler.name, objects: step.objects }, text)
  } catch (error) {
    if (init.applySignal.aborted) return
    for (const { key, reason } of failuresOf(error, keys)) failed.set(key, reason)
    const isKnown = [...failed].every(([key, reason]) => init.backoff.reason(key) === reason)
    // The same failure again is no news; the status goes on to show it.
    const say = isKnown ? init.log.debug : init.log.warn
    say.call(init.log, { reconciler: reconciler.name, objects: step.objects, error }, text)
  }
  count(keys, failed, init, progress)
  if (failed.size > 0) leaveUnprotected(step, keys, progress)
}

/** True if a take-down that failed before has to wait for a later round, as enough others did. */
function isPutOff(
  step: PlanStep,
  keys: readonly string[],
  { backoff }: RoundInit,
  progress: Progress,
): boolean {
  if (!step.takesDown || keys.every((key) => backoff.reason(key) === null)) return false
  if (progress.removalRetries >= removalRetriesMax) return true
  progress.removalRetries++
  return false
}

/** Fails the objects that a failed step protects, for the reason of the step. */
function leaveUnprotected(step: PlanStep, keys: readonly string[], progress: Progress): void {
  const reason = keys.map((key) => progress.failures.get(key)).find((each) => each !== undefined)
  for (const object of step.protects ?? []) progress.failures.set(object, reason ?? 'failed')
}

/** True if a step was carried out for a key in so many rounds on end that somebody undoes it. */
function isRestless(key: string, { restless }: RoundInit): boolean {
  return (restless.get(key) ?? 0) > restlessRoundsMax
}

/** Remembers what a step came to. An object that needs work round after round counts as failed. */
function count(
  keys: readonly string[],
  failed: ReadonlyMap<string, string>,
  init: RoundInit,
  progress: Progress,
): void {
  const now = init.ports.clock.now()
  for (const key of keys) {
    if (failed.has(key)) init.restless.set(key, 0)
    const undone = isRestless(key, init) ? 'does not stay as it was applied' : undefined
    const reason = failed.get(key) ?? undone
    if (reason === undefined) continue
    init.backoff.fail(key, reason, now)
    progress.failures.set(key, reason)
  }
}
