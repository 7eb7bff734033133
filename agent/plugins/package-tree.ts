import { existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expectRootOwned, judgeEntry } from '../../machine/files/root-owned.ts'
import { CoveyError } from '../../protocol/fault.ts'
import { systemCode } from '../../protocol/system-reason.ts'
import { manifestBytesMax, pluginEntriesMax } from '../limits.ts'

/** Members of a `package.json` that name what its code may import. */
const dependencyMembers = ['dependencies', 'optionalDependencies', 'peerDependencies'] as const

/**
 * Expects that only root can write any part of a package: every file in its folder, where the links
 * in it lead, and, wherever Node would find them, the packages that it or a package in it depends
 * on. Each folder above is looked at up to `/`.
 *
 * Reads synchronously: it runs once, before the agent serves anybody, and is faster so.
 * Throws `not-root-owned`, and `plugin-refused` where there is more than `entriesMax` to look at.
 */
export function expectRootOwnedPackage(
  folder: string,
  entriesMax: number = pluginEntriesMax,
): void {
  const waiting = [expectRootOwned(folder)]
  const seen = new Set<string>(waiting)
  let entries = 0
  const addFolder = (real: string): void => {
    if (seen.has(real)) return
    seen.add(real)
    waiting.push(real)
  }
  const addLed = (path: string): void => {
    const real = expectRootOwned(path)
    if (lstatSync(real).isDirectory()) addFolder(real)
  }
  for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
    for (const name of readdirSync(at)) {
      entries++
      if (entries > entriesMax) {
        const message = `${folder} and its dependencies have more than ${entriesMax} files`
        throw new CoveyError('plugin-refused', message, { hint: 'install fewer packages with it' })
      }
      const path = join(at, name)
      const stats = lstatSync(path)
      judgeEntry(path, stats, 'end')
      if (stats.isSymbolicLink()) addUnlessMissing(path, addLed)
      else if (stats.isDirectory()) addFolder(path)
      else if (name === 'package.json') for (const each of dependencies(at, path)) addLed(each)
    }
  }
}

/** A link that leads nowhere cannot be imported; if it ever leads somewhere, the import looks. */
function addUnlessMissing(link: string, add: (path: string) => void): void {
  try {
    add(link)
  } catch (error) {
    if (!['ENOENT', 'ENOTDIR'].includes(systemCode(error))) throw error
  }
}

/** Folders of the packages that a `package.json` names, as Node finds them from its folder. */
function dependencies(folder: string, file: string): readonly string[] {
  let manifest: unknown
  try {
    if (lstatSync(file).size > manifestBytesMax) return []
    manifest = JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    // Node cannot read it either, so it names nothing.
    return []
  }
  const names = dependencyMembers.flatMap((member) => Object.keys(Object(Object(manifest)[member])))
  return names.flatMap((name) => find(folder, name) ?? [])
}

function find(from: string, name: string): string | null {
  for (let at = from; ; at = dirname(at)) {
    const place = join(at, 'node_modules', name)
    if (existsSync(place)) return place
    if (at === dirname(at)) return null
  }
}
