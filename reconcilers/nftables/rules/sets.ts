import { families } from './form.ts'

/** A set, or a map where it has a value; the rules look things up in it. */
export interface SetShape {
  readonly name: string
  readonly key: readonly string[]
  readonly value?: readonly string[]
  /** Its type in the words of nft(8), where `key` and `value` are no names of types. */
  readonly declaration?: string
  /** True if elements may be ranges. */
  readonly ranges: boolean
}

const flow = (address: string): readonly string[] => [
  address,
  address,
  'inet_proto',
  'inet_service',
]
const place = ['inet_proto', 'inet_service']

/**
 * Every set and map of the table. What closes something is never a set of ranges that change: older
 * kernels take such changes over a moment after the others of their transaction.
 */
export const setShapes: readonly SetShape[] = [
  /** WireGuard links. */
  { name: 'links', key: ['ifname'], ranges: false },
  /** UDP ports of WireGuard. */
  { name: 'tunnel_ports', key: ['inet_service'], ranges: false },
  /** Ports by which people get in, of /etc/covey/rescue.json. */
  { name: 'rescue_ports', key: place, ranges: true },
  /** Zone of what a published port leads to: for the mesh, who is near, and everybody. */
  ...['mesh', 'lan', 'public'].map((whom): SetShape => {
    const declaration = 'typeof meta l4proto . th dport : ct zone'
    return { name: `zones_${whom}`, key: place, value: ['zone'], declaration, ranges: false }
  }),
  /** The same by the port alone, which is where an error's packet came from. */
  ...['tcp', 'udp'].map((protocol): SetShape => {
    const declaration = 'typeof @th,224,16 : ct zone'
    return {
      name: `errors_${protocol}`,
      key: ['port'],
      value: ['zone'],
      declaration,
      ranges: false,
    }
  }),
  ...families.flatMap(({ number, addressType: address }): readonly SetShape[] => {
    const named = (name: string, key: readonly string[], ranges: boolean): SetShape => ({
      name: `${name}${number}`,
      key,
      ranges,
    })
    const map = (name: string, key: readonly string[]): SetShape => ({
      name: `${name}${number}`,
      key,
      value: [address, 'inet_service'],
      ranges: false,
    })
    return [
      /** All containers of this host, and those of them whose flows are judged. */
      named('containers', [address], false),
      named('judged', [address], false),
      /** Which link may send from which address. */
      named('sources', ['ifname', address], false),
      /** This host's addresses in the mesh, and those of its containers that the mesh reaches. */
      named('own', [address], false),
      /**
       * Networks behind WireGuard links, and those of them that belong to other hosts' containers.
       */
      named('mesh', [address], true),
      named('strangers', [address], true),
      /** Containers that may ask exactly what `egress` says. */
      named('restricted', [address], false),
      named('egress', flow(address), true),
      named('ingress', flow(address), true),
      /** Link-local and metadata addresses, and hosts: in the mesh, and where tunnels find them. */
      named('guarded', [address], true),
      named('hosts', [address], false),
      /** Those of them that a container may use, and ports there that are open to everyone. */
      named('opened', flow(address), true),
      named('services', [address, ...place], false),
      /** Services of this host itself that its own containers may use, and those of others. */
      named('host', flow(address), true),
      named('invited', flow(address), true),
      /** Which container may ask what lies behind which link. */
      named('forwards', [address, 'ifname'], false),
      named('masqueraded', [address], false),
      /** Networks that count as near, for ports that are published on the LAN. */
      named('private', [address], true),
      /** Containers that may come back to themselves by a published port. */
      named('hairpins', [address, address], false),
      /** Who may come to the overlay's port (from, to, port), and where that port is. */
      named('overlay', [address, address, 'inet_service'], false),
      named('overlay_ports', [address, 'inet_service'], false),
      /** Published ports: on one address of this host, on all for who is near, on all. */
      map('on_network', [address, ...place]),
      map('on_lan', place),
      map('on_public', place),
      /** The same as flows: what was asked, and what it leads to. */
      named('led_network', [address, ...place, address, 'inet_service'], false),
      named('led_lan', [...place, address, 'inet_service'], false),
      named('led_public', [...place, address, 'inet_service'], false),
    ]
  }),
]
