import { containerNetwork } from '../../../reconcilers/container-network/index.ts'
import { contractSuite } from '../contract-suite.ts'
import { makeForeign, networkConfigs, networkDrifts } from './cases.ts'
import { openNetworkHost } from './real-host.ts'

contractSuite("containers' network with the real tools", {
  reconciler: containerNetwork,
  host: 'a',
  open: openNetworkHost,
  configs: networkConfigs,
  makeForeign,
  foreign: (text) =>
    text
      .split('\n')
      .filter((line) => /theirs|10\.98\./.test(line) && !/forwarding/.test(line))
      .join('\n'),
  drifts: networkDrifts(),
})
