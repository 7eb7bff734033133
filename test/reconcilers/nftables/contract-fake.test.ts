import { createNftables } from '../../../reconcilers/nftables/index.ts'
import { rescuePortsDefault } from '../../../reconcilers/nftables/resolve.ts'
import { contractSuite } from '../contract-suite.ts'
import { createFakeHost, type FakeHost } from '../fake/host.ts'
import { fakeTables, tablesText } from '../fake/nft.ts'
import { nftablesConfigs } from './cases.ts'

const hosts = new WeakMap<object, FakeHost>()

const modelOf = (host: object): FakeHost['model'] => {
  const found = hosts.get(host)
  if (found === undefined) throw new Error('a host that nobody opened')
  return found.model
}

contractSuite('nftables on the fake host', {
  reconciler: createNftables({ rescuePorts: rescuePortsDefault, changes: () => null }),
  host: 'h1',
  open: async () => {
    const fake = createFakeHost()
    const host = {
      ports: fake.ports,
      text: async () => tablesText(fake.model),
      close: async () => {},
    }
    hosts.set(host, fake)
    return host
  },
  configs: nftablesConfigs,
  makeForeign: async (host) => {
    const chains = new Map([['c', { base: '', rules: ['counter drop'] }]])
    fakeTables(modelOf(host)).set('inet mine', { counters: new Map(), sets: new Map(), chains })
  },
  foreign: (text) =>
    text
      .split('\n')
      .filter((line) => line.startsWith('inet mine'))
      .join('\n'),
  drifts: [
    {
      name: 'the table is gone',
      happen: async (host) => void fakeTables(modelOf(host)).delete('inet covey'),
    },
    {
      name: 'a rule is gone',
      happen: async (host) =>
        void fakeTables(modelOf(host)).get('inet covey')?.chains.get('forward')?.rules.pop(),
    },
    {
      name: 'an element is gone',
      happen: async (host) =>
        fakeTables(modelOf(host)).get('inet covey')?.sets.get('judged4')?.elements.clear(),
    },
    {
      name: 'a set is more',
      happen: async (host) => {
        const table = fakeTables(modelOf(host)).get('inet covey')
        const elements = new Map([['1.2.3.4', null]])
        table?.sets.set('more', { kind: 'set', type: 'ipv4_addr', ranges: false, elements })
      },
    },
  ],
})
