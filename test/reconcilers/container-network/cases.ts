import type { Config } from '../../../protocol/documents/config.ts'
import { namespaceName, vethName } from '../../../reconcilers/container-network/names.ts'
import type { Command, HostPorts } from '../../../reconcilers/host-ports.ts'
import { configOf } from '../configs.ts'
import type { ContractDrift, ContractHost } from '../contract-suite.ts'
import { fakeNamespaces } from '../fake/containers.ts'
import { byHand } from '../wireguard/cases.ts'

const digest = `sha256:${'0'.repeat(64)}`

/** A container with an address on a network. */
export function container(network: string, address: string, more: object = {}): object {
  return { type: 'runc_container', image: `r/i@${digest}`, network, address, ...more }
}

/** Bridges that stand for WireGuard here: they have the addresses that its links would have. */
export const tunnels: Readonly<Record<'wg' | 'six', string>> = { wg: 'br_wg', six: 'br_six' }

const wg = { type: 'wireguard_network', link_name: tunnels.wg, address: '10.69.0.1/16' }
const six = {
  type: 'wireguard_network',
  link_name: tunnels.six,
  address: 'fd00:69::1/32',
  listen_port: 51821,
  mtu: 1380,
}
const network = { type: 'container_network', network: 'wg', subnet: '10.69.1.0/24' }
const network6 = { type: 'container_network', network: 'six', subnet: 'fd00:69:1::/64' }
const local = { type: 'container_network', subnet: '192.168.77.0/24' }

/** Objects that the configs are put together from. */
export const sections: Readonly<Record<'first' | 'more' | 'moved' | 'less', object>> = {
  first: {
    wg,
    six,
    cn: network,
    cn6: network6,
    web: container('cn', '10.69.1.5'),
    db: container('cn', '10.69.1.6'),
    web6: container('cn6', 'fd00:69:1::5'),
  },
  more: {
    wg,
    six,
    cn: { ...network, subnet6: 'fd00:88::/64' },
    cn6: network6,
    lan: { ...local, subnet6: 'fd00:77::/64' },
    // One that has IPv4 gets IPv6 as well.
    web: container('cn', '10.69.1.5', { address6: 'fd00:88::5' }),
    db: container('cn', '10.69.1.6'),
    web6: container('cn6', 'fd00:69:1::5'),
    cache: container('lan', '192.168.77.9', { address6: 'fd00:77::9' }),
  },
  // Addresses change hands, one goes to the other family, and the MTU is another.
  moved: {
    wg: { ...wg, mtu: 1300 },
    six,
    cn: network,
    cn6: network6,
    lan: { ...local, subnet: '192.168.78.0/24' },
    web: container('cn', '10.69.1.6'),
    db: container('cn', '10.69.1.5'),
    web6: container('cn', '10.69.1.7'),
    cache: container('cn6', 'fd00:69:1::9'),
  },
  less: { wg, cn: network, db: container('cn', '10.69.1.6') },
}

/** Configs of host `a`, each reached from the one before. */
export const networkConfigs: readonly { readonly name: string; readonly config: Config }[] = [
  { name: 'two families', config: configOf({ a: sections.first }) },
  { name: 'a network of the own', config: configOf({ a: sections.more }) },
  { name: 'addresses that change hands', config: configOf({ a: sections.moved }) },
  { name: 'one that is left', config: configOf({ a: sections.less }) },
  { name: 'nothing at all', config: configOf({ a: {} }) },
  { name: 'all of it again', config: configOf({ a: sections.more }) },
]

/** `ip` with words of a text. */
export function ip(text: string): Command {
  return { tool: 'ip', args: text.split(' ') }
}

/** Makes the links that stand for WireGuard. */
export async function makeTunnels(ports: HostPorts): Promise<void> {
  for (const [link, address] of [
    [tunnels.wg, '10.69.0.1/16'],
    [tunnels.six, 'fd00:69::1/32'],
  ]) {
    await byHand(ports, ip(`link add dev ${link} type bridge`))
    await byHand(ports, ip(`link set dev ${link} up`))
    const quiet = link === tunnels.six ? ' nodad' : ''
    await byHand(ports, ip(`addr replace ${address} dev ${link}${quiet}`))
  }
}

/** Changes that others make to covey's things. */
export function networkDrifts(): readonly ContractDrift[] {
  const hand =
    (...texts: readonly string[]) =>
    async (host: ContractHost): Promise<void> => {
      for (const text of texts) await byHand(host.ports, ip(text))
    }
  const web = vethName('web')
  const web6 = vethName('web6')
  const inside = namespaceName('web', fakeNamespaces)
  return [
    { name: 'the link is deleted', happen: hand(`link del dev ${web}`) },
    { name: 'the link is down', happen: hand(`link set dev ${web} down`) },
    { name: 'the link for IPv6 is down', happen: hand(`link set dev ${web6} down`) },
    { name: 'the mtu is another', happen: hand(`link set dev ${web} mtu 1300`) },
    { name: 'the alias is gone', happen: hand(`link set dev ${web} alias covey:web`) },
    { name: 'the gateway is gone', happen: hand(`addr del 169.254.1.1/32 dev ${web} scope link`) },
    { name: 'the gateway for IPv6 is gone', happen: hand(`addr del fe80::1/64 dev ${web6}`) },
    { name: 'a route is gone', happen: hand(`route del 10.69.1.5/32 dev ${web} proto 190`) },
    {
      name: 'there is a route too many',
      happen: hand(`route add 10.69.1.99/32 dev ${web} proto 190`),
    },
    { name: 'the subnet leads on', happen: hand('route del unreachable 10.69.1.0/24 proto 190') },
    {
      name: 'there is a subnet too many',
      happen: hand('route add unreachable 10.69.9.0/24 proto 190'),
    },
    { name: 'the end inside is down', happen: hand(`-n ${inside} link set dev eth0 down`) },
    {
      name: 'the namespace is deleted',
      happen: hand(`link del dev ${web}`, `netns del ${inside}`),
    },
    {
      name: 'the namespace is another',
      happen: hand(`link del dev ${web}`, `netns del ${inside}`, `netns add ${inside}`),
    },
    {
      name: 'a namespace and a link are left that nobody wants',
      happen: hand(
        'netns add covey-gone',
        'link add dev cv-gone mtu 1500 type veth peer name eth0 mtu 1500 netns covey-gone',
        'link set dev cv-gone alias covey:gone',
        'netns add covey.00000000.left',
      ),
    },
    {
      name: 'the host forwards no longer',
      happen: ({ ports }) =>
        byHand(ports, { tool: 'sysctl', args: ['-q', '-w', 'net/ipv4/conf/all/forwarding=0'] }),
    },
  ]
}

/** A bridge, a route over it into covey's range and a link into a namespace, without marks. */
export async function makeForeign({ ports }: ContractHost): Promise<void> {
  await byHand(ports, ip('link add dev br_theirs type bridge'))
  await byHand(ports, ip('link set dev br_theirs up'))
  await byHand(ports, ip('route add 10.69.1.200/32 dev br_theirs proto 190'))
  await byHand(ports, ip('netns add theirs'))
  const sizes = ['mtu', '1500']
  const peer = ['peer', 'name', 'eth0', ...sizes, 'netns', 'theirs']
  const args = ['link', 'add', 'dev', 've_theirs', ...sizes, 'type', 'veth', ...peer]
  await byHand(ports, { tool: 'ip', args })
  await byHand(ports, ip('route add unreachable 10.98.0.0/16 proto 4'))
}
