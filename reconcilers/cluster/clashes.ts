import { cidrText, hostNetwork } from '../addresses.ts'
import type { NetworkIndex } from './networks.ts'
import { type Claim, findOverlaps } from './overlaps.ts'

/** For the path of each subnet that overlaps with what another host has: what that is. */
export type SubnetClashes = ReadonlyMap<string, string>

/** Subnets that overlap with the subnet or the address of another host on the same network. */
export function findClashes(index: NetworkIndex): SubnetClashes {
  const clashes = new Map<string, string>()
  for (const networks of index.values()) {
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
  return clashes
}

function textOf({ owner, range, path }: Claim<string>): string {
  return `${cidrText(range)} of host ${owner} (${path})`
}
