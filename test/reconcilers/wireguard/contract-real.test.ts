import { wireguard } from '../../../reconcilers/wireguard/index.ts'
import { contractSuite } from '../contract-suite.ts'
import { openRealHost } from '../real/host.ts'
import { type LinkNames, makeForeign, wireguardConfigs, wireguardDrifts } from './cases.ts'

const names: LinkNames = { wg: 'wg_a', second: 'wg_b', foreign: 'wg_theirs', bridge: 'br_theirs' }

contractSuite('wireguard with the real tools in a namespace', {
  reconciler: wireguard,
  host: 'a',
  open: openRealHost,
  configs: wireguardConfigs(names),
  makeForeign: (host) => makeForeign(host, names),
  foreign: (text) =>
    text
      .split('\n')
      .filter((line) => line.includes('_theirs'))
      .join('\n'),
  drifts: wireguardDrifts(names),
})
