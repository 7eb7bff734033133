import type { ContainerSeen } from '../host-containers.ts'
import type { ContainerSpec } from './spec.ts'

/** All containers of one object: the one of its present revision, and the earlier ones. */
export interface ObjectContainers {
  readonly wanted: ContainerSeen | null
  readonly before: readonly ContainerSeen[]
}

/** Finds the containers of an object. One without a record cannot be kept. */
export function containersOf(spec: ContainerSpec, all: readonly ContainerSeen[]): ObjectContainers {
  const own = all.filter((seen) => seen.object === spec.object)
  const isWanted = (seen: ContainerSeen): boolean =>
    seen.id === spec.id && seen.record?.revision === spec.revision
  return { wanted: own.find(isWanted) ?? null, before: own.filter((seen) => !isWanted(seen)) }
}
