import type { Turn } from './state.ts'

/**
 * Raises an alarm, or does nothing if it is raised already. At most one of a code and host exists.
 */
export function raiseAlarm(
  turn: Turn,
  code: string,
  message: string,
  host: string | null = null,
): void {
  const { node } = turn
  const key = `${code} ${host ?? ''}`
  const known = node.alarms.get(key)
  if (known?.message === message) return
  const since = known?.since ?? Math.floor(node.now / 1000)
  const alarm = { code, message, since, host }
  node.alarms.set(key, alarm)
  node.statusWanted = true
  turn.effects.push({ kind: 'alarm', alarm, raised: true })
}

/** Clears an alarm, if it is raised. */
export function clearAlarm(turn: Turn, code: string, host: string | null = null): void {
  const key = `${code} ${host ?? ''}`
  const alarm = turn.node.alarms.get(key)
  if (alarm === undefined) return
  turn.node.alarms.delete(key)
  turn.node.statusWanted = true
  turn.effects.push({ kind: 'alarm', alarm, raised: false })
}
