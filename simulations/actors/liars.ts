import { statusEntriesMax } from '../../protocol/limits.ts'
import type { Message } from '../../protocol/messages.ts'
import type { Cluster, SimHost } from '../world/cluster.ts'
import type { BadAct, Lie } from './stimulus.ts'

/** Numbers that would end the counting of whoever believed them, at once or in a while. */
const numbers: readonly number[] = [
  Number.MAX_SAFE_INTEGER - 1,
  Number.MAX_SAFE_INTEGER,
  2 ** 48 - 2,
  2 ** 47 + 5,
  1_790_000_000_000 + 1_000_000,
  1_000,
]

/** True if what a member does is a lie about statuses. */
export function isLie(how: BadAct): how is Lie {
  return how === 'status-digest' || how === 'status-forged' || how === 'status-replayed'
}

/** The message of a bad member about everybody's status; `note` chooses among the ways to lie. */
export function lieOf(cluster: Cluster, bad: SimHost, how: Lie, note: number): Message {
  const others = cluster.hosts.filter((host) => host !== bad).slice(0, statusEntriesMax)
  const sequence = numbers[note % numbers.length] ?? Number.MAX_SAFE_INTEGER
  if (how === 'status-digest') {
    return { kind: 'status-digest', known: others.map((host) => [host.name, sequence] as const) }
  }
  if (how === 'status-replayed') {
    const old = others.flatMap((host) => cluster.said.get(host.name)?.slice(0, 1) ?? [])
    return { kind: 'status', records: old }
  }
  const records = others.map((host) => ({
    text: JSON.stringify({
      host: host.name,
      peer_id: bad.peerId,
      sequence,
      state: 'in-sync',
      head: null,
      applied: null,
      objects: { converged: 1, pending: 0, failed: 0, unsupported: 0 },
      alarms: [],
    }),
    signature: '',
  }))
  return { kind: 'status', records }
}
