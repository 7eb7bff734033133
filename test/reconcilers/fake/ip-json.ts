import { addressText, type Cidr, cidrText, hostNetwork } from '../../../reconcilers/addresses.ts'
import type { FakeLink, FakeModel } from './model.ts'

/** `ip -json -details addr show`. */
export function linksJson(model: FakeModel): unknown {
  return [...model.links].map(([ifname, link]) => ({
    ifname,
    flags: ['POINTOPOINT', ...(link.up ? ['UP'] : []), ...(isRunning(link) ? ['LOWER_UP'] : [])],
    mtu: link.mtu,
    ...(link.alias === null ? {} : { ifalias: link.alias }),
    ...(link.hardware === null ? {} : { address: link.hardware }),
    ...(link.peer?.number == null ? {} : { link_netnsid: link.peer.number }),
    linkinfo: { info_kind: link.kind },
    addr_info: [
      ...link.addresses.map((address) => addressJson(address, 'global')),
      ...link.linkLocal.map((address) => addressJson(address, 'link')),
    ],
  }))
}

/** A link with an end in a namespace runs while both ends are up. */
function isRunning(link: FakeLink): boolean {
  return link.up && (link.peer === null || link.peer.eth0?.up === true)
}

function addressJson(address: Cidr, scope: string): unknown {
  const family = address.family === 4 ? 'inet' : 'inet6'
  return { family, local: addressText(address), prefixlen: address.length, scope }
}

/** `ip -json -details route show table all proto 190`. */
export function routesJson(model: FakeModel): unknown {
  return routesOf(model, 190)
}

/** `ip -json -6 route show table all proto ra`; RTPROT_RA is 9. */
export function learnedJson(model: FakeModel): unknown {
  return routesOf(model, 9)
}

function routesOf(model: FakeModel, protocol: number): unknown {
  const own = model.routes.filter((route) => route.protocol === protocol)
  return own.map(({ destination, link, source, metric }) => {
    const host = hostNetwork(destination)
    const isHost = cidrText(host) === cidrText(destination)
    const dst = isHost ? addressText(destination) : cidrText(destination)
    const from = source == null ? {} : { prefsrc: source }
    if (link !== null) return { type: 'unicast', dst, dev: link, table: 'main', flags: [], ...from }
    const device = destination.family === 6 ? { dev: 'lo' } : {}
    const behind = metric == null ? {} : { metric }
    return { type: 'unreachable', dst, ...device, table: 'main', ...behind, flags: [] }
  })
}

/** `ip -json netns list`. */
export function namespacesJson(model: FakeModel): unknown {
  return [...model.namespaces].map(([name, namespace]) =>
    namespace?.number == null ? { name } : { name, id: namespace.number },
  )
}

/** `ip -json netconf show`. */
export function netconfJson(model: FakeModel): unknown {
  const names = ['all', 'default', ...model.links.keys()]
  return ([4, 6] as const).flatMap((family) =>
    names.map((name) => ({
      family: family === 4 ? 'inet' : 'inet6',
      interface: name,
      forwarding: model.settings.get(`net/ipv${family}/conf/${name}/forwarding`) === 1,
    })),
  )
}
