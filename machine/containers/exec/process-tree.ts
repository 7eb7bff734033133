import { readdirSync, readFileSync } from 'node:fs'
import { machineClock } from '../../clock.ts'
import { type ProcessName, signalProcess, startTicksOf } from '../processes.ts'
import { execEndMs, execKillRoundsMax } from './limits.ts'

const signalHup = 1
const signalKill = 9

/**
 * The process, all of its session, and all that come from these: what a command has started. What
 * has made a session of its own and left its parents, as a daemon does, is not among them. The
 * runtime makes the command the leader of a session, whose number nobody else gets as long as one
 * of its processes lives.
 */
function processTree(leader: ProcessName): readonly ProcessName[] {
  const parents = new Map<number, ProcessName & { readonly parent: number }>()
  const members = new Set<number>()
  const nowTicks = startTicksOf(leader.pid)
  // Somebody else has the number by now, so nothing of the session is left.
  if (nowTicks !== null && nowTicks !== leader.startTicks) return []
  for (const name of readdirSync('/proc')) {
    const pid = Number(name)
    const seen = Number.isInteger(pid) ? statOf(pid) : null
    if (seen === null) continue
    parents.set(pid, { pid, startTicks: seen.startTicks, parent: seen.parent })
    if (pid === leader.pid || seen.session === leader.pid) members.add(pid)
  }
  for (let before = -1; before < members.size; ) {
    before = members.size
    for (const { pid, parent } of parents.values()) if (members.has(parent)) members.add(pid)
  }
  return [...members].flatMap((pid) => parents.get(pid) ?? [])
}

/** Fields of proc(5) `stat`; null where there is no such process, or a zombie. */
function statOf(
  pid: number,
): { readonly parent: number; readonly session: number; readonly startTicks: number } | null {
  const startTicks = startTicksOf(pid)
  if (startTicks === null) return null
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return { parent: Number(fields[1]), session: Number(fields[3]), startTicks }
  } catch {
    return null
  }
}

/**
 * Ends a command and what it has started: SIGHUP, as a terminal that is gone sends it, and SIGKILL
 * to what is left after `waitMs`.
 */
export async function endTree(leader: ProcessName, waitMs: number = execEndMs): Promise<void> {
  const known = new Map(processTree(leader).map((each) => [each.pid, each]))
  for (const each of known.values()) signalProcess(each, signalHup)
  const never = new AbortController().signal
  const stepMs = 20
  for (let leftMs = waitMs; leftMs > 0; leftMs -= stepMs) {
    if ([...known.values()].every(({ pid, startTicks }) => startTicksOf(pid) !== startTicks)) break
    await machineClock.sleep(stepMs, never)
  }
  // What forks while it is being killed is found in a later round.
  for (let round = 0; round < execKillRoundsMax; round++) {
    for (const each of processTree(leader)) known.set(each.pid, each)
    const killed = [...known.values()].filter((each) => signalProcess(each, signalKill))
    if (killed.length === 0) return
    await machineClock.sleep(stepMs, never)
  }
}
