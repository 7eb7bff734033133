import assert from 'node:assert/strict'
import type { Config } from '../../../protocol/documents/config.ts'
import type { PeerSeen } from '../../../reconcilers/tools/wg.ts'
import { wireguard } from '../../../reconcilers/wireguard/index.ts'
import { configOf } from '../configs.ts'
import { reconcile } from '../contract-suite.ts'
import type { FakeHost } from '../fake/host.ts'

const network = { type: 'wireguard_network', link_name: 'wg0', address: '10.69.0.1/16' }
/** A public key that begins with a letter. */
export const key = (letter: string): string => `${letter.repeat(42)}A=`

/** A link of host `a` with a peer for each letter, at these endpoints. */
export function config(endpoints: Readonly<Record<string, string | undefined>>): Config {
  const peers = Object.entries(endpoints).map(([letter, endpoint], at) => [
    `p${letter.toLowerCase()}`,
    {
      type: 'wireguard_peer',
      network: 'wg',
      allowed_ips: [`10.69.${at + 1}.0/24`],
      public_key: key(letter),
      ...(endpoint === undefined ? {} : { endpoint }),
    },
  ])
  return configOf({ a: { wg: network, ...Object.fromEntries(peers) } })
}

/** The peers of the link. */
export function peers(host: FakeHost): Map<string, PeerSeen> {
  const device = host.model.links.get('wg0')?.device
  assert.ok(device)
  return device.peers
}

/** One of them. */
export function peerAt(host: FakeHost, letter: string): PeerSeen {
  const peer = peers(host).get(key(letter))
  assert.ok(peer)
  return peer
}

/** Acts as the other end: a handshake, from some endpoint. */
export function handshake(host: FakeHost, letter: string, endpoint?: string): void {
  const peer = peerAt(host, letter)
  const seconds = Math.floor(host.clock.now() / 1000)
  const at = endpoint ?? peer.endpoint
  peers(host).set(key(letter), { ...peer, handshakeSeconds: seconds, endpoint: at })
}

/** One round of the reconciler; what it did. */
export const round = (host: FakeHost, desired: Config): Promise<readonly string[]> =>
  reconcile(wireguard, desired, 'a', host.ports)
