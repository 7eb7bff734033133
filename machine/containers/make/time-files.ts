import { readFileSync, realpathSync, statSync } from 'node:fs'
import { timeFiles } from '../../../reconcilers/runc/bundle/host-paths.ts'
import { timeFileBytesMax } from '../limits.ts'

/** Folder of the time zones: what lies in it is named after its place there (tzfile(5)). */
const zones = '/usr/share/zoneinfo/'

/**
 * Content of the host's `/etc/localtime` and `/etc/timezone`, by the names of their copies. A host
 * without the second one has its text by where the first leads.
 */
export function readTime(): ReadonlyMap<string, Uint8Array> {
  const found = new Map<string, Uint8Array>()
  for (const [path, name] of timeFiles) {
    const content = contentOf(path)
    if (content !== null) found.set(name, content)
  }
  const zone = found.has('timezone') ? null : zoneName()
  if (zone !== null) found.set('timezone', Buffer.from(`${zone}\n`))
  return found
}

function contentOf(path: string): Uint8Array | null {
  try {
    const stat = statSync(path)
    return stat.isFile() && stat.size <= timeFileBytesMax ? readFileSync(path) : null
  } catch {
    return null
  }
}

function zoneName(): string | null {
  try {
    const real = realpathSync('/etc/localtime')
    return real.startsWith(zones) ? real.slice(zones.length) : null
  } catch {
    return null
  }
}
