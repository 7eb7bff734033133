import { isObject } from '../../../protocol/documents/canonical-json.ts'
import type { HostSection } from '../../../protocol/documents/config.ts'
import type { Fault } from '../../../protocol/fault.ts'
import { checkReference, objectIn } from '../../cluster/references.ts'
import type { ContainerObject } from '../object/container-object.ts'

/**
 * The faults in `network_of`: the container that it names must have a network of its own.
 * `path` is the sharing object's. Faults: `reference-missing`, `reference-type`, `network-of`.
 */
export function sharingFaults(
  section: HostSection,
  path: string,
  { network_of: owner }: ContainerObject,
): readonly Fault[] {
  if (owner === undefined) return []
  const reference = { field: 'network_of', type: 'runc_container' }
  const broken = checkReference(section, path, reference, owner)
  if (broken !== undefined) return [broken]
  const object = objectIn(section, owner)
  const isOwn = isObject(object) && object['network_of'] === undefined && !object['host_network']
  if (isOwn) return []
  const message = `must name a container with a network of its own, and ${owner} has none`
  return [{ code: 'network-of', message, path: `${path}.network_of` }]
}
