import { randomBytes } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { dirname, join, posix } from 'node:path'
import { makeFolder } from '../files/write-file.ts'
import { Failure, systemReason } from '../terminal/failure.ts'
import type { Session } from '../terminal/session.ts'
import type { TakenFile } from './taken-project.ts'

/** The result for a file of a project. */
export interface WrittenFile {
  readonly path: string
  /** `new`: written now; else what is here, beside what the host has. */
  readonly state: 'new' | 'same' | 'differs' | 'missing'
  readonly isSecret: boolean
}

const ignoreFile = '.gitignore'

/**
 * Puts the files of a project into a new folder, all of them or none; with a folder that is there
 * nothing is written, and what differs is told. Files with secrets have mode 0600, and git is told
 * to leave them alone unless the project brings a `.gitignore`. Throws `Failure` `cannot-write`.
 */
export async function writeProject(
  session: Session,
  folder: string,
  taken: readonly TakenFile[],
): Promise<readonly WrittenFile[]> {
  const { files: calls } = session.io
  if ((await calls.look(folder)) !== null) return await comparedTo(session, folder, taken)
  // Files that a rename brings to their place at once: what a crash leaves has a name of its own.
  const temporary = join(dirname(folder), `.covey-${randomBytes(8).toString('hex')}.tmp`)
  await makeFolder(calls, dirname(folder))
  try {
    await calls.makeFolder(temporary, 0o755)
    for (const { path, mode, content, isSecret } of [...taken, ...ignored(taken)]) {
      const place = join(temporary, path)
      await calls.makeFolder(dirname(place), 0o755)
      const file = await calls.createFile(place, isSecret ? 0o600 : mode | 0o600)
      try {
        await file.write(content)
        await file.sync()
      } finally {
        await file.close()
      }
    }
    await calls.rename(temporary, folder)
  } catch (error) {
    const left = await rm(temporary, { recursive: true, force: true }).then(
      () => '',
      () => `; remove ${temporary}: it may hold secrets`,
    )
    const message = `cannot write ${folder}: ${systemReason(error)}`
    throw new Failure(1, 'cannot-write', message, {
      hint: `the layout is unchanged${left}`,
      cause: error,
    })
  }
  return taken.map(({ path, isSecret }) => ({ path, state: 'new', isSecret }))
}

async function comparedTo(
  session: Session,
  folder: string,
  taken: readonly TakenFile[],
): Promise<readonly WrittenFile[]> {
  const { files: calls } = session.io
  const written: WrittenFile[] = []
  for (const { path, content, isSecret } of taken) {
    const place = join(folder, path)
    const kind = (await calls.look(place))?.kind
    const here = kind === 'file' ? await calls.read(place, content.length + 1) : undefined
    const differs = here === undefined || !content.equals(here)
    const state = kind === undefined ? 'missing' : differs ? 'differs' : 'same'
    written.push({ path, state, isSecret })
  }
  return written
}

/** A `.gitignore` for what must not be committed, where the project has none. */
function ignored(taken: readonly TakenFile[]): readonly TakenFile[] {
  const secrets = taken.filter(({ isSecret }) => isSecret)
  if (secrets.length === 0 || taken.some(({ path }) => path === ignoreFile)) return []
  const lines = secrets.map(
    ({ path }) => `/${posix.normalize(path).replace(/[*?[\]! #\\]/g, '\\$&')}\n`,
  )
  const content = Buffer.from(`# Variables and secrets of the project.\n${lines.join('')}`)
  return [{ path: ignoreFile, mode: 0o644, content, isSecret: false }]
}
