import type { ContainerSeen } from '../host-containers.ts'
import type { ImageReady } from '../host-images.ts'
import { parseReference } from '../images/reference.ts'
import { imageKey } from '../runc/images.ts'
import type { RuncObserved } from '../runc/observe.ts'
import { planRunc, type RuncStep } from '../runc/plan.ts'
import type { HostsTexts } from '../runc/relations/hosts-text.ts'
import type { ContainerSpec, RuncSpec } from '../runc/spec.ts'
import type { Effect, ObjectEffect } from './effect.ts'

/** The containers of a host, as one config has them. */
type Containers = Omit<RuncSpec, keyof HostsTexts>

/** Names change no container. */
const noNames: HostsTexts = { hosts: '', ownHosts: new Map() }

/**
 * The effect on each container of a host that had reached `before` and now works towards `after`,
 * by object; objects that are in one of them only are left out. It is the plan of the host itself
 * that is asked, with everything running and every image there. Pure.
 */
export function containerEffects(
  before: Containers,
  after: Containers,
): ReadonlyMap<string, ObjectEffect> {
  const known = new Map(before.containers.map((each) => [each.object, each]))
  const steps = stepsByObject(planRunc({ ...after, ...noNames }, hostAt(before, after)))
  const effects = new Map<string, ObjectEffect>()
  for (const spec of after.containers) {
    const old = known.get(spec.object)
    if (old !== undefined) effects.set(spec.object, effectOf(old, spec, steps.get(spec.object)))
  }
  return effects
}

function effectOf(
  before: ContainerSpec,
  after: ContainerSpec,
  steps: readonly RuncStep[] = [],
): ObjectEffect {
  const has = (...kinds: readonly RuncStep['kind'][]): boolean => {
    return steps.some(({ kind }) => kinds.includes(kind))
  }
  if (before.revision !== after.revision) {
    // One that waits for others has no step yet: it will be stopped all the same.
    return { effect: 'replace', gap: !has('create') || has('replace', 'stop') }
  }
  if (has('stop', 'again')) return { effect: 'restart', gap: true }
  const effect: Effect = has('remember') || textOf(before) !== textOf(after) ? 'live' : 'none'
  return { effect, gap: false }
}

/** A container as a text; an image counts by its digest, as it does in the revision. */
function textOf({ container }: ContainerSpec): string {
  const reference = parseReference(container.image)
  const image = reference.ok ? reference.value.digest : container.image
  return JSON.stringify({ ...container, image }, (_name, value: unknown) => {
    return typeof value === 'bigint' ? String(value) : value
  })
}

function stepsByObject(steps: readonly RuncStep[]): ReadonlyMap<string, readonly RuncStep[]> {
  const found = new Map<string, RuncStep[]>()
  for (const step of steps) {
    for (const object of step.objects) found.set(object, [...(found.get(object) ?? []), step])
  }
  return found
}

/** A host on which the containers of a config run, and the images of another are ready. */
function hostAt(before: Containers, after: Containers): RuncObserved {
  return {
    nowMs: 0,
    containers: before.containers.map(runningAs),
    orders: new Map(),
    images: new Map(after.containers.map(({ container }) => [imageKey(container), readyImage])),
    logins: before.logins,
    devices: new Map(),
    grants: null,
    resolvers: { resolvConf: '', upstreamResolvConf: null },
    volumes: before.volumes.map(({ object }) => object),
    memory: new Map(before.volumes.map(({ object, onRemove }) => [object, onRemove])),
  }
}

function runningAs({ id, object, revision, container, policy }: ContainerSpec): ContainerSeen {
  const record = { id, object, revision, image: container.image, address: '', namespace: null }
  return {
    ...{ id, object },
    record: { ...record, volumes: [], stopSignal: 15, policy },
    process: { state: 'running', pid: 1, startedMs: 0 },
    broken: null,
    stopping: null,
    count: { restarts: 0, streak: 0 },
    lastExit: null,
    isPrepared: true,
    health: null,
    ailment: null,
    hosts: null,
    resolvConf: null,
  }
}

const readyImage: ImageReady = {
  state: 'ready',
  manifestDigest: '',
  layers: [],
  config: {
    entrypoint: [],
    command: [],
    environment: [],
    workingDir: '/',
    user: '',
    stopSignal: null,
    volumes: [],
  },
  passwd: null,
  group: null,
}
