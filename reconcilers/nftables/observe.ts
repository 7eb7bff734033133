import { CoveyError } from '../../protocol/fault.ts'
import { vethPrefix } from '../container-network/names.ts'
import type { HostPorts } from '../host-ports.ts'
import { lookCommand } from '../tools/ip.ts'
import { parseLook } from '../tools/ip-parse.ts'
import { isAbsent, listTableCommand, parseListing } from '../tools/nft.ts'
import { listenersCommand, parseListeners } from '../tools/ss.ts'
import { errorLine } from '../tools/words.ts'
import { readTable, type TableSeen, tableFamily, tableName } from './elements/table.ts'
import type { FirewallSpec } from './flows/firewall.ts'
import { fullLookMs } from './limits.ts'
import { loadNftablesMemory, type NftablesMemory } from './memory.ts'

/** The firewall as it is on the host. */
export interface NftablesObserved {
  /** Null where there is no table of covey's, or none that could be read. */
  readonly table: TableSeen | null
  /** Reason why it could not be read; null if it was. */
  readonly unread: string | null
  readonly memory: NftablesMemory | null
  /** True if there is a container's link; while there is, so is the table. */
  readonly hasContainers: boolean
  /** The published ports on which the host itself listens, such as `80/tcp 0.0.0.0`. */
  readonly listening: readonly Listener[]
}

/** A port on which some process of the host itself listens. */
export interface Listener {
  readonly protocol: 'tcp' | 'udp'
  readonly port: number
  /** Null for every address. */
  readonly address: string | null
}

/**
 * Gives the number of changes by others since the watch began, or null where nobody watches: then
 * every look is a full one.
 */
export type ChangeCount = () => number | null

/**
 * Makes the look at the firewall. Listing ten thousand elements takes a tenth of a second, so as
 * long as the kernel announces no change the last look holds, for at most `fullLookMs`.
 */
export function createObserve(
  changes: ChangeCount,
): (spec: FirewallSpec, host: HostPorts, signal: AbortSignal) => Promise<NftablesObserved> {
  let last: { readonly at: number; readonly count: number; readonly looked: Looked } | null = null
  return async (spec, host, signal) => {
    const count = changes()
    const now = host.clock.now()
    const holds =
      last?.looked.unread === null && last.count === count && Math.abs(now - last.at) < fullLookMs
    const looked = holds && last !== null ? last.looked : await lookAtTable(host, signal)
    if (!holds) last = count === null ? null : { at: now, count, looked }
    return {
      ...looked,
      memory: await loadNftablesMemory(host.files),
      hasContainers: spec.isNeeded || (await hasLinks(looked.table, host, signal)),
      listening: await listenersOn(spec, host, signal),
    }
  }
}

type Looked = Pick<NftablesObserved, 'table' | 'unread'>

/**
 * A table that cannot be read is as good as none: it is then made anew, and where that fails too
 * the containers that it is for are not started.
 */
async function lookAtTable(host: HostPorts, signal: AbortSignal): Promise<Looked> {
  try {
    const result = await host.run(listTableCommand(tableFamily, tableName), signal)
    if (result.exitCode === 0) {
      return { table: readTable(parseListing(result.stdout)), unread: null }
    }
    const unread = isAbsent(result.stderr) ? null : `nft: ${errorLine(result.stderr)}`
    return { table: null, unread }
  } catch (error) {
    signal.throwIfAborted()
    const message = error instanceof Error ? error.message : String(error)
    const hint = error instanceof CoveyError && error.hint !== undefined ? ` (${error.hint})` : ''
    return { table: null, unread: `${message}${hint}` }
  }
}

/** True if containers still run that no object wants; asked where nothing else needs a table. */
async function hasLinks(
  table: TableSeen | null,
  host: HostPorts,
  signal: AbortSignal,
): Promise<boolean> {
  if (table === null) return false
  const looked = await host.run(lookCommand(), signal)
  if (looked.exitCode !== 0) return true
  return parseLook(looked.stdout).links.some(({ name }) => name.startsWith(vethPrefix))
}

async function listenersOn(
  spec: FirewallSpec,
  host: HostPorts,
  signal: AbortSignal,
): Promise<readonly Listener[]> {
  if (spec.publishes.length === 0) return []
  const result = await host.run(listenersCommand(), signal)
  if (result.exitCode !== 0) return []
  const ports = new Set(spec.publishes.map((each) => `${each.hostPort}/${each.protocol}`))
  return parseListeners(result.stdout).filter((each) => ports.has(`${each.port}/${each.protocol}`))
}
