import { clusterOf } from '../cluster/index.ts'
import type { Reconciler } from '../reconciler.ts'
import { applyContainerNetwork } from './apply.ts'
import { judgeContainerNetwork } from './claims.ts'
import { describeContainerNetwork } from './describe.ts'
import { type ContainerNetworkObserved, observeContainerNetwork } from './observe.ts'
import { type ContainerNetworkStep, planContainerNetwork } from './plan.ts'
import { type ContainerNetworkSpec, containerNetworkTypes } from './spec.ts'

/** Namespaces and links of containers (docs/OBJECTS.md, container_network). */
export const containerNetwork: Reconciler<
  ContainerNetworkSpec,
  ContainerNetworkObserved,
  ContainerNetworkStep
> = {
  name: 'container-network',
  types: containerNetworkTypes,
  resolve: (config, host) => clusterOf(config).host(host).attachments,
  observe: observeContainerNetwork,
  judge: judgeContainerNetwork,
  plan: planContainerNetwork,
  apply: applyContainerNetwork,
  describe: describeContainerNetwork,
}
