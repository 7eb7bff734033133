import type { Mutation } from './mutation.ts'

const guards = { test: 'test/reconcilers/wireguard/guards.test.ts' } as const

/** Faults in what a host does about its WireGuard links: the simulator has no kernel. */
export const meshLinkMutations: readonly Mutation[] = [
  {
    name: 'guard-after-link',
    breaks: 'What a host sends to the mesh leaves in the clear until its link is made.',
    file: 'reconcilers/wireguard/plan.ts',
    find: '    ...guards.before,\n',
    replace: '',
    caughtBy: guards,
  },
  {
    name: 'guard-goes-first',
    breaks: 'The guard of a range goes before its link, and what is sent then leaves in the clear.',
    file: 'reconcilers/wireguard/guards.ts',
    find: '  const ending = { objects: [], takesDown: true } as const\n',
    replace: '  const ending = { objects: [] } as const\n',
    caughtBy: { test: 'test/reconcilers/wireguard/guards.test.ts' },
  },
  {
    name: 'guard-forgotten-with-a-fault',
    breaks: 'A faulty object takes the guard of the range that it had.',
    file: 'reconcilers/wireguard/guards.ts',
    find: 'spec.keepsGuards ? [] : extra',
    replace: 'extra',
    caughtBy: guards,
  },
  {
    name: 'guard-in-front',
    breaks: 'The guard stands in front of what others have, and cuts the host off from its LAN.',
    file: 'reconcilers/tools/ip-parse.ts',
    find: '0xffff_ffff',
    replace: '0',
    caughtBy: guards,
  },
  {
    name: 'guard-not-at-boot',
    breaks: 'Nothing is written down for the early unit, and a boot is in the clear.',
    file: 'reconcilers/wireguard/guards.ts',
    find: '  if (observed.boot !== during) before.push',
    replace: '  if (observed.boot === during) before.push',
    caughtBy: guards,
  },
  {
    name: 'guard-taken-for-a-subnet',
    breaks: 'The network of containers takes the guard for a subnet that nobody wants.',
    file: 'reconcilers/tools/ip-parse.ts',
    find: 'unreachableOf(routes.filter((each) => each.metric !== guardMetric))',
    replace: 'unreachableOf(routes)',
    caughtBy: { test: 'test/reconcilers/tools/tools.test.ts' },
  },
]
