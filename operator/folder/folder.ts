import { dirname, join, relative } from 'node:path'
import type { FileCalls } from '../../platform/files/calls.ts'
import { Failure, systemCode, systemReason } from '../terminal/failure.ts'
import type { Session } from '../terminal/session.ts'
import { type FolderFiles, settleFolder } from './folder-files.ts'
import { type RootChain, readRoots } from './roots.ts'
import { finishRotations } from './rotations.ts'

/**
 * An operator's folder: `cluster.yaml`, `cluster.lock`, `roots/`, `history/`, `rotations/`,
 * `unfinished/`.
 */
export interface OperatorFolder extends FolderFiles {
  readonly chain: RootChain
  /**
   * A file of the folder as messages show it: relative to the working directory where that is
   * shorter.
   */
  shown(name: string): string
}

/**
 * True if a folder is an operator's: it holds the first root document. Throws `Failure`
 * `file-unreadable` where that cannot be told: to go on upwards could find another cluster, and
 * `covey init` could begin a second one in the same place.
 */
export async function isFolder(files: FileCalls, dir: string): Promise<boolean> {
  const path = join(dir, 'roots', '1.json')
  try {
    await files.length(path)
    return true
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ENAMETOOLONG'].includes(systemCode(error))) return false
    throw new Failure(2, 'file-unreadable', `cannot read ${path}: ${systemReason(error)}`, {
      hint: 'run this as the owner of the folder, or name another one with --dir',
      cause: error,
    })
  }
}

/**
 * The operator's folder at `--dir`, else the nearest upwards from the working directory. Undefined:
 * none.
 */
export async function findFolder(session: Session): Promise<string | undefined> {
  const { dir } = session.settings
  const { files } = session.io
  if (dir !== undefined) return (await isFolder(files, dir)) ? dir : undefined
  for (let at = session.io.cwd; ; at = dirname(at)) {
    if (await isFolder(files, at)) return at
    if (at === dirname(at)) return undefined
  }
}

/**
 * Opens the operator's folder and verifies its roots; what is there is made durable, and a rotation
 * that a crash broke off is finished first. Throws `Failure` `no-folder`, `file-unreadable`,
 * `roots-damaged`, `rotation-damaged`, `cannot-write`.
 */
export async function openFolder(session: Session): Promise<OperatorFolder> {
  const dir = await findFolder(session)
  if (dir === undefined) {
    const named = session.settings.dir
    const where = named === undefined ? `${session.io.cwd} and above it` : named
    throw new Failure(
      2,
      'no-folder',
      `there is no covey folder in ${where} (none holds roots/1.json)`,
      {
        hint: 'change to it, name it with --dir, or make one: covey init DIR --name NAME',
      },
    )
  }
  const folder = { dir, files: session.io.files }
  await settleFolder(folder)
  const chain = await finishRotations(folder, await readRoots(folder))
  return { ...folder, chain, shown: (name) => shownPath(session, join(dir, name)) }
}

/** A path as a person would write it here. */
export function shownPath(session: Session, path: string): string {
  const short = relative(session.io.cwd, path)
  return short !== '' && short.length < path.length ? short : path
}
