import type { Config } from '../../../protocol/documents/config.ts'
import type { Command, HostPorts } from '../../../reconcilers/host-ports.ts'
import { configOf } from '../configs.ts'
import type { ContractDrift, ContractHost } from '../contract-suite.ts'
import { makeKeyPair } from '../fake/keys.ts'

/**
 * Names of links that no other test on this machine uses: sockets of `wireguard-go` share a folder.
 */
export interface LinkNames {
  readonly wg: string
  readonly second: string
  readonly foreign: string
  readonly bridge: string
}

const peerKeys = [makeKeyPair(), makeKeyPair(), makeKeyPair()].map((pair) => pair.publicKey)

function keyAt(at: number): string {
  const key = peerKeys[at]
  if (key === undefined) throw new RangeError(`no key ${at}`)
  return key
}

/** Keys of the peers, in the order of the hosts `b`, `c` and the explicit peer. */
export const peerKey: Readonly<Record<'b' | 'c' | 'explicit', string>> = {
  b: keyAt(0),
  c: keyAt(1),
  explicit: keyAt(2),
}

/** Objects that the configs are put together from. */
function objectsOf(names: LinkNames) {
  const network = (address: string, more: object = {}): object => ({
    type: 'wireguard_network',
    link_name: names.wg,
    address,
    listen_port: 51820,
    ...more,
  })
  const explicit = {
    type: 'wireguard_peer',
    network: 'wg',
    public_key: peerKey.explicit,
    allowed_ips: ['10.69.9.0/24', '10.69.10.0/24'],
    endpoint: '[2001:db8::9]:51820',
    persistent_keepalive: 7,
  }
  return {
    network,
    explicit,
    mesh: { type: 'wireguard_mesh', network: 'wg' },
    b: { wg: network('10.69.0.2/16', { public_key: peerKey.b, endpoint: '192.0.2.2:51820' }) },
    subnet: { type: 'container_network', network: 'wg', subnet: '10.69.2.0/24' },
    c: { wg: network('10.69.0.3/16', { public_key: peerKey.c }) },
    moved: { ...explicit, allowed_ips: ['10.69.10.0/24', '10.69.11.0/24'] },
    six: network('fd00:69::1/32', { link_name: names.second, listen_port: 51821 }),
    sixPeer: {
      type: 'wireguard_peer',
      network: 'six',
      public_key: peerKey.explicit,
      allowed_ips: ['fd00:69:9::/48', 'fd00:69::2/128'],
    },
  }
}

/** Configs of host `a`, each reached from the one before. */
export function wireguardConfigs(
  names: LinkNames,
): readonly { readonly name: string; readonly config: Config }[] {
  const { network, explicit, mesh, b, subnet, c, moved, six, sixPeer } = objectsOf(names)
  const first = { wg: network('10.69.0.1/16'), mesh, explicit }
  const both = { ...first, six, sixpeer: sixPeer }
  const thin = { ...both, wg: network('10.69.0.1/16', { mtu: 1380 }), explicit: moved }
  const seven = { ...thin, wg: network('10.69.0.7/16', { mtu: 1380 }) }
  const port = network('10.69.0.7/16', { listen_port: 51999 })
  const link = network('10.69.0.7/16', { listen_port: 51999, link_name: names.second })
  const others = { b: { ...b, subnet }, c }
  return [
    { name: 'a mesh and a peer', config: configOf({ a: first, ...others }) },
    { name: 'a second link with IPv6', config: configOf({ a: both, ...others }) },
    { name: 'other networks, a host less, another mtu', config: configOf({ a: thin, b }) },
    { name: 'another address in the same network', config: configOf({ a: seven, b }) },
    { name: 'another port, less objects', config: configOf({ a: { wg: port, mesh }, b }) },
    { name: 'another link name, same port', config: configOf({ a: { wg: link, mesh }, b }) },
    { name: 'nothing at all', config: configOf({ a: {}, b }) },
    { name: 'all of it again', config: configOf({ a: both, ...others }) },
  ]
}

const never = new AbortController().signal

/** Runs a command as a person on the host would. */
export async function byHand(ports: HostPorts, command: Command): Promise<void> {
  const result = await ports.run(command, never)
  if (result.exitCode !== 0) throw new Error(`${command.args.join(' ')}: ${result.stderr}`)
}

function ip(text: string): Command {
  return { tool: 'ip', args: text.split(' ') }
}

/** Changes that others make to covey's things. */
export function wireguardDrifts(names: LinkNames): readonly ContractDrift[] {
  const hand =
    (...commands: readonly Command[]) =>
    async (host: ContractHost): Promise<void> => {
      for (const command of commands) await byHand(host.ports, command)
    }
  const remove = ['set', names.wg, 'peer', peerKey.b, 'remove']
  const route = `10.69.2.0/24 dev ${names.wg} proto 190`
  const guard = 'proto 190 metric 4294967295'
  return [
    {
      name: 'the guard of the range is gone',
      happen: hand(ip(`route del unreachable 10.69.0.0/16 ${guard}`)),
    },
    {
      name: 'there is a guard too many',
      happen: hand(ip(`route add unreachable 10.70.0.0/16 ${guard}`)),
    },
    {
      name: 'the guard and the link are gone',
      happen: hand(
        ip(`link del dev ${names.wg}`),
        ip(`route del unreachable 10.69.0.0/16 ${guard}`),
      ),
    },
    { name: 'the link is deleted', happen: hand(ip(`link del dev ${names.wg}`)) },
    { name: 'a peer is removed', happen: hand({ tool: 'wg', args: remove }) },
    { name: 'the link is down', happen: hand(ip(`link set dev ${names.wg} down`)) },
    { name: 'the mtu is another', happen: hand(ip(`link set dev ${names.wg} mtu 1300`)) },
    { name: 'the address is gone', happen: hand(ip(`addr del 10.69.0.1/16 dev ${names.wg}`)) },
    {
      name: 'there is a second address',
      happen: hand(ip(`addr replace 10.69.0.99/16 dev ${names.wg}`)),
    },
    { name: 'a route is gone', happen: hand(ip(`route del ${route}`)) },
    {
      name: 'there is a route too many',
      happen: hand(ip(`route add 10.69.77.0/24 dev ${names.wg} proto 190`)),
    },
  ]
}

/** A bridge, a route over it into covey's range, and a WireGuard link without covey's alias. */
export async function makeForeign(host: ContractHost, names: LinkNames): Promise<void> {
  await byHand(host.ports, ip(`link add dev ${names.bridge} type bridge`))
  await byHand(host.ports, ip(`link set dev ${names.bridge} up`))
  await byHand(host.ports, ip(`route add 10.99.0.0/24 dev ${names.bridge} proto 4`))
  await byHand(host.ports, ip(`route add 10.99.1.0/24 dev ${names.bridge} proto 190`))
  // For the range of covey's own link, by somebody who has another idea of it.
  await byHand(host.ports, ip(`route add 10.69.0.0/16 dev ${names.bridge} proto 4 metric 7`))
  await byHand(host.ports, { tool: 'wireguard-go', args: [names.foreign] })
}
