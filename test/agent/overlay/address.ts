/**
 * An address that comes, goes with its link and comes again, as that of a WireGuard link does. Run
 * by address.test.ts in a network namespace of its own; prints a line for each thing that it saw.
 */
import { execFileSync } from 'node:child_process'
import { introduce, startHost } from './host.ts'

const ip = (...args: readonly string[]): void => {
  execFileSync('/sbin/ip', args)
}
const link = (): void => {
  ip('link', 'add', 'covey0', 'type', 'veth', 'peer', 'name', 'covey1')
  for (const name of ['covey0', 'covey1']) ip('link', 'set', name, 'up')
}

ip('link', 'set', 'lo', 'up')
link()
const test = { after: (): void => {} }
const [one, other] = await Promise.all([startHost(test, 'address 1'), startHost(test, 'address 2')])
introduce(one, other)
const visit = async (place: { address: string; port: number }): Promise<void> => {
  // The kernel makes the route to an IPv6 address some time after the address, and tells nobody
  // when: until then not even a plain TCP connection to it works.
  if (place.address.includes(':')) return
  const before = other.told.length
  other.overlay.dial({ ...place, peerId: one.peerId })
  await other.until(() => other.told.length > before)
  console.log(other.told.at(-1)?.event)
  other.overlay.drop(one.peerId)
  await one.until(() => one.count('down', other.peerId) === one.count('up', other.peerId))
}
for (const [address, length, ...flags] of [
  ['10.5.0.1', 24],
  ['fd00::5', 64, 'nodad'],
] as const) {
  const place = { address, port: 4069 }
  const add = (): void => ip('addr', 'add', `${address}/${length}`, 'dev', 'covey0', ...flags)
  console.log(address, await one.overlay.listen(place))
  add()
  console.log('there', await one.overlay.listen(place))
  await visit(place)
  ip('link', 'del', 'covey0')
  console.log('gone', await one.overlay.listen(place))
  link()
  add()
  console.log('back', await one.overlay.listen(place))
  await visit(place)
}
await Promise.all([one.overlay.stop(), other.overlay.stop()])
