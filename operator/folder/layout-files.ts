import { dirname, join } from 'node:path'
import { readSource, type Source } from '../files/read-text.ts'
import { type Layout, parseLayout } from '../layout/layout.ts'
import { emptyLock, type Lock, parseLock } from '../layout/lock.ts'
import { smallFileBytesMax } from '../limits.ts'
import { expectNoFaults, located } from '../sources/located.ts'
import { parseYamlSource, type YamlSource } from '../sources/yaml-source.ts'
import { Failure, faultsFailure, type LocatedFault } from '../terminal/failure.ts'
import type { Session } from '../terminal/session.ts'

/** A layout and its lock, read and checked. */
export interface LayoutFiles {
  readonly source: Source
  readonly yaml: YamlSource
  readonly layout: Layout
  readonly lock: Lock
  /** Path of the lock, beside the layout. */
  readonly lockPath: string
}

/** Looks for faults of what a layout names, though the layout has faults of its own. */
type FurtherFaults = (files: LayoutFiles) => Promise<readonly LocatedFault[]>

/**
 * Reads a layout and the `cluster.lock` beside it, which may be missing. `path` is as the user is
 * to see it; for `needsHosts` see `parseLayout`. Throws `Failure` with all faults of the file,
 * and with those that `further` finds then.
 */
export async function readLayout(
  session: Session,
  path: string,
  needsHosts: boolean = true,
  further: FurtherFaults = async () => [],
): Promise<LayoutFiles> {
  const source = await readSource(session, path, {
    bytesMax: smallFileBytesMax,
    kind: 'a layout',
    hint: 'a layout is a file like the cluster.yaml that covey init makes',
  })
  const yaml = parseYamlSource(source)
  const lockPath = path === '-' ? 'cluster.lock' : join(dirname(path), 'cluster.lock')
  const { layout, faults, ...rest } = parseLayout(yaml.value, needsHosts)
  if (layout === undefined) {
    const { partial } = { partial: undefined, ...rest }
    const files = partial && { source, yaml, layout: partial, lock: emptyLock, lockPath }
    const others = files === undefined ? [] : await further(files)
    if (others.length > 0) throw faultsFailure([...located(yaml, faults), ...others])
    expectNoFaults(yaml, faults)
    throw new Failure(2, 'layout-shape', `${path} is not a layout`)
  }
  return { source, yaml, layout, lock: await readLock(session, lockPath), lockPath }
}

async function readLock(session: Session, path: string): Promise<Lock> {
  if ((await session.io.files.look(session.path(path))) === null) return emptyLock
  const options = {
    bytesMax: smallFileBytesMax,
    kind: 'a lock',
    hint: 'take it from version control; or remove it, and covey host add every card again',
  }
  return parseLock(await readSource(session, path, options))
}
