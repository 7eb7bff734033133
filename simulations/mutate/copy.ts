import { execFile } from 'node:child_process'
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Mutation } from './mutation.ts'

/** A copy of the project in a folder of its own, which mutations are put into and taken out of. */
export interface Copy {
  readonly folder: string
  /** Puts a mutation in; returns what takes it out again. Error: the list is stale. */
  apply(mutation: Mutation): Promise<() => Promise<void>>
  remove(): Promise<void>
}

/** Copies what git knows of the project, or would add to it, and links the packages. */
export async function copyProject(root: string): Promise<Copy> {
  const folder = await mkdtemp(join(tmpdir(), 'covey-mutate-'))
  const listing = ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '--deduplicate']
  const { stdout } = await promisify(execFile)('git', listing, {
    cwd: root,
    maxBuffer: listingBytesMax,
  })
  for (const path of stdout.split('\0').filter((each) => each !== '')) {
    await cp(join(root, path), join(folder, path)).catch((error) => {
      // A file that is deleted and not yet committed is still listed.
      if (error.code !== 'ENOENT') throw error
    })
  }
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'))
  return {
    folder,
    async apply(mutation) {
      const path = join(folder, mutation.file)
      const text = await readFile(path, 'utf8')
      await writeFile(path, mutated(text, mutation))
      return () => writeFile(path, text)
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}

const listingBytesMax = 16 * 1024 * 1024

/** The text of a file with a mutation in it. Error: its text does not stand there exactly once. */
export function mutated(text: string, { name, file, find, replace }: Mutation): string {
  const parts = text.split(find)
  if (parts.length !== 2) {
    const times = parts.length === 1 ? 'nowhere' : `${parts.length - 1} times`
    throw new Error(
      `the list is stale: what ${name} replaces stands ${times} in ${file}; write it anew`,
    )
  }
  return parts.join(replace)
}
