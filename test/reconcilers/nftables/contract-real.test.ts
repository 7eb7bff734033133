import { createNftables } from '../../../reconcilers/nftables/index.ts'
import { rescuePortsDefault } from '../../../reconcilers/nftables/resolve.ts'
import { type ContractHost, contractSuite } from '../contract-suite.ts'
import { openRealHost } from '../real/host.ts'
import { nftablesConfigs } from './cases.ts'

const never = new AbortController().signal

/** Runs lines of nft's own syntax, as people do. */
async function byHand(host: ContractHost, lines: string): Promise<void> {
  await host.ports.files.withTemporary(lines, async (path) => {
    const result = await host.ports.run({ tool: 'nft', args: ['-f', path] }, never)
    if (result.exitCode !== 0) throw new Error(result.stderr)
  })
}

contractSuite('nftables with the real tool in a namespace', {
  reconciler: createNftables({ rescuePorts: rescuePortsDefault, changes: () => null }),
  host: 'h1',
  open: async () => {
    const host = await openRealHost()
    const text = async (): Promise<string> => {
      const args = ['-s', 'list', 'ruleset']
      return (await host.ports.run({ tool: 'nft', args }, never)).stdout
    }
    return { ...host, text }
  },
  configs: nftablesConfigs,
  makeForeign: (host) =>
    byHand(host, 'add table inet mine\nadd chain inet mine c\nadd rule inet mine c counter drop\n'),
  foreign: (text) => /table inet mine \{[^}]*\}\n\}/.exec(text)?.[0] ?? '',
  drifts: [
    { name: 'all rules are flushed', happen: (host) => byHand(host, 'flush ruleset\n') },
    { name: 'the table is gone', happen: (host) => byHand(host, 'delete table inet covey\n') },
    {
      name: 'an element is gone',
      happen: (host) => byHand(host, 'delete element inet covey judged4 { 10.69.1.6 }\n'),
    },
    {
      name: 'a rule is more',
      happen: (host) => byHand(host, 'insert rule inet covey forward accept\n'),
    },
  ],
})
