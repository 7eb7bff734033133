import { readdir, readFile, readlink } from 'node:fs/promises'
import { join } from 'node:path'

/** Use of images by the containers of a host, whatever the config says. */
export interface Uses {
  /** True if a container was made from an image that is called by this digest. */
  ofImage(digest: string): boolean
  /** True if a container is mounted on this layer. */
  ofLayer(name: string): boolean
  /** Objects whose containers were made from an image called by any of these digests, sorted. */
  containersOf(digests: readonly string[]): readonly string[]
}

/**
 * Reads the records of containers and the links to the layers that they are mounted on
 * (machine/containers/places.ts). All that counts is whether a digest or a name stands in them.
 */
export async function readUses(stateDir: string, runDir: string): Promise<Uses> {
  const texts = new Map<string, string>()
  const add = (id: string, text: string): void => {
    texts.set(id, `${texts.get(id) ?? ''}\n${text}`)
  }
  for (const id of await namesIn(join(stateDir, 'containers'))) {
    const path = join(stateDir, 'containers', id, 'record.json')
    add(id, await readFile(path, 'utf8').catch(() => ''))
  }
  for (const id of await namesIn(join(runDir, 'containers'))) {
    const folder = join(runDir, 'containers', id, 'layers')
    for (const name of await namesIn(folder)) {
      add(id, await readlink(join(folder, name)).catch(() => ''))
    }
  }
  const holds = (word: string): boolean => [...texts.values()].some((text) => text.includes(word))
  return {
    ofImage: holds,
    ofLayer: holds,
    containersOf(digests) {
      const ids = [...texts].flatMap(([id, text]) => {
        return digests.some((digest) => text.includes(digest)) ? [objectOf(id)] : []
      })
      return [...new Set(ids)].sort()
    },
  }
}

/** A container is called `covey-<object>-<start of its revision>`. */
function objectOf(id: string): string {
  return /^covey-(.+)-[0-9a-f]{12}$/.exec(id)?.[1] ?? id
}

async function namesIn(folder: string): Promise<readonly string[]> {
  return await readdir(folder).catch(() => [])
}
