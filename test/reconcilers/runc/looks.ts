import type { Config } from '../../../protocol/documents/config.ts'
import { clusterOf } from '../../../reconcilers/cluster/index.ts'
import type {
  ContainerProcess,
  ContainerRecord,
  ContainerSeen,
  ExitSeen,
} from '../../../reconcilers/host-containers.ts'
import type { ImageState } from '../../../reconcilers/host-images.ts'
import { lintConfig } from '../../../reconcilers/lint.ts'
import type { RuncObserved } from '../../../reconcilers/runc/observe.ts'
import { resolveRunc } from '../../../reconcilers/runc/resolve.ts'
import type { ContainerSpec, RuncSpec } from '../../../reconcilers/runc/spec.ts'
import { readyImage } from '../fake/images.ts'

/** A reference that is as good as any. */
export const imageReference: string = `registry.example/web@sha256:${'a'.repeat(64)}`

/** Some moment, in ms since 1970. */
export const nowMs: number = 1_780_000_000_000

/** A container object, on no network of its own. */
export function containerObject(members: object = {}): object {
  return {
    type: 'runc_container',
    image: imageReference,
    network: 'net',
    address: '10.70.0.5',
    ...members,
  }
}

/** A config with these objects, and a network for containers, on host `h`. */
export function configOf(objects: Readonly<Record<string, object>>): Config {
  const net = { type: 'container_network', subnet: '10.70.0.0/24' }
  return { hosts: { h: { net, ...objects } } } as unknown as Config
}

/** Faults of a container with these members, beside a volume `v`, as `c.init: why`. */
export function lintedFaults(members: object): readonly string[] {
  const config = configOf({ c: containerObject(members), v: { type: 'volume' } })
  return lintConfig(config).map(
    ({ path, message }) => `${path?.replace('hosts.h.', '')}: ${message}`,
  )
}

/** The spec of a config with these objects. */
export function specOf(objects: Readonly<Record<string, object>>): RuncSpec {
  return resolveRunc(clusterOf(configOf(objects)), 'h').spec
}

/** The one container of a spec. */
export function onlyOf(spec: RuncSpec): ContainerSpec {
  const [first] = spec.containers
  if (first === undefined) throw new Error('the spec has no container')
  return first
}

/** The record that is kept of the container of a spec. */
export function recordFor(spec: ContainerSpec): ContainerRecord {
  return {
    id: spec.id,
    object: spec.object,
    revision: spec.revision,
    image: spec.container.image,
    address: '10.70.0.5',
    namespace: `/run/netns/covey-${spec.object}`,
    volumes: [],
    stopSignal: 15,
    policy: spec.policy,
  }
}

/** A container of a spec as it is seen: it runs, and nothing is wrong, unless `members` say so. */
export function seenFor(spec: ContainerSpec, members: Partial<ContainerSeen> = {}): ContainerSeen {
  const record = recordFor(spec)
  return {
    id: record.id,
    object: spec.object,
    record,
    process: { state: 'running', pid: 100, startedMs: nowMs - 3_600_000 },
    broken: null,
    stopping: null,
    count: { restarts: 0, streak: 0 },
    lastExit: null,
    ailment: null,
    isPrepared: true,
    health: null,
    hosts: null,
    resolvConf: null,
    ...members,
  }
}

/** A process that ended `agoMs` ago after it had run for `ranMs`. */
export function exited(
  exitCode: number | null,
  {
    agoMs = 100,
    ranMs = 1_000,
    ...members
  }: { agoMs?: number; ranMs?: number } & Partial<ExitSeen> = {},
): ContainerProcess {
  const exitedMs = nowMs - agoMs
  const startedMs = exitedMs - ranMs
  const exit = { exitCode, oom: false, startedMs, exitedMs, lastLine: null, ...members }
  return { state: 'exited', exit, isKept: false }
}

/** A look at a host with these containers; every image is there. */
export function observedWith(
  containers: readonly ContainerSeen[],
  members: Partial<RuncObserved> = {},
): RuncObserved {
  const images = new Map<string, ImageState>([[imageReference, readyImage()]])
  const resolvers = { resolvConf: 'nameserver 192.0.2.53\n', upstreamResolvConf: null }
  const known = {
    orders: new Map(),
    memory: new Map(),
    volumes: [],
    logins: [],
    devices: new Map(),
    grants: null,
  }
  return { nowMs, containers, resolvers, images, ...known, ...members }
}
