import {
  closeSync,
  existsSync,
  fstatSync,
  openSync,
  readFileSync,
  readSync,
  statSync,
} from 'node:fs'
import { join } from 'node:path'
import type { ExitSeen } from '../../../reconcilers/host-containers.ts'
import { printable } from '../../../reconcilers/tools/runc.ts'
import type { Life } from '../life.ts'
import { lastLineCharactersMax, logTailBytes } from '../limits.ts'
import type { ContainerPlaces } from '../places.ts'

/**
 * Exit of a process, as its supervisor recorded it; null if it recorded none. Milliseconds
 * since 1970.
 */
export function readExit(places: ContainerPlaces, log: string, life: Life): ExitSeen | null {
  // The second is the supervisor's copy, which is there even if somebody removed the first.
  const said = codeIn(places.exit) ?? codeIn(join(places.notes, 'exit'))
  if (said === null) return null
  const { code, exitedMs } = said
  return {
    exitCode: code,
    // One that ended well did so in spite of it.
    oom: code !== 0 && ranOutOfMemory(places, life),
    startedMs: life.startedMs ?? exitedMs,
    exitedMs,
    lastLine: lastLineOf(log, life.startedMs ?? 0),
  }
}

/** The code in a file, and when it was written; null where there is no file or no code yet. */
function codeIn(path: string): { readonly code: number; readonly exitedMs: number } | null {
  try {
    const text = readFileSync(path, 'latin1').trim()
    if (!/^-?[0-9]{1,9}$/.test(text)) return null
    return { code: Number(text), exitedMs: Math.round(statSync(path).mtimeMs) }
  } catch {
    return null
  }
}

/** An end that nobody saw. */
export function unseenExit(log: string, life: Life, nowMs: number): ExitSeen {
  const startedMs = life.startedMs ?? nowMs
  return { exitCode: null, oom: false, startedMs, exitedMs: nowMs, lastLine: lastLineOf(log, 0) }
}

/** True if the kernel ended a process of the container because of its memory limit. */
function ranOutOfMemory(places: ContainerPlaces, life: Life): boolean {
  return existsSync(join(places.notes, 'oom')) || killsForMemory(life) > 0
}

/** The kernel's own count: cgroup v1 `memory.oom_control`, v2 `memory.events`. */
function killsForMemory(life: Life): number {
  const memory = life.cgroups['memory']
  const unified = life.cgroups['']
  const file = memory ? join(memory, 'memory.oom_control') : join(unified ?? '/', 'memory.events')
  try {
    return Number(/^oom_kill (\d+)$/m.exec(readFileSync(file, 'latin1'))?.[1] ?? 0)
  } catch {
    return 0
  }
}

/**
 * The last whole line that a container wrote since it was started, from the tail of its log
 * (`<time> stdout|stderr F|P <text>`).
 */
function lastLineOf(log: string, sinceMs: number): string | null {
  const tail = tailOf(log)
  for (const line of tail.split('\n').toReversed()) {
    const [, time, text] = /^(\S+) std(?:out|err) [FP] (.*)$/.exec(line) ?? []
    if (time === undefined || text === undefined || text.trim() === '') continue
    return Date.parse(time) < sinceMs ? null : printable(text, lastLineCharactersMax)
  }
  return null
}

function tailOf(path: string): string {
  let file: number
  try {
    file = openSync(path, 'r')
  } catch {
    return ''
  }
  try {
    const { size } = fstatSync(file)
    const buffer = Buffer.alloc(Math.min(size, logTailBytes))
    const bytes = readSync(file, buffer, 0, buffer.length, size - buffer.length)
    return buffer.toString('utf8', 0, bytes)
  } catch {
    return ''
  } finally {
    closeSync(file)
  }
}
