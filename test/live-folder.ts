import { lstatSync, readdirSync, type Stats } from 'node:fs'
import { join } from 'node:path'

/**
 * The folder itself and everything below it, links not followed, while somebody works in it: what
 * goes during the walk is left out, as a temporary file that takes its proper name.
 */
export function entriesBelow(folder: string): ReadonlyMap<string, Stats> {
  const stats = lstatSync(folder, { throwIfNoEntry: false })
  if (stats === undefined) return new Map()
  const found = new Map([[folder, stats]])
  if (!stats.isDirectory()) return found
  for (const name of unlessGone(() => readdirSync(folder)) ?? []) {
    for (const [path, each] of entriesBelow(join(folder, name))) found.set(path, each)
  }
  return found
}

/** The result of a look at a path, or `null` when it is there no more. */
export function unlessGone<T>(look: () => T): T | null {
  try {
    return look()
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
    throw error
  }
}

/** Every file below a folder with its times and size: whatever anybody writes changes this. */
export function tracesBelow(folder: string): readonly string[] {
  return [...entriesBelow(folder)].map(([path, { ino, size, mtimeMs, ctimeMs }]) =>
    [path, ino, size, mtimeMs, ctimeMs].join(' '),
  )
}
