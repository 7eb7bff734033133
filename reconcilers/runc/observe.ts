import type { ContainerSeen } from '../host-containers.ts'
import type { ImageState } from '../host-images.ts'
import type { HostPorts } from '../host-ports.ts'
import { containersOf } from './containers.ts'
import type { RuncSpec } from './spec.ts'
import { loadVolumeMemory, type VolumeMemory } from './volumes.ts'

/** What one look at a host tells about its containers. */
export interface RuncObserved {
  /** Milliseconds since 1970, for ages only. */
  readonly nowMs: number
  /** All of covey's, and leftovers, ordered by id. */
  readonly containers: readonly ContainerSeen[]
  /** Objects that have a volume folder. */
  readonly volumes: readonly string[]
  readonly memory: VolumeMemory
  /** Images from which a container has to be made, by reference; of others nothing is asked. */
  readonly images: ReadonlyMap<string, ImageState>
}

/** Looks at containers, volumes and the images that are needed now. Starts no process. */
export async function observeRunc(
  spec: RuncSpec,
  host: HostPorts,
  signal: AbortSignal,
): Promise<RuncObserved> {
  signal.throwIfAborted()
  const [containers, volumes, memory] = await Promise.all([
    host.containers.look(),
    host.containers.lookVolumes(),
    loadVolumeMemory(host.files),
  ])
  const needed = spec.containers.filter((each) => {
    const { wanted } = containersOf(each, containers)
    return wanted === null || wanted.process.state === 'absent' || !wanted.isPrepared
  })
  const references = [...new Set(needed.map(({ container }) => container.image))]
  const images = references.length === 0 ? new Map() : await host.images.look(references)
  return { nowMs: host.clock.now(), containers, volumes, memory, images }
}
