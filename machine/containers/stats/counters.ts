import type { ContainerCounters } from '../../../protocol/api/stats.ts'

/** Counters of control groups. */
export type GroupCounters = Pick<
  ContainerCounters,
  | 'cpu_ns'
  | 'memory_bytes'
  | 'memory_limit_bytes'
  | 'read_bytes'
  | 'write_bytes'
  | 'pids'
  | 'pids_limit'
>

/** Reads a file of a controller; null where there is none. Version 2 has the one controller ``. */
export type ReadGroup = (controller: string, name: string) => string | null

/** Counters of groups of version 1 (kernel, admin-guide/cgroup-v1), as far as they are there. */
export function legacyCounters(read: ReadGroup): GroupCounters {
  const used = numberIn(read('memory', 'memory.usage_in_bytes'))
  const idle = fieldOf(read('memory', 'memory.stat'), 'total_inactive_file')
  const disk = read('blkio', 'blkio.throttle.io_service_bytes_recursive')
  return {
    cpu_ns: numberIn(read('cpuacct', 'cpuacct.usage')),
    memory_bytes: without(used, idle),
    memory_limit_bytes: limitIn(read('memory', 'memory.limit_in_bytes')),
    read_bytes: sumOf(disk, /^\d+:\d+ Read (\d+)$/gm),
    write_bytes: sumOf(disk, /^\d+:\d+ Write (\d+)$/gm),
    pids: numberIn(read('pids', 'pids.current')),
    pids_limit: limitIn(read('pids', 'pids.max')),
  }
}

/** Counters of a group of version 2 (kernel, admin-guide/cgroup-v2). */
export function unifiedCounters(read: ReadGroup): GroupCounters {
  const usedUs = fieldOf(read('', 'cpu.stat'), 'usage_usec')
  const used = numberIn(read('', 'memory.current'))
  const disk = read('', 'io.stat')
  return {
    cpu_ns: usedUs === null ? null : usedUs * 1_000,
    memory_bytes: without(used, fieldOf(read('', 'memory.stat'), 'inactive_file')),
    memory_limit_bytes: limitIn(read('', 'memory.max')),
    read_bytes: sumOf(disk, / rbytes=(\d+)/g),
    write_bytes: sumOf(disk, / wbytes=(\d+)/g),
    pids: numberIn(read('', 'pids.current')),
    pids_limit: limitIn(read('', 'pids.max')),
  }
}

/** Bytes of all links but the loopback (proc(5), `/proc/PID/net/dev`); null where it is no such. */
export function networkCounters(
  text: string | null,
): Pick<ContainerCounters, 'rx_bytes' | 'tx_bytes'> {
  if (text === null) return { rx_bytes: null, tx_bytes: null }
  let [rx, tx] = [0, 0]
  for (const line of text.split('\n')) {
    const [, name, numbers = ''] = /^ *([^ :]+): *([\d ]+)$/.exec(line) ?? []
    if (name === undefined || name === 'lo') continue
    const fields = numbers.trim().split(/ +/)
    rx += Number(fields[0] ?? 0)
    tx += Number(fields[8] ?? 0)
  }
  return { rx_bytes: rx, tx_bytes: tx }
}

/** Version 1 has the largest multiple of a page as the limit of memory without one. */
const unlimitedMin = 2 ** 60

function limitIn(text: string | null): number | null {
  const limit = numberIn(text)
  return limit === null || limit >= unlimitedMin ? null : limit
}

/** A number alone in its file; null for `max`, or nothing. */
function numberIn(text: string | null): number | null {
  const found = /^(\d+)\s*$/.exec(text ?? '')?.[1]
  return found === undefined ? null : Number(found)
}

function fieldOf(text: string | null, name: string): number | null {
  const found = new RegExp(`^${name} (\\d+)$`, 'm').exec(text ?? '')?.[1]
  return found === undefined ? null : Number(found)
}

function sumOf(text: string | null, pattern: RegExp): number | null {
  if (text === null) return null
  return [...text.matchAll(pattern)].reduce((sum, [, number]) => sum + Number(number), 0)
}

function without(used: number | null, idle: number | null): number | null {
  return used === null ? null : Math.max(0, used - (idle ?? 0))
}
