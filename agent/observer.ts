import type { AgentEvent } from '../protocol/api/events.ts'
import { compareHeadsOrNone, type Head } from '../protocol/heads.ts'
import type { ObjectReport } from '../protocol/node/effects.ts'
import { isGreeted, type NodeState } from '../protocol/node/state.ts'
import { hostState } from '../protocol/node/view.ts'
import type { EventFeed } from './event-feed.ts'
import type { Machine } from './shell.ts'

/** Tells watchers and the log what changed between two steps, from the node alone. */
export function createObserver(
  machine: Machine,
  node: NodeState,
  events: EventFeed,
): { look(): void } {
  const connected = new Set<string>()
  const objects = new Map<string, string>()
  let head: Head | null = node.head?.head ?? null
  let applied: Head | null = node.applied
  let state = ''
  let seen: readonly ObjectReport[] = []
  const tell = (event: AgentEvent): void => {
    events.tell({ ...event, at: machine.clock.now() })
    machine.log.info(event, event.event)
  }
  return {
    look() {
      const now = node.head?.head ?? null
      if (now !== null && compareHeadsOrNone(now, head) !== 0) tell({ event: 'head', head: now })
      head = now
      if (node.applied !== null && compareHeadsOrNone(node.applied, applied) !== 0) {
        tell({ event: 'applied', head: node.applied })
      }
      applied = node.applied
      const word = hostState(node)
      if (word !== state) tell({ event: 'state', state: word })
      state = word
      for (const [peerId, peer] of node.peers) {
        const is = isGreeted(peer)
        if (is === connected.has(peerId)) continue
        if (is) connected.add(peerId)
        else connected.delete(peerId)
        tell({ event: 'peer', host: peer.place.host, connected: is })
      }
      for (const peerId of connected) if (!node.peers.has(peerId)) connected.delete(peerId)
      if (node.objects === seen) return
      seen = node.objects
      tellObjects(node.objects, objects, tell)
    },
  }
}

function tellObjects(
  reports: readonly ObjectReport[],
  known: Map<string, string>,
  tell: (event: AgentEvent) => void,
): void {
  const names = new Set(reports.map((object) => object.name))
  for (const name of known.keys()) if (!names.has(name)) known.delete(name)
  for (const object of reports) {
    const text = `${object.type} ${object.state} ${object.reason}`
    if (known.get(object.name) === text) continue
    known.set(object.name, text)
    tell({ event: 'object', object })
  }
}
