import { statusMsMax } from '../../protocol/limits.ts'
import { type Cluster, hasTunnel, type SimHost } from '../world/cluster.ts'
import type { Watch } from '../world/watch.ts'
import type { Checker } from './invariants.ts'

/**
 * The status of a host is known to everyone after this, in ms: a redial at its largest wait, a
 * hello, a digest at the next tick, a question and its answer.
 */
const knownMsMax = 15_000
/** A host says something of itself at least this often, in ms. */
const saidMsMax = statusMsMax + 5_000

/**
 * 19: what an honest host says of itself reaches every other honest one in time, and it goes on
 * saying it, whatever a member claims of it. Holds while nothing parts hosts.
 */
export function createFreshness(cluster: Cluster, checker: Checker): Watch {
  /** When each host last said a record of each number. */
  const said = new Map<SimHost, Map<number, number>>()
  const newest = new Map<SimHost, number>()
  return {
    effect(host, effect) {
      if (effect.kind !== 'sign-status' || host.isBad) return
      const { sequence } = effect.record
      const at = cluster.world.now
      const lives = cluster.hosts.map((one) => one.life)
      const goesOn = (one: SimHost): boolean =>
        !one.isBad && one.life === lives[one.index] && one.node !== null && one.pausedUntil === 0
      const numbers = said.get(host) ?? new Map<number, number>()
      said.set(host, numbers.set(sequence, at))
      newest.set(host, at)
      cluster.world.after(knownMsMax, () => {
        for (const other of goesOn(host) ? cluster.hosts : []) {
          if (!goesOn(other) || !hasTunnel(cluster, host, other)) continue
          const known = other.node?.statuses.get(host.name)?.record
          const isFresh = (numbers.get(known?.sequence ?? 0) ?? -1) >= at
          if (isFresh && known?.peer_id === host.peerId) continue
          const shown = known === undefined ? 'nothing' : `record ${known.sequence}`
          checker.fail(19, other, `shows ${shown} of ${host.name}, which has said ${sequence}`)
        }
      })
      cluster.world.after(saidMsMax, () => {
        if (goesOn(host) && newest.get(host) === at) {
          checker.fail(19, host, `has said nothing of itself for ${saidMsMax / 1000} s`)
        }
      })
    },
  }
}
