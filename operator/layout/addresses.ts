import type { Layout } from './layout.ts'
import { carded, hostFact, type Lock } from './lock.ts'
import { hostAddress, hostNumberOf, hostsIn } from './network.ts'

/**
 * The lowest address that no host has, or undefined if the network is full. A host that keeps its
 * name keeps its address.
 */
export function freeAddress(layout: Layout, lock: Lock, name: string): string | undefined {
  const kept = hostFact(lock, name, 'address')
  const taken = new Set<string | undefined>()
  for (const [other, host] of layout.hosts) if (other !== name) taken.add(host.address)
  for (const other of carded(lock)) if (other !== name) taken.add(hostFact(lock, other, 'address'))
  const keeps = kept !== undefined && hostNumberOf(layout.network, kept) !== undefined
  if (keeps && !taken.has(kept)) return kept
  for (let number = 1; number <= hostsIn(layout.network); number++) {
    const address = hostAddress(layout.network, number)
    if (!taken.has(address)) return address
  }
  return undefined
}
