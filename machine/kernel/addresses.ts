import { networkInterfaces } from 'node:os'
import { type Address, parseAddress } from '../../reconcilers/addresses.ts'

/** All addresses that this machine has now. */
export function ownAddresses(): readonly Address[] {
  return Object.values(networkInterfaces()).flatMap((each) =>
    (each ?? []).flatMap(({ address }) => parseAddress(address) ?? []),
  )
}
