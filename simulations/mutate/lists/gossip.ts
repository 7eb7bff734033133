import type { Mutation } from '../mutation.ts'

/** Faults in how configs and statuses spread. */
export const gossipMutations: readonly Mutation[] = [
  {
    name: 'no-exchange-at-hello',
    breaks: 'What a peer says at the start that it holds is passed over.',
    file: 'protocol/node/gossip.ts',
    find: '  onHead(turn, peerId, peer, hello.head, null)\n',
    replace: '',
    caughtBy: { scenario: 'reboot', seeds: 20, invariant: 5 },
  },
  {
    name: 'no-periodic-exchange',
    breaks: 'A lost announcement is never made up for.',
    file: 'protocol/node/gossip.ts',
    find: "turn.effects.push({ kind: 'send', peer: peerId, message: { kind: 'head', head } })",
    replace: 'void head',
    caughtBy: { scenario: 'lossy', seeds: 40, invariant: 5 },
  },
  {
    name: 'no-announcement',
    breaks: 'A new head waits for the next exchange.',
    file: 'protocol/node/peers.ts',
    find: "if (peers.length > 0) turn.effects.push({ kind: 'announce', peers, held })",
    replace: '',
    caughtBy: { scenario: 'scale', seeds: 5, invariant: 5 },
  },
  {
    name: 'dead-fetch-kept',
    breaks: 'A fetch that failed counts as under way for ever.',
    file: 'protocol/node/gossip.ts',
    find: '  node.fetching.delete(peerId)\n  const peer = node.peers.get(peerId)\n  if (peer !== undefined) peer.fetchAt',
    replace: '  const peer = node.peers.get(peerId)\n  if (peer !== undefined) peer.fetchAt',
    caughtBy: { scenario: 'lossy', seeds: 40, invariant: 5 },
  },
  {
    name: 'one-body-fetched-from-everyone',
    breaks: 'A document that is being fetched is asked for again from every announcer.',
    file: 'protocol/node/gossip.ts',
    find: 'find((one) => !known.has(one.digest) && isWanted(node, one))',
    replace: 'find((one) => isWanted(node, one))',
    caughtBy: { test: 'test/protocol/spread.test.ts' },
  },
  {
    name: 'evidence-not-spread',
    breaks: 'Whoever met only one side of a fork never hears of the other.',
    file: 'protocol/node/peers.ts',
    find: '  if (heads.length === 0) return\n',
    replace: '  if (heads.length >= 0) return\n',
    caughtBy: { scenario: 'equivocation', seeds: 200, invariant: 16 },
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
    name: 'waiting-documents-without-bound',
    breaks: 'One peer may have any number of documents judged at once.',
    file: 'protocol/node/candidates.ts',
    find: 'if (waiting.length >= most) {',
    replace: 'if (waiting.length < 0) {',
    caughtBy: { scenario: 'bad-member', seeds: 20, invariant: 14 },
  },
]
