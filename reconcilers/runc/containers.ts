import { addressText } from '../addresses.ts'
import type { ContainerFacts } from '../container-facts.ts'
import type { ContainerPolicy, ContainerRecord, ContainerSeen } from '../host-containers.ts'
import type { Bundle } from './bundle/result.ts'
import type { ContainerSpec } from './spec.ts'

/** Id of the container of an object and a revision; `sha256:` before the digits is left out. */
export function containerId(object: string, revision: string): string {
  return `covey-${object}-${revision.replace(/^sha256:/, '').slice(0, 12)}`
}

/** What of an object may change without a new container. */
export function policyOf({ container }: ContainerSpec): ContainerPolicy {
  return {
    restart: container.restart,
    stopGraceMs: container.stop_grace_seconds * 1000,
    health: container.health ?? null,
    labels: container.labels,
  }
}

/** What is kept of a container as long as anything of it is there. */
export function recordOf(
  spec: ContainerSpec,
  bundle: Bundle,
  { networkNamespace }: Pick<ContainerFacts, 'networkNamespace'>,
): ContainerRecord {
  const { object, container, attachment, revision } = spec
  return {
    id: containerId(object, revision),
    object,
    revision,
    image: container.image,
    address: attachment === null ? '127.0.0.1' : addressText(attachment.address),
    namespace: attachment === null ? null : networkNamespace,
    volumes: bundle.volumes.map((volume) => volume.object),
    stopSignal: bundle.stopSignal,
    policy: policyOf(spec),
    ...(container.user_namespace ? { userNamespace: true } : {}),
  }
}

/** Whether a container has a process, be it only one that waits to be started. */
export function isUp({ process }: ContainerSeen): boolean {
  return process.state === 'running' || process.state === 'created'
}

/** All containers of one object: the one of its present revision, and those before it. */
export interface ObjectContainers {
  readonly wanted: ContainerSeen | null
  readonly before: readonly ContainerSeen[]
}

/** Finds the containers of an object. One without a record is none that could be kept. */
export function containersOf(spec: ContainerSpec, all: readonly ContainerSeen[]): ObjectContainers {
  const id = containerId(spec.object, spec.revision)
  const own = all.filter((seen) => seen.object === spec.object)
  const isWanted = (seen: ContainerSeen): boolean =>
    seen.id === id && seen.record?.revision === spec.revision
  return { wanted: own.find(isWanted) ?? null, before: own.filter((seen) => !isWanted(seen)) }
}
