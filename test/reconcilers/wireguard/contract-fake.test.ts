import { wireguard } from '../../../reconcilers/wireguard/index.ts'
import { type ContractHost, contractSuite } from '../contract-suite.ts'
import { createFakeHost } from '../fake/host.ts'
import { modelText } from '../fake/model.ts'
import { type LinkNames, makeForeign, wireguardConfigs, wireguardDrifts } from './cases.ts'

const names: LinkNames = { wg: 'wg_a', second: 'wg_b', foreign: 'wg_theirs', bridge: 'br_theirs' }

for (const hasKernelWireguard of [true, false]) {
  contractSuite(`wireguard on a model, ${hasKernelWireguard ? 'kernel' : 'user space'}`, {
    reconciler: wireguard,
    host: 'a',
    async open(): Promise<ContractHost> {
      const host = createFakeHost()
      host.model.hasKernelWireguard = hasKernelWireguard
      const { ports } = host
      return { ports, text: async () => modelText(host.model), close: async () => {} }
    },
    configs: wireguardConfigs(names),
    makeForeign: (host) => makeForeign(host, names),
    foreign: (text) =>
      text
        .split('\n')
        .filter((line) => line.includes('_theirs'))
        .join('\n'),
    drifts: wireguardDrifts(names),
  })
}
