import { join } from 'node:path'
import { hostFact } from '../layout/lock.ts'
import type { SshDestination } from '../ssh/destination.ts'
import type { Session } from '../terminal/session.ts'
import { findFolder, shownPath } from './folder.ts'
import { readLayoutHosts } from './layout-files.ts'

/** A host of the layout, as one may reach it. */
export interface RecordedHost {
  readonly name: string
  readonly ssh: SshDestination | undefined
  /** Its address in the mesh, which another host can reach. */
  readonly address: string | undefined
}

/**
 * Hosts of the layout in its order; none where there is no operator's folder, or no layout in it.
 * Throws as `readLayoutHosts`.
 */
export async function recordedHosts(session: Session): Promise<readonly RecordedHost[]> {
  const dir = await findFolder(session)
  if (dir === undefined) return []
  const path = join(dir, 'cluster.yaml')
  if ((await session.io.files.look(path)) === null) return []
  const { hosts, lock } = await readLayoutHosts(session, shownPath(session, path))
  return [...hosts].map(([name, { ssh, address }]) => {
    return { name, ssh, address: address ?? hostFact(lock, name, 'address') }
  })
}
