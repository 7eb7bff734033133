import { refuse, shownPath } from '../../../platform/tar/refuse.ts'
import { linkHopsMax, nameBytesMax, pathBytesMax, pathPartsMax } from '../limits.ts'

/**
 * The parts of an entry's path below the root of its layer: leading and double slashes and `.` mean
 * nothing, as for every container tool; `..` is refused. Paths are bytes (latin1).
 */
export function pathParts(path: string): readonly string[] {
  if (path.length > pathBytesMax) {
    refuse('layer-refused', `a path of ${path.length} bytes, ${pathBytesMax} at most`)
  }
  if (path.includes('\0')) refuse('layer-refused', `a path with a NUL in it: ${shownPath(path)}`)
  const parts = path.split('/').filter((part) => part !== '' && part !== '.')
  if (parts.includes('..')) {
    refuse('layer-refused', `a path that leads out of the image: ${shownPath(path)}`)
  }
  if (parts.length > pathPartsMax) {
    refuse('layer-refused', `a path ${parts.length} folders deep, ${pathPartsMax} at most`)
  }
  for (const part of parts) {
    if (part.length > nameBytesMax) {
      refuse('layer-refused', `a name of ${part.length} bytes, ${nameBytesMax} at most`)
    }
  }
  return parts
}

/**
 * Where the folder with these parts is, as seen from inside the image: symbolic links that
 * `targetOf` knows are followed, and none of them leads out of the root. Returns a path without
 * slashes at its ends, empty for the root. Throws `layer-refused` at a circle of links.
 */
export function resolveFolder(
  parts: readonly string[],
  targetOf: (path: string) => string | undefined,
): string {
  const left = [...parts].reverse()
  const done: string[] = []
  let hops = 0
  for (let part = left.pop(); part !== undefined; part = left.pop()) {
    if (part === '' || part === '.') continue
    if (part === '..') {
      done.pop()
      continue
    }
    done.push(part)
    const target = targetOf(done.join('/'))
    if (target === undefined) continue
    hops++
    if (hops > linkHopsMax) {
      refuse('layer-refused', `a circle of symbolic links at ${shownPath(parts.join('/'))}`)
    }
    if (target.startsWith('/')) done.length = 0
    else done.pop()
    left.push(...target.split('/').reverse())
  }
  return done.join('/')
}

/** Path of a name in a folder; the root is the empty path. */
export function joined(folder: string, name: string): string {
  return folder === '' ? name : `${folder}/${name}`
}

/** The folder of a path, empty for what lies in the root. */
export function folderOf(path: string): string {
  const slash = path.lastIndexOf('/')
  return slash === -1 ? '' : path.slice(0, slash)
}
