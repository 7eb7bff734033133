import type { Mutation } from './mutation.ts'

/** Faults in how configs and statuses spread. */
export const gossipMutations: readonly Mutation[] = [
  {
    name: 'evidence-not-spread',
    breaks: 'Whoever met only one side of a fork never hears of the other.',
    file: 'protocol/node/peers.ts',
    find: '  if (heads.length === 0) return\n',
    replace: '  if (heads.length >= 0) return\n',
    caughtBy: { scenario: 'equivocation', seeds: 60, invariant: 16 },
  },
  {
    name: 'evidence-not-heard',
    breaks: 'What a peer says of a fork is passed over.',
    file: 'protocol/node/gossip.ts',
    find: 'peer.forks = message.heads',
    replace: 'peer.forks = []',
    caughtBy: { scenario: 'equivocation', seeds: 60, invariant: 16 },
  },
  {
    name: 'status-without-sequence',
    breaks: 'An old status of a host replaces a newer one.',
    file: 'protocol/node/statuses.ts',
    find: '  if (record.sequence < known) return sendDigest(turn, peer, [record.host])\n  if (record.sequence === known) return\n',
    replace: '  if (record.sequence === known) return\n',
    caughtBy: { test: 'test/protocol/mutants.test.ts' },
  },
  {
    name: 'status-of-anyone',
    breaks: 'A host may say what it likes about another.',
    file: 'protocol/node/statuses.ts',
    find: 'if (node.listing.byPeer.get(record.peer_id)?.host !== record.host) return',
    replace: '',
    caughtBy: { test: 'test/protocol/mutants.test.ts' },
  },
  {
    name: 'status-without-rest',
    breaks: 'A host says its status again at every tick, and traffic never settles.',
    file: 'protocol/node/statuses.ts',
    find: 'if (node.statusSigning || !(node.statusWanted || isOld)) return\n  const record = ownRecord(node)\n  // News of a head is what people wait for, and there are only as many heads as operators sign.\n  const isNews = own === undefined || !sameHeads(own.record, record)\n  if (!isNews && node.statusTokens < 1) return\n  node.statusWanted = false\n  if (!isOld && own !== undefined && saysTheSame(own.record, record)) return\n  if (!isNews) node.statusTokens -= 1\n',
    replace:
      'if (node.statusSigning) return\n  const record = ownRecord(node)\n  void [isOld, sameHeads, saysTheSame]\n',
    caughtBy: { scenario: 'partition', seeds: 5, invariant: 18 },
  },
]
