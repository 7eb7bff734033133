import { rootsAfter } from '../../protocol/node/chain.ts'
import type { Effect, Input } from '../../protocol/node/effects.ts'
import { documentHeld } from '../../protocol/node/state.ts'
import type { TestNode } from './nodes.ts'

/** Nodes joined by a network that loses nothing and takes no time. */
export interface TestMesh {
  readonly nodes: readonly TestNode[]
  /** Lets time pass in steps of half a second, carrying everything that is said. */
  run(ms: number): void
  /** Carries what has been said until nothing is left to carry. */
  settle(): void
  /** Parts two nodes, both ways, and ends their connection. */
  cut(a: number, b: number): void
  heal(): void
  /** Documents carried whole so far, by fetch or inside an announcement. */
  readonly carried: { documents: number; messages: number }
}

interface Wires {
  readonly byPeer: ReadonlyMap<string, TestNode>
  readonly cuts: Set<string>
  readonly open: Set<string>
  readonly carried: TestMesh['carried']
  /** True if documents ride inside their announcements. */
  readonly inline: boolean
}

type Received = Extract<Input, { kind: 'received' }>

function pair(a: string, b: string): string {
  return [a, b].sort().join(' ')
}

function dial({ byPeer, cuts, open }: Wires, from: TestNode, to: string): void {
  const peer = byPeer.get(to)
  const isListed = peer?.node.listing.byPeer.has(from.peerId) ?? false
  const admits = isListed || peer?.node.leaving.has(from.peerId)
  if (peer === undefined || !admits || cuts.has(pair(from.peerId, to))) {
    return from.feed({ kind: 'dial-failed', peer: to })
  }
  if (open.has(pair(from.peerId, to))) return
  open.add(pair(from.peerId, to))
  from.feed({ kind: 'peer-up', peer: to })
  peer.feed({ kind: 'peer-up', peer: from.peerId })
}

function drop({ byPeer, open }: Wires, a: string, b: string): void {
  if (!open.delete(pair(a, b))) return
  byPeer.get(a)?.feed({ kind: 'peer-down', peer: b })
  byPeer.get(b)?.feed({ kind: 'peer-down', peer: a })
}

function say(
  { byPeer, open, carried }: Wires,
  from: TestNode,
  to: string,
  message: Received['message'],
  delivery: Received['delivery'],
): void {
  if (!open.has(pair(from.peerId, to))) return
  carried.messages++
  if (delivery !== null) carried.documents++
  byPeer.get(to)?.feed({ kind: 'received', peer: from.peerId, message, delivery })
}

function fetch(wires: Wires, from: TestNode, effect: Extract<Effect, { kind: 'fetch' }>): void {
  const { peer, digest, epoch } = effect
  const { node } = wires.byPeer.get(peer) ?? from
  if (!wires.open.has(pair(from.peerId, peer))) {
    return from.feed({ kind: 'fetch-failed', peer, digest })
  }
  const held = documentHeld(node, digest)
  if (held) wires.carried.documents++
  const roots = rootsAfter(node, epoch).map((root) => root.document)
  const delivery = held ? { roots, config: held.document } : null
  from.feed({ kind: 'fetched', peer, digest, delivery })
}

function carry(wires: Wires, from: TestNode, effect: Effect): void {
  if (effect.kind === 'dial') return dial(wires, from, effect.place.peerId)
  if (effect.kind === 'drop') return drop(wires, from.peerId, effect.peer)
  if (effect.kind === 'send') return say(wires, from, effect.peer, effect.message, null)
  if (effect.kind === 'fetch') return fetch(wires, from, effect)
  if (effect.kind !== 'announce') return
  const { head, document } = effect.held
  const delivery = wires.inline ? { roots: [], config: document } : null
  for (const peer of effect.peers) say(wires, from, peer, { kind: 'head', head }, delivery)
}

/** Carries everything that was said, and what that brings about; writes are left to the tests. */
function settle(wires: Wires, nodes: readonly TestNode[]): void {
  for (let busy = true; busy; ) {
    busy = false
    for (const node of nodes) {
      const said = node.effects.filter((effect) => effect.kind !== 'persist')
      const kept = node.effects.filter((effect) => effect.kind === 'persist')
      node.effects.splice(0, node.effects.length, ...kept)
      for (const effect of said) carry(wires, node, effect)
      busy ||= said.length > 0
    }
  }
}

/** Joins nodes; `inline` says whether documents ride inside their announcements. */
export function joinNodes(nodes: readonly TestNode[], inline = true): TestMesh {
  const wires: Wires = {
    byPeer: new Map(nodes.map((node) => [node.peerId, node])),
    cuts: new Set(),
    open: new Set(),
    carried: { documents: 0, messages: 0 },
    inline,
  }
  let now = 0
  return {
    nodes,
    carried: wires.carried,
    settle: () => settle(wires, nodes),
    run(ms) {
      for (const end = now + ms; now < end; ) {
        now += 500
        for (const node of nodes) node.feed({ kind: 'tick', now })
        settle(wires, nodes)
      }
    },
    cut(a, b) {
      const [from, to] = [nodes[a]?.peerId ?? '', nodes[b]?.peerId ?? '']
      wires.cuts.add(pair(from, to))
      drop(wires, from, to)
    },
    heal: () => wires.cuts.clear(),
  }
}
