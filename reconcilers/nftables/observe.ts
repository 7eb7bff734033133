import { CoveyError } from '../../protocol/fault.ts'
import type { HostPorts } from '../host-ports.ts'
import { lookCommand, parseLook } from '../tools/ip.ts'
import { isAbsent, listTableCommand, parseListing } from '../tools/nft.ts'
import { listenersCommand, parseListeners } from '../tools/ss.ts'
import { errorLine } from '../tools/words.ts'
import type { FirewallSpec } from './firewall.ts'
import { fullLookMs } from './limits.ts'
import { loadMemory, type NftablesMemory } from './memory.ts'
import { readTable, type TableSeen, tableFamily, tableName } from './table.ts'

/** The firewall as it is on the host. */
export interface NftablesObserved {
  /** Null where there is no table of covey's. */
  readonly table: TableSeen | null
  readonly memory: NftablesMemory | null
  /**
   * Veths of the table that no container of the spec has, and that are there all the same: their
   * containers still run, and stay judged.
   */
  readonly lingering: ReadonlySet<string>
  /** What of the published ports the host itself listens on, as `80/tcp 0.0.0.0`. */
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
 * How often others changed the table since the watch began, or null where nobody watches: then
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
  let last: {
    readonly at: number
    readonly count: number
    readonly table: TableSeen | null
  } | null = null
  return async (spec, host, signal) => {
    const count = changes()
    const now = host.clock.now()
    const holds = last !== null && last.count === count && Math.abs(now - last.at) < fullLookMs
    const table = holds && last !== null ? last.table : await lookAtTable(host, signal)
    if (!holds) last = count === null ? null : { at: now, count, table }
    return {
      table,
      memory: await loadMemory(host.files),
      lingering: await lingeringVeths(spec, table, host, signal),
      listening: await listenersOn(spec, host, signal),
    }
  }
}

async function lookAtTable(host: HostPorts, signal: AbortSignal): Promise<TableSeen | null> {
  const result = await host.run(listTableCommand(tableFamily, tableName), signal)
  if (result.exitCode === 0) return readTable(parseListing(result.stdout))
  if (isAbsent(result.stderr)) return null
  throw new CoveyError('tool-failed', `nft: ${errorLine(result.stderr)}`)
}

/** Veths that only the table knows any more; a look at links is needed for nothing else. */
async function lingeringVeths(
  spec: FirewallSpec,
  table: TableSeen | null,
  host: HostPorts,
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const wanted = new Set(spec.containers.map(({ veth }) => veth))
  const left = [...(table?.elements.get('veths')?.keys() ?? [])].filter((each) => !wanted.has(each))
  if (left.length === 0) return new Set()
  const looked = await host.run(lookCommand(), signal)
  if (looked.exitCode !== 0) return new Set(left)
  const names = new Set(parseLook(looked.stdout).links.map(({ name }) => name))
  return new Set(left.filter((each) => names.has(each)))
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
