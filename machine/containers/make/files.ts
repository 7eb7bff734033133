import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs'
import { chmod, chown, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ContainerFile } from '../../../reconcilers/container-facts.ts'
import type { ContainersState } from '../state.ts'

/** Writes the files of a container, each with its owner and mode. */
export async function writeFiles(folder: string, files: readonly ContainerFile[]): Promise<void> {
  await Promise.all(
    files.map(async ({ name, content, mode, uid, gid }) => {
      const path = join(folder, name)
      await writeFile(path, content, { mode: 0o600 })
      await chown(path, uid, gid)
      await chmod(path, mode)
    }),
  )
}

/**
 * Writes a file of containers in place: it is mounted as this very file, and a new one in its place
 * would not be seen. Written over before it is cut, so that no reader finds it empty.
 */
export function writeInPlace(
  state: ContainersState,
  ids: readonly string[],
  name: 'hosts' | 'resolv.conf',
  text: string,
): void {
  const bytes = Buffer.from(text)
  for (const id of ids) {
    const file = openSync(join(state.of(id).files, name), 'r+')
    try {
      writeSync(file, bytes, 0, bytes.length, 0)
      ftruncateSync(file, bytes.length)
    } finally {
      closeSync(file)
    }
  }
}
