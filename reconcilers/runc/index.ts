import { clusterOf } from '../cluster/index.ts'
import type { Reconciler } from '../reconciler.ts'
import { applyRunc } from './apply.ts'
import { describeRunc } from './describe.ts'
import { judgeContainers, runcDueAt } from './judge.ts'
import { observeRunc, type RuncObserved } from './observe.ts'
import { planRunc, type RuncStep } from './plan.ts'
import { resolveRunc } from './resolve.ts'
import { type RuncSpec, runcTypes } from './spec.ts'

/** Containers, volumes and secrets (docs/OBJECTS.md, runc_container). */
export const runc: Reconciler<RuncSpec, RuncObserved, RuncStep> = {
  name: 'runc',
  types: runcTypes,
  resolve: (config, host) => resolveRunc(clusterOf(config), host),
  observe: observeRunc,
  judge: judgeContainers,
  dueAt: runcDueAt,
  judgesAfter: true,
  plan: planRunc,
  apply: applyRunc,
  describe: describeRunc,
}
