import { isAbsolute, join, normalize, relative } from 'node:path/posix'

/** A path that begins in a folder, unless it is absolute; never in the folder of the process. */
export function pathIn(folder: string, path: string): string {
  return isAbsolute(path) ? normalize(path) : join(folder, path)
}

/** A path as seen from a folder, with `./` or `../` in front; absolute where it cannot be seen. */
export function pathFrom(folder: string, path: string): string {
  if (isAbsolute(path) && !isAbsolute(folder)) return path
  const found = relative(folder, path)
  return found.startsWith('..') ? found : `./${found}`
}
