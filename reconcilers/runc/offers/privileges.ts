import { serviceLabels } from '../../../protocol/api/containers.ts'
import type { ContainerSeen } from '../../host-containers.ts'
import type { ContainerObject } from '../object/container-object.ts'

/** Grants in the settings of the host. */
export interface GrantsSeen {
  /** Null where nobody has looked: none of the containers asks. */
  readonly grants: readonly string[] | null
}

type Labelled = Pick<ContainerObject, 'labels'>

/** The grant by which a container may be privileged: by its service, or else by its object. */
export function privilegeGrant({ labels }: Labelled, object: string): string {
  return `privileged:${labels[serviceLabels.service] || object}`
}

/** The reason to make a container again whose host has changed its mind; null where it has not. */
export function regrantedBy(
  container: ContainerObject,
  { object, record }: Pick<ContainerSeen, 'object' | 'record'>,
  { grants }: GrantsSeen,
): string | null {
  const given = record?.privileged
  if (container.privileged !== true || given === undefined || grants === null) return null
  const grant = privilegeGrant(container, object)
  if (grants.includes(grant) === given) return null
  return given ? `the grant ${grant} was taken away` : `the host grants ${grant} now`
}

/** The message about a container that asks to be privileged and is not; null for others. */
export function unprivilegedText(
  container: ContainerObject,
  { object, record }: Pick<ContainerSeen, 'object' | 'record'>,
): string | null {
  if (container.privileged !== true || record?.privileged !== false) return null
  const grant = privilegeGrant(container, object)
  return `runs UNPRIVILEGED: its host does not grant it; there, as root: covey host grant ${grant}`
}
