import type { Mutation } from './mutation.ts'

/** Faults in when a node may say and do something, and in what survives a crash or a full disk. */
export const durabilityMutations: readonly Mutation[] = [
  {
    name: 'apply-before-durable',
    breaks: 'A config is applied while it is still being written.',
    file: 'protocol/node/writes.ts',
    find: '    floor: held.head,\n  })\n',
    replace:
      '    floor: held.head,\n  })\n  node.head = held\n  ' +
      'adoptHead(turn)\n  node.head = previous\n',
    caughtBy: { scenario: 'slow-disk', seeds: 20, invariant: 3 },
  },
  {
    name: 'announce-before-durable',
    breaks: 'A config is announced while it is still being written.',
    file: 'protocol/node/writes.ts',
    find: '    floor: held.head,\n  })\n',
    replace:
      '    floor: held.head,\n  })\n  node.head = held\n  announceHead(turn, null)\n  node.head = previous\n',
    caughtBy: { scenario: 'slow-disk', seeds: 20, invariant: 3 },
  },
  {
    name: 'reply-before-durable',
    breaks: 'A person is told that a config was accepted while it is still being written.',
    file: 'protocol/node/writes.ts',
    find: '    floor: held.head,\n  })\n',
    replace:
      "    floor: held.head,\n  })\n  answer(turn, candidate.source, 'accepted', 'stored')\n",
    caughtBy: { scenario: 'slow-disk', seeds: 20, invariant: 3 },
  },
  {
    name: 'two-writes-at-once',
    breaks: 'A decision is taken while the one before it is still being written.',
    file: 'protocol/node/writes.ts',
    find: 'while (node.writing === null) {',
    replace: 'for (;;) {',
    caughtBy: { scenario: 'slow-disk', seeds: 20, invariant: 3 },
  },
  {
    name: 'head-not-written',
    breaks: 'A new head is held in memory only.',
    file: 'protocol/node/writes.ts',
    find: '...(previous === null ? {} : { previous }),\n    head: held,',
    replace: '...(previous === null ? {} : { previous, head: previous }),',
    caughtBy: { scenario: 'partition', seeds: 20, invariant: 5 },
  },
  {
    name: 'confirmation-lost',
    breaks: 'That a config was applied is never written again after one failed write.',
    file: 'protocol/node/writes.ts',
    find: 'node.confirmation ??= write.confirmed ?? null',
    replace: '',
    caughtBy: { scenario: 'slow-disk', seeds: 20, invariant: 5 },
  },
  {
    name: 'stuck-after-failed-write',
    breaks: 'After a failed write nothing is written any more.',
    file: 'protocol/node/writes.ts',
    find: 'const { candidate, write } = node.writing.pending\n  node.writing = null\n  // What nobody',
    replace: 'const { candidate, write } = node.writing.pending\n  // What nobody',
    caughtBy: { scenario: 'slow-disk', seeds: 20, invariant: 5 },
  },
  {
    name: 'full-disk-asked-again-and-again',
    breaks: 'What a full disk has just refused is fetched again at once.',
    file: 'protocol/node/gossip.ts',
    find: 'if (node.storeAt > node.now || !node.floorKnown) return',
    replace: 'if (!node.floorKnown) return',
    caughtBy: { test: 'test/protocol/chain.test.ts' },
  },
  {
    name: 'floor-unknown-ignored',
    breaks: 'A host that lost its floor takes whatever the first peer offers.',
    file: 'protocol/node/writes.ts',
    find: 'if (!node.floorKnown) return refuse(turn, candidate.source, floorUnknown)',
    replace: '',
    caughtBy: { test: 'test/protocol/chain.test.ts' },
  },
  {
    name: 'head-not-adopted',
    breaks: 'A new head is held and passed on, and never applied.',
    file: 'protocol/node/adopt.ts',
    find: 'if (config !== null && node.head !== null) adopt(turn, node.head, config)',
    replace: '',
    caughtBy: { scenario: 'partition', seeds: 20, invariant: 5 },
  },
  {
    name: 'clock-runs-back',
    breaks: 'A clock that is set back stops everything that waits.',
    file: 'protocol/node/step.ts',
    find: 'node.now = Math.max(node.now, now)',
    replace: 'node.now = now',
    caughtBy: { test: 'test/protocol/mutants.test.ts' },
  },
]
