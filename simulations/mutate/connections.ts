import type { Mutation } from './mutation.ts'

/** Faults in who is connected to whom. */
export const connectionMutations: readonly Mutation[] = [
  {
    name: 'no-redial',
    breaks: 'After one failed dial a peer is never dialled again.',
    file: 'protocol/node/peers.ts',
    find: "  if (peer?.phase !== 'dialling') return\n  peer.phase = 'down'\n",
    replace: "  if (peer?.phase !== 'dialling') return\n",
    caughtBy: { scenario: 'partition', seeds: 20, invariant: 5 },
  },
  {
    name: 'removed-peer-kept',
    breaks: 'A removed host that stays connected is never dropped.',
    file: 'protocol/node/peers.ts',
    find: "turn.effects.push({ kind: 'drop', peer: peerId, reason: 'no longer listed' })",
    replace: '',
    caughtBy: { scenario: 'remove-then-rollback', seeds: 20, invariant: 9 },
  },
  {
    name: 'peers-not-refreshed',
    breaks: 'A new head changes nothing about who may connect.',
    file: 'protocol/node/adopt.ts',
    find: '  node.statusWanted = true\n  refreshPeers(turn)\n',
    replace: '  node.statusWanted = true\n',
    caughtBy: { scenario: 'remove-then-rollback', seeds: 20, invariant: 5 },
  },
]
