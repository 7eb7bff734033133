import { CoveyError } from '../../protocol/fault.ts'
import type { VolumeClosing } from '../../reconcilers/container-facts.ts'
import type { ContainerSeen, HostContainers } from '../../reconcilers/host-containers.ts'
import type { VolumeGate } from '../containers/volume-gate.ts'

/** The users of volumes: those that have one, and those that are kept away. */
export interface VolumeUsers {
  readonly containers: Pick<HostContainers, 'look'>
  readonly gate: VolumeGate
}

/**
 * Does something with a volume that no process uses, or comes to use meanwhile. Throws
 * `volume-in-use`, `volume-busy`.
 */
export async function aloneWith<T>(
  { containers, gate }: VolumeUsers,
  object: string,
  closing: VolumeClosing,
  work: () => Promise<T>,
): Promise<T> {
  await expectUnused(containers, object)
  await gate.close(object, closing)
  try {
    await expectUnused(containers, object)
    return await work()
  } finally {
    gate.open(object)
  }
}

/** Throws `volume-in-use` where a process has the volume, be it one that waits to be started. */
export async function expectUnused(
  containers: Pick<HostContainers, 'look'>,
  object: string,
): Promise<void> {
  const users = (await containers.look()).filter((seen) => mayUse(seen, object))
  if (users.length === 0) return
  const names = [...new Set(users.map((user) => user.object))].sort().join(', ')
  throw new CoveyError('volume-in-use', `the volume ${object} is in use by ${names}`, {
    hint: 'take the service out of the config first; a backup may be made with --live',
  })
}

/** A container that lost its record may use any volume. */
function mayUse({ record, process }: ContainerSeen, object: string): boolean {
  if (process.state === 'exited' || process.state === 'absent') return false
  return record === null || record.volumes.includes(object)
}
