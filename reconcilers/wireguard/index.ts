import { clusterOf } from '../cluster/index.ts'
import type { Reconciler } from '../reconciler.ts'
import { applyWireguard } from './apply.ts'
import { describeWireguard } from './describe.ts'
import { judgeLinks } from './links.ts'
import { observeWireguard } from './observe.ts'
import type { WireguardObserved } from './observed.ts'
import { planWireguard, type WireguardStep } from './plan.ts'
import { type WireguardSpec, wireguardTypes } from './spec.ts'

/** Links, peers and routes of WireGuard (docs/OBJECTS.md, wireguard). */
export const wireguard: Reconciler<WireguardSpec, WireguardObserved, WireguardStep> = {
  name: 'wireguard',
  types: wireguardTypes,
  resolve: (config, host) => clusterOf(config).host(host).links,
  observe: observeWireguard,
  judge: judgeLinks,
  plan: planWireguard,
  dueAt: (_spec, { dueAtMs }) => dueAtMs,
  apply: applyWireguard,
  describe: describeWireguard,
}
