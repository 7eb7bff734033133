import type { ContainerSeen } from '../../host-containers.ts'
import type { ContainerObject } from '../object/container-object.ts'
import { type DevicesSeen, replugged } from './devices.ts'
import { type GrantsSeen, regrantedBy } from './privileges.ts'

/**
 * The reason for which a container is made again as it is, with what its host has for it now; null
 * where there is none.
 */
export function outdatedBy(
  container: ContainerObject,
  seen: ContainerSeen,
  observed: DevicesSeen & GrantsSeen,
): string | null {
  return replugged(container, seen, observed) ?? regrantedBy(container, seen, observed)
}
