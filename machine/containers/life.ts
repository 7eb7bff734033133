import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import * as z from 'zod'
import type {
  ExitSeen,
  HealthSeen,
  RestartCount,
  StoppingSeen,
} from '../../reconcilers/host-containers.ts'
import type { ProcessName } from './processes.ts'

/**
 * State of a container's process in this boot. Lies beside its bundle, so that the next
 * agent finds it; what it says of another boot counts for nothing.
 */
export interface Life {
  readonly boot: string
  readonly process: ProcessName | null
  readonly supervisor: ProcessName | null
  /** Absolute paths, by controller. */
  readonly cgroups: Readonly<Record<string, string>>
  /** When it was let run; null where it waits for that. */
  readonly startedMs: number | null
  readonly stopping: StoppingSeen | null
  readonly count: RestartCount
  readonly lastExit: ExitSeen | null
  readonly health: HealthSeen | null
  /** As in `ContainerSeen`. */
  readonly ailment: string | null
}

const processSchema = z.object({ pid: z.int(), startTicks: z.int() })

/** Schema of an end; also of what is kept for good. */
export const exitSchema: z.ZodType<ExitSeen> = z.object({
  exitCode: z.int().nullable(),
  oom: z.boolean(),
  startedMs: z.number(),
  exitedMs: z.number(),
  lastLine: z.string().nullable(),
})

const lifeSchema: z.ZodType<Life> = z.object({
  boot: z.string(),
  process: processSchema.nullable(),
  supervisor: processSchema.nullable(),
  cgroups: z.record(z.string(), z.string()),
  startedMs: z.number().nullable(),
  stopping: z.object({ signal: z.int(), atMs: z.number(), hadFailed: z.boolean() }).nullable(),
  count: z.object({ restarts: z.int(), streak: z.int() }),
  lastExit: exitSchema.nullable(),
  health: z
    .object({
      state: z.enum(['starting', 'healthy', 'unhealthy']),
      failures: z.int(),
      reason: z.string().nullable(),
    })
    .nullable(),
  // An earlier agent knew nothing of it.
  ailment: z.string().nullable().default(null),
})

/** A container of which nothing is known but this boot. */
export function newLife(boot: string): Life {
  return {
    boot,
    process: null,
    supervisor: null,
    cgroups: {},
    startedMs: null,
    stopping: null,
    count: { restarts: 0, streak: 0 },
    lastExit: null,
    health: null,
    ailment: null,
  }
}

/** Reads what an earlier agent knew in this boot; null where there is nothing of use. */
export function readLife(path: string, boot: string): Life | null {
  try {
    const parsed = lifeSchema.safeParse(JSON.parse(readFileSync(path, 'utf8')))
    return parsed.success && parsed.data.boot === boot ? parsed.data : null
  } catch {
    return null
  }
}

/** Writes it whole or not at all; it need not outlive the boot, so nothing is synced. */
export function writeLife(path: string, life: Life): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  writeFileSync(`${path}.tmp`, JSON.stringify(life), { mode: 0o600 })
  renameSync(`${path}.tmp`, path)
}
