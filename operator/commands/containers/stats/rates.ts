import type { ContainerCounters, StatsSample } from '../../../../protocol/api/stats.ts'

/** The use of a container: counters, and what became of them in a second. */
export interface Usage extends ContainerCounters {
  /** 100 is one processor all the time; null until it was looked at twice. */
  readonly cpu_percent: number | null
  /** Of its limit, or of the host's memory without one. */
  readonly memory_percent: number | null
  readonly rx_bytes_per_second: number | null
  readonly tx_bytes_per_second: number | null
  readonly read_bytes_per_second: number | null
  readonly write_bytes_per_second: number | null
}

type Counter = 'cpu_ns' | 'rx_bytes' | 'tx_bytes' | 'read_bytes' | 'write_bytes'

/**
 * The use of the containers of a host, by two looks at it. Pure. A container that was started
 * between them has no rates yet: its counters began anew.
 */
export function usageBetween(before: StatsSample | null, after: StatsSample): readonly Usage[] {
  const seconds = before === null ? 0 : (after.at_ms - before.at_ms) / 1_000
  return after.containers.map((now) => {
    const then = before?.containers.find(({ name }) => name === now.name)
    const isSame = then?.pid === now.pid && then.start_ticks === now.start_ticks
    const rate = (counter: Counter): number | null => {
      const [from, to] = [isSame ? then[counter] : null, now[counter]]
      if (from == null || to === null || to < from || seconds <= 0) return null
      return rounded((to - from) / seconds)
    }
    const cpu = rate('cpu_ns')
    const whole = now.memory_limit_bytes ?? after.memory_total_bytes
    const used = now.memory_bytes
    return {
      ...now,
      cpu_percent: cpu === null ? null : rounded(cpu / 1e7),
      memory_percent: used === null || whole <= 0 ? null : rounded((100 * used) / whole),
      rx_bytes_per_second: rate('rx_bytes'),
      tx_bytes_per_second: rate('tx_bytes'),
      read_bytes_per_second: rate('read_bytes'),
      write_bytes_per_second: rate('write_bytes'),
    }
  })
}

/** To hundredths. */
function rounded(value: number): number {
  return Math.round(100 * value) / 100
}
