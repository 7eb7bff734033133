import { closeSync, openSync, readSync } from 'node:fs'
import { totalmem } from 'node:os'
import { join } from 'node:path'
import { serviceOf } from '../../../protocol/api/containers.ts'
import type { ContainerCounters, StatsSample } from '../../../protocol/api/stats.ts'
import { lives } from '../processes.ts'
import type { ContainersState } from '../state.ts'
import { legacyCounters, networkCounters, type ReadGroup, unifiedCounters } from './counters.ts'
import { counterFileBytesMax, sampleMs } from './limits.ts'

/** Counters of the running containers of a host. */
export interface Stats {
  /** At most `sampleMs` old, however many ask. A few small files a container. */
  sample(): StatsSample
}

/** Reads counters of the kernel; `nowMs` only runs forward. */
export function createStats(
  state: Pick<ContainersState, 'records' | 'life' | 'cgroups'>,
  nowMs: () => number,
): Stats {
  let last: StatsSample | null = null
  return {
    sample() {
      const at_ms = nowMs()
      if (last !== null && at_ms - last.at_ms < sampleMs) return last
      const all = state.records.ids().flatMap((id) => countersOf(state, id) ?? [])
      // While one takes the place of another, the younger is told of.
      const byAge = all.sort((a, b) => a.start_ticks - b.start_ticks)
      const youngest = [...new Map(byAge.map((each) => [each.name, each])).values()]
      const containers = youngest.sort((a, b) => (a.name < b.name ? -1 : 1))
      last = { at_ms, memory_total_bytes: totalmem(), containers }
      return last
    },
  }
}

/** Counters of one container; null where it does not run. */
function countersOf(
  { records, life: lifeOf, cgroups }: Pick<ContainersState, 'records' | 'life' | 'cgroups'>,
  id: string,
): ContainerCounters | null {
  const [record, life] = [records.record(id), lifeOf(id)]
  const process = life?.process ?? null
  if (record === null || life === null || process === null || life.startedMs === null) return null
  const read: ReadGroup = (controller, name) => {
    const group = life.cgroups[controller]
    return group === undefined ? null : textAt(join(group, name))
  }
  // On the host's network, or on that of another container, the traffic is not this one's.
  const isOwn = record.namespace !== null && record.networkOf === undefined
  const network = networkCounters(isOwn ? textAt(`/proc/${process.pid}/net/dev`) : null)
  const groups = cgroups.version === 2 ? unifiedCounters(read) : legacyCounters(read)
  // Asked last: all of it is this process's if that still lives.
  if (!lives(process)) return null
  return {
    name: record.object,
    ...serviceOf(record.policy.labels),
    pid: process.pid,
    start_ticks: process.startTicks,
    ...groups,
    ...network,
  }
}

/** Read into by one call after the other. */
const bytes = Buffer.alloc(counterFileBytesMax)

/** The beginning of a small file; null where there is none. */
function textAt(path: string): string | null {
  let file: number
  try {
    file = openSync(path, 'r')
  } catch {
    return null
  }
  try {
    let size = 0
    // The kernel hands such files over in pieces.
    for (let read = -1; read !== 0 && size < bytes.length; size += read) {
      read = readSync(file, bytes, size, bytes.length - size, null)
    }
    return bytes.toString('latin1', 0, size)
  } catch {
    return null
  } finally {
    closeSync(file)
  }
}
