import { clusterOf } from '../cluster/index.ts'
import type { Reconciler } from '../reconciler.ts'
import { applyNftables } from './apply.ts'
import { describeNftables } from './describe.ts'
import { compileFirewall } from './elements/compile.ts'
import type { FirewallSpec } from './flows/firewall.ts'
import type { PortRange } from './flows/flow-end.ts'
import { type ChangeCount, createObserve, type NftablesObserved } from './observe.ts'
import { judgeTable, type NftablesStep, planNftables } from './plan.ts'
import { resolveNftables } from './resolve.ts'
import { nftablesTypes } from './spec.ts'

/** The parts of a host's firewall. */
export interface NftablesInit {
  /** Ports by which people get in, which no object may take. */
  readonly rescuePorts: readonly PortRange[]
  readonly changes: ChangeCount
}

/**
 * Makes the reconciler of the firewall (docs/OBJECTS.md, firewall). It comes first of all, so that
 * a container is judged before it runs.
 */
export function createNftables(
  init: NftablesInit,
): Reconciler<FirewallSpec, NftablesObserved, NftablesStep> {
  let applied = 0
  // The kernel tells of covey's own changes as of others', but later: a look from before them must
  // not hold until then, or the next plan changes what is there no more.
  const changes = (): number | null => {
    const told = init.changes()
    return told === null ? null : told + applied
  }
  return {
    name: 'nftables',
    types: nftablesTypes,
    resolve(config, host) {
      const resolved = resolveNftables(clusterOf(config), host, init.rescuePorts)
      // Remembered from here on, so that a round is a look and a comparison.
      compileFirewall(resolved.spec)
      return resolved
    },
    observe: createObserve(changes),
    judge: judgeTable,
    plan: planNftables,
    async apply(step, host, signal) {
      applied++
      try {
        await applyNftables(step, host, signal)
      } finally {
        applied++
      }
    },
    describe: describeNftables,
  }
}
