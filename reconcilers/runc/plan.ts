import {
  type ContainerRecord,
  type ContainerSeen,
  isUp,
  type RestartCount,
  type StopOrder,
} from '../host-containers.ts'
import type { ImageReady } from '../host-images.ts'
import type { PlanStep } from '../reconciler.ts'
import { containersOf } from './containers.ts'
import { imageKey } from './images.ts'
import { afterExit, isDue, onceMore, restartsUnhealthy } from './lifecycle.ts'
import { replaceWaitMs } from './limits.ts'
import { type LoginsStep, planLogins } from './logins/logins.ts'
import type { RuncObserved } from './observe.ts'
import { outdatedBy } from './offers/outdated.ts'
import {
  downOf,
  type KeepExitStep,
  type OrderStep,
  planDown,
  planForgotten,
  runOrderOf,
  withEndOf,
} from './orders/orders.ts'
import { type HostsStep, hostsFor, planHosts } from './relations/plan-hosts.ts'
import { outrunBy, waitOf } from './relations/waiting.ts'
import { planResolvers, type ResolversStep } from './resolvers.ts'
import type { ContainerSpec, RuncSpec } from './spec.ts'
import {
  about,
  firstSignal,
  killStep,
  orderOf,
  type RemoveStep,
  type StopStep,
  stopStep,
  takeDown,
} from './stopping.ts'
import { planVolumes, type VolumeStep } from './volumes.ts'

/** The work of a step. */
type RuncWork =
  /** `isMapped`: with owners for user namespaces. */
  | { readonly kind: 'pull'; readonly reference: string; readonly isMapped?: true }
  | {
      readonly kind: 'create'
      readonly spec: ContainerSpec
      readonly image: ImageReady
      /** Text of `/etc/hosts`. */
      readonly hosts: string
      /** True if a previous container keeps running should this one fail. */
      readonly goesOn: boolean
    }
  /**
   * Makes a new process in an existing container; without a spec for an object that is faulty now.
   */
  | { readonly kind: 'again'; readonly id: string; readonly spec: ContainerSpec | null }
  | { readonly kind: 'start'; readonly id: string; readonly count: RestartCount }
  /** Stops the previous containers; if they end in time, starts the next one and removes them. */
  | {
      readonly kind: 'replace'
      readonly id: string
      readonly count: RestartCount
      readonly before: readonly { readonly id: string; readonly order: StopOrder }[]
    }
  | { readonly kind: 'remember'; readonly record: ContainerRecord }

/** One step of a plan for containers. */
export type RuncStep =
  | (PlanStep & RuncWork)
  | StopStep
  | RemoveStep
  | HostsStep
  | KeepExitStep
  | OrderStep
  | ResolversStep
  | VolumeStep
  | LoginsStep

/** Plans the steps that make the containers match the spec. Pure; an empty list if they do. */
export function planRunc(spec: RuncSpec, observed: RuncObserved): readonly RuncStep[] {
  const wanted = new Set(spec.containers.map(({ object }) => object))
  const kept = new Set(spec.kept)
  const others = observed.containers.filter(({ object }) => !wanted.has(object))
  return [
    ...planLogins(spec, observed),
    ...planHosts(spec, observed),
    ...planResolvers(spec, observed),
    ...spec.containers.flatMap((each) => planObject(each, spec, observed)),
    ...others.filter(({ object }) => kept.has(object)).flatMap((seen) => planKept(seen, observed)),
    ...others
      .filter(({ object }) => !kept.has(object))
      .flatMap((seen) =>
        takeDown(seen, 'no object wants it', observed).map(
          (step): RuncStep => ({ ...step, objects: [], about: seen.object, takesDown: true }),
        ),
      ),
    ...planVolumes(spec, observed),
    ...planForgotten(revisionsOf(spec, observed), observed),
  ]
}

/** The revision of each object that has one, be it faulty now. */
function revisionsOf(spec: RuncSpec, observed: RuncObserved): ReadonlyMap<string, string> {
  const kept = observed.containers.filter(({ object }) => spec.kept.includes(object))
  return new Map([
    ...kept.flatMap(({ object, record }) => (record ? [[object, record.revision] as const] : [])),
    ...spec.containers.map(({ object, revision }) => [object, revision] as const),
  ])
}

function planObject(
  spec: ContainerSpec,
  all: RuncSpec,
  observed: RuncObserved,
): readonly RuncStep[] {
  const { wanted, before } = containersOf(spec, observed.containers)
  const lifeless = before.filter((seen) => seen.record === null)
  // A container without a record cannot be told apart from the wanted one: remove it first.
  if (lifeless.length > 0) {
    return lifeless.flatMap((seen) => takeDown(seen, 'its record is gone', observed))
  }
  const { policy } = spec
  const steps: RuncStep[] = []
  if (wanted?.record != null && !isSame(wanted.record.policy, policy)) {
    steps.push({ kind: 'remember', record: { ...wanted.record, policy }, ...about(spec) })
  }
  const own = wanted === null ? before : [wanted, ...before]
  const down = downOf(spec.object, spec.revision, own.filter(isUp), observed)
  if (down !== null) return [...steps, ...planDown(down, own, observed)]
  return [...steps, ...planUp(spec, wanted, before, all, observed)]
}

/** Steps for an object that may run. */
function planUp(
  spec: ContainerSpec,
  wanted: ContainerSeen | null,
  before: readonly ContainerSeen[],
  all: RuncSpec,
  observed: RuncObserved,
): readonly RuncStep[] {
  const planned = planWanted(wanted, before, spec, hostsFor(spec.object, all), observed)
  const isHeld = waitOf(spec, wanted, all, observed) !== null
  const own = isHeld && planned !== 'settled' ? planned.filter(startsNothing) : planned
  // Remove the old containers once the wanted one exists, even if it has already exited.
  const rest = own === 'settled' ? before : before.filter((seen) => !isUp(seen))
  const order = runOrderOf(spec.object, spec.revision, observed)
  const steps = own === 'settled' ? [] : own
  return [
    ...(order === null ? steps : withEndOf(order, spec.object, wanted, steps)),
    ...rest.flatMap((seen) => takeDown(seen, 'it was replaced', observed)),
  ]
}

/** Steps for the wanted container; `settled` if nothing can be done for it. */
function planWanted(
  wanted: ContainerSeen | null,
  before: readonly ContainerSeen[],
  spec: ContainerSpec,
  hosts: string,
  observed: RuncObserved,
): readonly RuncStep[] | 'settled' {
  const { policy } = spec
  const isOrdered = runOrderOf(spec.object, spec.revision, observed) !== null
  const none = { restarts: 0, streak: 0 }
  if (wanted === null) return planNew(spec, hosts, before, none, observed)
  const { id } = wanted
  const now = wanted.process
  const outdated = outdatedBy(spec.container, wanted, observed)
  switch (now.state) {
    case 'absent':
      if (now.wasStarted && policy.restart === 'never' && !isOrdered) return 'settled'
      return planNew(spec, hosts, before, none, observed)
    case 'created':
      if (wanted.broken !== null) return [stopStep(wanted, 9, wanted.broken)]
      if (outdated !== null) return [stopStep(wanted, 9, outdated)]
      return startSteps(id, wanted.count, before, spec, observed)
    case 'running': {
      const why = outdated ?? outrunBy(spec, wanted, observed)
      const broken = policy.restart === 'never' ? wanted.broken : (why ?? wanted.broken)
      return planRunning({ ...wanted, broken }, policy, observed) ?? 'settled'
    }
    case 'exited': {
      const { exit, isKept } = now
      const next = isOrdered ? onceMore(wanted, exit) : afterExit(wanted, exit, policy)
      if (next.kind !== 'again') {
        return isKept ? 'settled' : [{ kind: 'keep-exit', id, ...about(spec) }]
      }
      if (!isDue(next.atMs, exit.exitedMs, observed.nowMs)) return 'settled'
      if (!wanted.isPrepared || outdated !== null) {
        return planNew(spec, hosts, before, next.count, observed)
      }
      const again: RuncStep = { kind: 'again', id, spec, ...about(spec) }
      return [again, ...startSteps(id, next.count, before, spec, observed)]
    }
  }
}

/** True for a step that may be taken while its container waits for others. */
function startsNothing({ kind }: RuncStep): boolean {
  return !['create', 'again', 'start', 'replace'].includes(kind)
}

/** Makes the wanted container beside the old ones, then replaces them. */
function planNew(
  spec: ContainerSpec,
  hosts: string,
  before: readonly ContainerSeen[],
  count: RestartCount,
  observed: RuncObserved,
): readonly RuncStep[] {
  const { id, container } = spec
  const image = observed.images.get(imageKey(container)) ?? { state: 'absent' }
  if (image.state === 'pulling') return []
  if (image.state === 'failed' && observed.nowMs < image.retryAtMs) return []
  if (image.state !== 'ready') {
    const mapped = container.user_namespace ? { isMapped: true as const } : {}
    return [{ kind: 'pull', reference: container.image, ...mapped, ...about(spec) }]
  }
  const create: RuncStep = {
    kind: 'create',
    spec,
    image,
    hosts,
    goesOn: before.some(isUp),
    ...about(spec),
  }
  return [create, ...startSteps(id, count, before, spec, observed)]
}

/**
 * Starts a container that exists. An old one that still runs is stopped first; if it does not end
 * in time, a later round starts the new one.
 */
function startSteps(
  id: string,
  count: RestartCount,
  before: readonly ContainerSeen[],
  spec: ContainerSpec,
  observed: RuncObserved,
): readonly RuncStep[] {
  const up = before.filter(isUp)
  if (up.length === 0) return [{ kind: 'start', id, count, ...about(spec) }]
  const isAsked = up.some((seen) => seen.stopping !== null)
  if (isAsked) return up.flatMap((seen) => takeDown(seen, 'it is replaced', observed))
  const asked = up.map((seen) => ({
    id: seen.id,
    order: orderOf(firstSignal(seen), replaceWaitMs),
  }))
  return [{ kind: 'replace', id, count, before: asked, ...about(spec) }]
}

/** Steps for a running container: none (null), or to stop it so that it is started again. */
function planRunning(
  wanted: ContainerSeen,
  policy: ContainerRecord['policy'],
  observed: RuncObserved,
): readonly RuncStep[] | null {
  if (wanted.stopping !== null) return killStep(wanted, observed.nowMs)
  // A container that must run only once keeps running to its end, whatever is broken about it.
  if (wanted.broken !== null && policy.restart !== 'never') {
    return [stopStep(wanted, firstSignal(wanted), wanted.broken)]
  }
  if (wanted.health?.state === 'unhealthy' && restartsUnhealthy(policy)) {
    return [stopStep(wanted, firstSignal(wanted), 'it is unhealthy', { hadFailed: true })]
  }
  return null
}

/** Plans for a faulty object: it keeps its container, and the container keeps its policy. */
function planKept(seen: ContainerSeen, observed: RuncObserved): readonly RuncStep[] {
  const { object, record } = seen
  if (record === null) return []
  const down = downOf(object, record.revision, [seen].filter(isUp), observed)
  if (down !== null) return planDown(down, [seen], observed)
  const order = runOrderOf(object, record.revision, observed)
  const steps = planKeptUp(seen, record, order !== null, observed)
  return order === null ? steps : withEndOf(order, object, seen, steps)
}

function planKeptUp(
  seen: ContainerSeen,
  { policy }: ContainerRecord,
  isOrdered: boolean,
  observed: RuncObserved,
): readonly RuncStep[] {
  const { id } = seen
  const now = seen.process
  if (now.state === 'running') return planRunning(seen, policy, observed) ?? []
  if (now.state !== 'exited' || !seen.isPrepared) return []
  const next = isOrdered ? onceMore(seen, now.exit) : afterExit(seen, now.exit, policy)
  if (next.kind !== 'again' || !isDue(next.atMs, now.exit.exitedMs, observed.nowMs)) return []
  const start: RuncStep = { kind: 'start', id, count: next.count, ...about(seen) }
  return [{ kind: 'again', id, spec: null, ...about(seen) }, start]
}

function isSame(one: ContainerRecord['policy'], other: ContainerRecord['policy']): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}
