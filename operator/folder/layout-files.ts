import { dirname, join } from 'node:path'
import type { Fault } from '../../protocol/fault.ts'
import { readSource, type Source } from '../files/read-text.ts'
import { type Layout, type LayoutResult, parseLayout } from '../layout/layout.ts'
import { emptyLock, type Lock, parseLock } from '../layout/lock.ts'
import { smallFileBytesMax } from '../limits.ts'
import { expectNoFaults, located } from '../sources/located.ts'
import { parseYamlSource, type YamlSource } from '../sources/yaml-source.ts'
import { Failure, faultsFailure, type LocatedFault, locatedText } from '../terminal/failure.ts'
import type { Session } from '../terminal/session.ts'
import { counted } from '../terminal/style.ts'

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
  const { files, result } = await parseFile(session, path, needsHosts)
  const { layout, faults, partial } = result
  if (layout !== undefined) return { ...files, layout, lock: await readLock(session, files) }
  const others =
    partial === undefined ? [] : await further({ ...files, layout: partial, lock: emptyLock })
  if (others.length > 0) throw faultsFailure([...located(files.yaml, faults), ...others])
  return refuse(files, faults)
}

/**
 * Reads the hosts of a layout, and its lock: the ways to agents. A fault elsewhere in it is a
 * warning of one line, as whoever is in trouble has to look at the hosts all the same. Throws
 * `Failure` with all faults where one is about the hosts, or no host is left.
 */
export async function readLayoutHosts(
  session: Session,
  path: string,
): Promise<Pick<Layout, 'hosts'> & Pick<LayoutFiles, 'lock'>> {
  const { files, result } = await parseFile(session, path, false)
  const { layout, faults, partial } = result
  const known = layout ?? partial
  const isKnown = faults.length === 0 || (known?.hosts.size !== 0 && !faults.some(isAboutHosts))
  if (known === undefined || !isKnown) return refuse(files, faults)
  const [first, ...others] = located(files.yaml, faults)
  if (first !== undefined) {
    const more = others.length === 0 ? '' : ` (and ${counted(others.length, 'more fault')})`
    session.warn(`${locatedText(first)}${more}; its hosts are asked all the same`)
  }
  return { hosts: known.hosts, lock: await readLock(session, files) }
}

function isAboutHosts({ path = 'hosts' }: Fault): boolean {
  return path.split('.')[0] === 'hosts'
}

function refuse({ source, yaml }: Files, faults: readonly Fault[]): never {
  expectNoFaults(yaml, faults)
  throw new Failure(2, 'layout-shape', `${source.file} is not a layout`)
}

type Files = Omit<LayoutFiles, 'layout' | 'lock'>

async function parseFile(
  session: Session,
  path: string,
  needsHosts: boolean,
): Promise<{ readonly files: Files; readonly result: LayoutResult }> {
  const source = await readSource(session, path, {
    bytesMax: smallFileBytesMax,
    kind: 'a layout',
    hint: 'a layout is a file like the cluster.yaml that covey init makes',
  })
  const yaml = parseYamlSource(source)
  const lockPath = path === '-' ? 'cluster.lock' : join(dirname(path), 'cluster.lock')
  return { files: { source, yaml, lockPath }, result: parseLayout(yaml.value, needsHosts) }
}

async function readLock(session: Session, { lockPath: path }: Files): Promise<Lock> {
  if ((await session.io.files.look(session.path(path))) === null) return emptyLock
  const options = {
    bytesMax: smallFileBytesMax,
    kind: 'a lock',
    hint: 'take it from version control; or remove it, and covey host add every card again',
  }
  return parseLock(await readSource(session, path, options))
}
