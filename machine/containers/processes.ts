import { readFileSync, statSync } from 'node:fs'

/** One process, and no later one with the same number. */
export interface ProcessName {
  readonly pid: number
  /** Start in ticks since boot. */
  readonly startTicks: number
}

/**
 * When a process started, in ticks since boot (proc(5), `stat`, field 22); null where there is
 * none, or only what its parent has not taken notice of.
 */
export function startTicksOf(pid: number): number | null {
  let text: string
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'latin1')
  } catch {
    return null
  }
  // The name may hold spaces and parentheses; what follows its last one is plain.
  const [state, ...fields] = text.slice(text.lastIndexOf(')') + 2).split(' ')
  if (state === 'Z' || state === 'X') return null
  const ticks = Number(fields[18])
  return Number.isSafeInteger(ticks) ? ticks : null
}

/** True if this very process lives. */
export function lives(process: ProcessName | null): boolean {
  return process !== null && startTicksOf(process.pid) === process.startTicks
}

/** The file that a process runs, by device and inode; null where there is no process. */
export function programOf(pid: number): string | null {
  try {
    const { dev, ino } = statSync(`/proc/${pid}/exe`, { bigint: true })
    return `${dev}:${ino}`
  } catch {
    return null
  }
}

/** Sends a signal to this very process; whether it was there to take it. */
export function signalProcess(name: ProcessName, signalNumber: number): boolean {
  if (!lives(name)) return false
  try {
    return process.kill(name.pid, signalNumber)
  } catch {
    return false
  }
}

/**
 * True if a process is in the network namespace that a path names; true where either is unknown.
 */
export function isInNamespace(pid: number, path: string): boolean {
  try {
    return statSync(`/proc/${pid}/ns/net`).ino === statSync(path).ino
  } catch {
    return true
  }
}

/** An id of this boot. */
export function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()
}

/** Mount points of this process's mount namespace (proc(5), `mountinfo`, field 5). */
export function mountPoints(): ReadonlySet<string> {
  const points = new Set<string>()
  for (const line of readFileSync('/proc/self/mountinfo', 'utf8').split('\n')) {
    const [, , , , point] = line.split(' ', 5)
    if (point === undefined) continue
    points.add(
      point.includes('\\')
        ? point.replace(/\\([0-7]{3})/g, (_, digits) =>
            String.fromCharCode(Number.parseInt(digits, 8)),
          )
        : point,
    )
  }
  return points
}
