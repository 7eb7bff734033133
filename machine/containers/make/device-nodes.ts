import { constants, fstatSync, readdirSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { CoveyError } from '../../../protocol/fault.ts'
import type { DeviceNode } from '../../../reconcilers/container-facts.ts'
import { devicePathRefusal, type GrantFacts } from '../../../reconcilers/runc/bundle/grants.ts'
import { deviceFoldersMax, deviceNodesMax } from '../limits.ts'
import { deviceNumbers, inFolder, withOpened } from '../mounts/opened.ts'

/** A node, and when something of it changed last. */
interface FoundNode extends DeviceNode {
  /** Of its owner or mode as well; milliseconds since 1970. */
  readonly changedMs: number
}

/**
 * The nodes at a path, or below it where it is a folder, without those behind links in it. The path
 * itself may be a link, as those of `/dev/serial/by-id`: the grants are asked for what was opened,
 * and everything is read from there, so no name is followed twice.
 *
 * Error: `not-granted`.
 */
export function grantedNodes(path: string, grants: GrantFacts): readonly DeviceNode[] {
  const nodes = nodesAt(path, (real) => {
    const refusal = devicePathRefusal(path, real, grants)
    if (refusal !== undefined) throw new CoveyError('not-granted', refusal)
  })
  return nodes.map(plainNode)
}

/** All device nodes of the host, for a container that may have them. */
export function hostNodes(): readonly DeviceNode[] {
  return nodesAt('/dev').map(plainNode)
}

function plainNode({ changedMs: _, ...node }: FoundNode): DeviceNode {
  return node
}

/** The same without asking for grants; `judge` sees what was opened, before it is looked into. */
export function nodesAt(
  path: string,
  judge: (real: string) => void = () => undefined,
): readonly FoundNode[] {
  const found: FoundNode[] = []
  withOpened(path, 0, (file) => {
    const real = readlinkSync(`/proc/self/fd/${file}`)
    judge(real)
    collect(file, { path, real }, 0, found)
  })
  return found
}

function collect(
  file: number,
  { path, real }: { readonly path: string; readonly real: string },
  depth: number,
  found: FoundNode[],
): void {
  if (found.length >= deviceNodesMax) return
  const stat = fstatSync(file, { bigint: true })
  if (stat.isDirectory() && depth < deviceFoldersMax) {
    for (const name of readdirSync(`/proc/self/fd/${file}`)) {
      const at = { path: join(path, name), real: join(real, name) }
      withOpened(inFolder(file, name), constants.O_NOFOLLOW, (inner) =>
        collect(inner, at, depth + 1, found),
      )
    }
  } else if (stat.isCharacterDevice() || stat.isBlockDevice()) {
    const type = stat.isBlockDevice() ? 'b' : 'c'
    const [uid, gid] = [Number(stat.uid), Number(stat.gid)]
    const mode = Number(stat.mode) & 0o7777
    const changedMs = Number(stat.ctimeMs)
    found.push({ path, real, type, mode, uid, gid, changedMs, ...deviceNumbers(stat.rdev) })
  }
}
