import { containerNetwork } from '../../../reconcilers/container-network/index.ts'
import { type ContractHost, contractSuite } from '../contract-suite.ts'
import { createFakeHost } from '../fake/host.ts'
import { modelText } from '../fake/model.ts'
import { makeForeign, makeTunnels, networkConfigs, networkDrifts } from './cases.ts'

contractSuite("containers' network on a model", {
  reconciler: containerNetwork,
  host: 'a',
  async open(): Promise<ContractHost> {
    const host = createFakeHost()
    const { ports } = host
    await makeTunnels(ports)
    return { ports, text: async () => modelText(host.model), close: async () => {} }
  },
  configs: networkConfigs,
  makeForeign,
  foreign: (text) =>
    text
      .split('\n')
      .filter((line) => /theirs|10\.98\./.test(line))
      .join('\n'),
  drifts: networkDrifts(),
})
