import { join } from 'node:path/posix'
import type { ComposeProject } from '../compose/project.ts'
import type { Beside, BesideFile } from '../layout/inputs.ts'
import { besideBytesMax, besideFilesMax } from '../layout/limits.ts'
import { systemReason } from '../terminal/failure.ts'
import type { Session } from '../terminal/session.ts'

/** Levels of folders below one that is mounted. */
const depthMax = 16

/** Looks what lies beside a Compose file at the relative paths that its services mount. */
export async function readBeside(
  session: Session,
  { folder, services }: ComposeProject,
): Promise<ReadonlyMap<string, Beside>> {
  const isReadOnly = new Map<string, boolean>()
  for (const { volumes } of services.values()) {
    for (const { kind, source, isReadOnly: own } of volumes) {
      if (kind !== 'bind' || source === undefined || !/^\.\.?(\/|$)/.test(source)) continue
      isReadOnly.set(source, own || (isReadOnly.get(source) ?? false))
    }
  }
  const found = new Map<string, Beside>()
  for (const [source, isSent] of isReadOnly) {
    const beside = await lookAt(session, join(folder, source), source, isSent)
    if (beside !== undefined) found.set(source, beside)
  }
  return found
}

async function lookAt(
  session: Session,
  path: string,
  source: string,
  isSent: boolean,
): Promise<Beside | undefined> {
  const { files: calls } = session.io
  const there = await calls.look(session.path(path))
  if (there === null) return undefined
  const { kind } = there
  if (kind === 'other')
    return { kind: 'refused', reason: `${source} is neither a file nor a folder` }
  // A folder that is written to is refused as it is: its content does not matter.
  if (kind === 'folder' && !isSent) return { kind, files: [] }
  const files: BesideFile[] = []
  try {
    const left = { bytes: besideBytesMax, files: besideFilesMax }
    await collect(session, path, '', files, left, 0)
  } catch (error) {
    if (error instanceof TooLarge) return { kind: 'refused', reason: tooLargeText(source) }
    return { kind: 'refused', reason: `${source} cannot be read: ${systemReason(error)}` }
  }
  files.sort((a, b) => (a.path < b.path ? -1 : 1))
  return { kind, mode: there.mode & 0o777, files }
}

class TooLarge extends Error {}

function tooLargeText(source: string): string {
  return (
    `${source} is more than ${besideBytesMax / 1024} KiB or ${besideFilesMax} files, which a config ` +
    "cannot hold: put it on the host and write the host's path, or move it away and give the stack a dir"
  )
}

async function collect(
  session: Session,
  path: string,
  below: string,
  found: BesideFile[],
  left: { bytes: number; files: number },
  depth: number,
): Promise<void> {
  const { files: calls } = session.io
  const there = await calls.look(session.path(path))
  if (there === null || there.kind === 'other') return
  if (there.kind === 'folder') {
    if (depth > depthMax) throw new TooLarge()
    for (const name of await calls.list(session.path(path))) {
      const inner = below === '' ? name : `${below}/${name}`
      await collect(session, join(path, name), inner, found, left, depth + 1)
    }
    return
  }
  const content = await calls.read(session.path(path), left.bytes + 1)
  left.bytes -= content.length
  left.files -= 1
  if (left.bytes < 0 || left.files < 0) throw new TooLarge()
  found.push({ path: below, mode: there.mode, content })
}
