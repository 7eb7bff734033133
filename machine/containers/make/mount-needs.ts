import { join } from 'node:path'
import { CoveyError } from '../../../protocol/fault.ts'
import type { MountNeeds } from '../../../reconcilers/container-facts.ts'
import { grantedPlaceOf } from '../../../reconcilers/runc/bundle/grants.ts'
import { grantFacts } from '../mounts/grant-facts.ts'
import type { ContainersState } from '../state.ts'
import { makeBelow } from './open-folders.ts'

/**
 * Makes folders that the mounts of a container name and nobody has: parts of volumes, and folders
 * of the host below granted ones. Errors: `container-create`, `not-granted`.
 */
export function makeMountFolders(state: ContainersState, needs: MountNeeds): void {
  for (const { object, subpath, uid, gid } of needs.volumeFolders) {
    const folder = join(state.places.volumes, object)
    makeBelow(folder, subpath.split('/'), { uid, gid }, `the volume ${object}`)
  }
  if (needs.hostFolders.length === 0) return
  const facts = grantFacts(state)
  for (const { path, uid, gid } of needs.hostFolders) {
    // What is there already is judged by what is mounted of it.
    if (facts.realPath(path) !== null) continue
    const place = grantedPlaceOf(path, facts)
    if (place === null) throw new CoveyError('not-granted', `host_path ${path} is not granted`)
    makeBelow('/', place.split('/').slice(1), { uid, gid }, `host_path ${path}`)
  }
}
