import { CoveyError } from '../../protocol/fault.ts'
import type { VolumeClosing } from '../../reconcilers/container-facts.ts'
import type { ContainerSeen, HostContainers } from '../../reconcilers/host-containers.ts'
import type { HoldOrder } from '../containers/orders/while-held.ts'
import type { VolumeGate } from '../containers/volume-gate.ts'

/** The users of volumes: those that have one, and those that are kept away. */
export interface VolumeUsers {
  readonly containers: Pick<HostContainers, 'look'>
  readonly gate: VolumeGate
  /** Stops containers for the time of some work: see `whileHeld`. */
  readonly held: <T>(order: HoldOrder, signal: AbortSignal, work: () => Promise<T>) => Promise<T>
}

/** The terms on which work has a volume to itself. */
export interface AloneOrder {
  /** Stops the containers that use it, and starts them again afterwards. */
  readonly stop: boolean
  readonly closing: VolumeClosing
  readonly signal: AbortSignal
}

/**
 * Does something with a volume that no process uses, or comes to use meanwhile. Throws
 * `volume-in-use` where one does and is not to be stopped, `still-running`, `volume-busy`.
 */
export async function aloneWith<T>(
  { containers, gate, held }: VolumeUsers,
  object: string,
  { stop, closing, signal }: AloneOrder,
  work: () => Promise<T>,
): Promise<T> {
  if (!stop) await expectUnused(containers, object)
  const objects = namesOf((await containers.look()).filter((seen) => isUserOf(seen, object)))
  const hold = {
    objects,
    owner: `${closing.owner} ${object}`,
    reason: `its volume ${closing.reason}`,
  }
  return await held(hold, signal, async () => {
    await gate.close(object, closing)
    try {
      await expectUnused(containers, object)
      return await work()
    } finally {
      gate.open(object)
    }
  })
}

/** Throws `volume-in-use` where a process has the volume, be it one that waits to be started. */
async function expectUnused(
  containers: Pick<HostContainers, 'look'>,
  object: string,
): Promise<void> {
  const users = (await containers.look()).filter((seen) => {
    const { state } = seen.process
    return state !== 'exited' && state !== 'absent' && isUserOf(seen, object)
  })
  if (users.length === 0) return
  throw new CoveyError(
    'volume-in-use',
    `the volume ${object} is in use by ${namesOf(users).join(', ')}`,
    {
      hint: 'without --no-stop they are stopped for that time; a backup may be made with --live',
    },
  )
}

/** A container that lost its record may use any volume. */
function isUserOf({ record }: ContainerSeen, object: string): boolean {
  return record === null || record.volumes.includes(object)
}

function namesOf(users: readonly ContainerSeen[]): readonly string[] {
  return [...new Set(users.map((user) => user.object))].sort()
}
