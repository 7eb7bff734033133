import type { Config } from '../../protocol/documents/config.ts'
import { cidrText, hostNetwork } from '../addresses.ts'
import { networkIndex } from './networks.ts'
import { type Claim, findOverlaps } from './overlaps.ts'

/** For the path of each subnet that overlaps with what another host has: what that is. */
export type SubnetClashes = ReadonlyMap<string, string>

const known = new WeakMap<Config['hosts'], SubnetClashes>()

/**
 * Finds subnets that overlap with the subnet or the address of another host on the same network.
 * Remembered for a config, as every host's section is judged by it.
 */
export function subnetClashes(config: Pick<Config, 'hosts'>): SubnetClashes {
  const before = known.get(config.hosts)
  if (before !== undefined) return before
  const clashes = new Map<string, string>()
  for (const networks of networkIndex(config).values()) {
    const claims = networks.flatMap(({ host, path, network, subnets }) => {
      const own: Claim<string>[] = subnets.map((each) => ({ owner: host, ...each }))
      const range = network && hostNetwork(network.address)
      return range === undefined ? own : [...own, { owner: host, range, path: `${path}.address` }]
    })
    for (const { first, second } of findOverlaps(claims)) {
      clashes.set(first.path, textOf(second))
      clashes.set(second.path, textOf(first))
    }
  }
  known.set(config.hosts, clashes)
  return clashes
}

function textOf({ owner, range, path }: Claim<string>): string {
  return `${cidrText(range)} of host ${owner} (${path})`
}
