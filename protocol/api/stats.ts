import * as z from 'zod'
import type { ContainerRow } from './containers.ts'

/** Use of a running container so far, as the kernel counts it. Null: it is not counted. */
export interface ContainerCounters extends Pick<ContainerRow, 'name' | 'service' | 'replica'> {
  readonly pid: number
  /** Age of that process, in clock ticks since the boot: other counters begin with another one. */
  readonly start_ticks: number
  /** Time on all processors. */
  readonly cpu_ns: number | null
  /** Without what the kernel can take back at once, as `docker stats` has it. */
  readonly memory_bytes: number | null
  /** Null without a limit. */
  readonly memory_limit_bytes: number | null
  /** Of its network namespace, without the loopback; null where that is another's. */
  readonly rx_bytes: number | null
  readonly tx_bytes: number | null
  /** From and to block devices. */
  readonly read_bytes: number | null
  readonly write_bytes: number | null
  readonly pids: number | null
  readonly pids_limit: number | null
}

/** `GET /v1/stats`: counters of a host at one moment. Two of them make rates. */
export interface StatsSample {
  /** Milliseconds of a clock that only runs forward. */
  readonly at_ms: number
  readonly memory_total_bytes: number
  /** Ordered by name. */
  readonly containers: readonly ContainerCounters[]
}

const counter: z.ZodType<number | null> = z.number().nullable().default(null)

/** Schema of the counters of a host. */
export const statsSchema: z.ZodType<StatsSample> = z.object({
  at_ms: z.number(),
  memory_total_bytes: z.number().default(0),
  containers: z.array(
    z.object({
      name: z.string(),
      service: z.string().nullable().default(null),
      replica: z.number().default(1),
      pid: z.number(),
      start_ticks: z.number().default(0),
      cpu_ns: counter,
      memory_bytes: counter,
      memory_limit_bytes: counter,
      rx_bytes: counter,
      tx_bytes: counter,
      read_bytes: counter,
      write_bytes: counter,
      pids: counter,
      pids_limit: counter,
    }),
  ),
})
