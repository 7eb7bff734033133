import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { accountsBytesMax } from './limits.ts'
import { followThrough, inLayer, type LayerFolder } from './unpack/merged-view.ts'

/** Text of a small regular file of an image, links followed inside the image; null if none. */
export async function readInImage(
  layers: readonly LayerFolder[],
  path: string,
): Promise<string | null> {
  const seen = await followThrough(layers, path)
  if (seen === null || !seen.stats.isFile() || seen.stats.size > accountsBytesMax) return null
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
  const file = await open(inLayer(seen.layer, seen.path), flags)
  try {
    return await file.readFile('utf8')
  } finally {
    await file.close()
  }
}
