import type { Mutation } from './mutation.ts'

/** Faults in whose signatures count, and in the chain of roots. */
export const trustMutations: readonly Mutation[] = [
  {
    name: 'threshold-of-one',
    breaks: 'One good signature is enough, whatever the root asks for.',
    file: 'protocol/documents/root.ts',
    find: 'return counted.size >= role.threshold',
    replace: 'return counted.size >= 1',
    caughtBy: { scenario: 'stolen-key', seeds: 20, invariant: 7 },
  },
  {
    name: 'threshold-exceeded',
    breaks: 'More signatures are asked for than the root says.',
    file: 'protocol/documents/root.ts',
    find: 'return counted.size >= role.threshold',
    replace: 'return counted.size > role.threshold',
    caughtBy: { scenario: 'stolen-key', seeds: 20, invariant: 5 },
  },
  {
    name: 'one-key-counted-twice',
    breaks: 'One key that signs twice counts as two.',
    file: 'protocol/documents/root.ts',
    find: 'return counted.size >= role.threshold',
    replace: 'return kids.filter((kid) => Object.hasOwn(role.keys, kid)).length >= role.threshold',
    caughtBy: { test: 'test/protocol/roots.test.ts' },
  },
  {
    name: 'rivals-forgotten',
    breaks: 'The other side of a root fork is not held, so nobody can be shown what settled it.',
    file: 'protocol/node/candidates.ts',
    find: '  node.rivals.push(rival)\n',
    replace: '',
    caughtBy: { scenario: 'root-fork', seeds: 20, invariant: 16 },
  },
  {
    name: 'other-chain-unexplained',
    breaks: 'A host whose config does not verify here is banned and never asked for its roots.',
    file: 'protocol/node/verdicts.ts',
    find: 'if (explainable.includes(fault.code) && !source.withRoots) {',
    replace: 'if (fault.code === undefined && !source.withRoots) {',
    caughtBy: { scenario: 'root-fork', seeds: 20, invariant: 17 },
  },
  {
    name: 'roots-not-sent',
    breaks: 'A host that missed a rotation is sent the config without the roots between.',
    file: 'protocol/node/gossip.ts',
    find: 'const epoch = peer.asksRoots ? Math.min(held, head.epoch - 1) : held',
    replace: 'const epoch = Math.max(held, head.epoch)',
    caughtBy: { scenario: 'rotation-under-partition', seeds: 20, invariant: 5 },
  },
  {
    name: 'roots-with-a-gap',
    breaks: 'Of the roots that a peer lacks the first one is left out.',
    file: 'protocol/node/chain.ts',
    find: '.filter((held) => held.root.epoch > epoch)',
    replace: '.filter((held) => held.root.epoch > epoch + 1)',
    caughtBy: { scenario: 'rotation-under-partition', seeds: 20, invariant: 17 },
  },
  {
    name: 'roots-not-held',
    breaks: 'A config of a new epoch becomes head and its root is not taken along.',
    file: 'protocol/node/writes.ts',
    find: '  node.roots.push(...chain.filter((root) => root.root.epoch > node.roots.length))\n',
    replace: '',
    caughtBy: { scenario: 'rotation-under-partition', seeds: 20, invariant: 2 },
  },
]
