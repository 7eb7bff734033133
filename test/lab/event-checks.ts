import assert from 'node:assert/strict'
import type { Head } from '../../protocol/heads.ts'
import { compareHeads } from '../../protocol/heads.ts'
import type { EventWatch } from './agent-socket.ts'

/** The facts that a host's events must show, whatever happened to it. */
export interface Seen {
  /** Every head, in order. */
  readonly heads: readonly Head[]
  /** Codes of the alarms that were raised. */
  readonly alarms: readonly string[]
}

/** Checks a host's events: its head never goes back, and nothing is applied that was no head. */
export function checkEvents(host: string, watch: EventWatch): Seen {
  const heads: Head[] = []
  const alarms: string[] = []
  for (const each of watch.events) {
    const { event, head, applied, alarm, raised } = each
    if ((event === 'status' || event === 'head') && head) {
      const last = heads.at(-1)
      const went = `${host}: from ${JSON.stringify(last)} to ${JSON.stringify(head)}`
      assert.ok(last === undefined || compareHeads(head, last) >= 0, went)
      heads.push(head)
    }
    if (event === 'status' && applied) heads.unshift(applied)
    if (event === 'applied') {
      const isKnown = heads.some((known) => known.digest === head?.digest)
      assert.ok(isKnown, `${host}: applied ${JSON.stringify(head)} before it was head`)
    }
    if (event === 'alarm' && alarm !== undefined && raised === true) alarms.push(alarm.code)
  }
  assert.ok(watch.events.length > 0, `${host}: no events were seen`)
  return { heads, alarms }
}
