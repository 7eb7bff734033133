import { type Cidr, cidrText } from '../../../reconcilers/addresses.ts'
import type { CommandResult } from '../../../reconcilers/host-ports.ts'
import type { PeerSeen } from '../../../reconcilers/tools/wg.ts'
import type { KeyPair } from './keys.ts'

/** A link of the fake host. */
export interface FakeLink {
  readonly kind: string
  alias: string | null
  hardware: string | null
  mtu: number
  up: boolean
  addresses: Cidr[]
  linkLocal: Cidr[]
  device: FakeDevice | null
  /** Where its other end is; null for a link that has none. */
  readonly peer: FakeNamespace | null
}

/** A network namespace of the fake host. */
export interface FakeNamespace {
  /** Number by which the host knows it, once a link leads into it. */
  number: number | null
  /** True if processes would keep it when its name goes. */
  isHeld: boolean
  loopbackUp: boolean
  /** The other end of a link, where there is one. */
  eth0: FakeInside | null
}

/** The end of a link inside a namespace. */
interface FakeInside {
  readonly hardware: string
  mtu: number
  up: boolean
  /** Texts, as they were given. */
  readonly addresses: Set<string>
  /** Ways by their destinations. */
  readonly routes: Map<string, string>
}

/** A WireGuard device of the fake host. */
export interface FakeDevice {
  publicKey: string | null
  listenPort: number
  /** A `wireguard-go` whose socket is gone does not answer. */
  isDead: boolean
  peers: Map<string, PeerSeen>
}

/** A route of the fake host. */
export interface FakeRoute {
  readonly destination: Cidr
  /** Null for one that answers as unreachable. */
  readonly link: string | null
  readonly protocol: number
  readonly source?: string | null
  /** Null or absent for what the kernel takes by itself. */
  readonly metric?: number | null
}

/** The state of the fake host. */
export interface FakeModel {
  readonly links: Map<string, FakeLink>
  routes: FakeRoute[]
  /** By name; null for a bare file in /run/netns. */
  readonly namespaces: Map<string, FakeNamespace | null>
  /** Kernel settings that somebody has written. */
  readonly settings: Map<string, number>
  readonly files: Map<string, string>
  /** Temporary files, by absolute path; empty between commands. */
  readonly temporary: Map<string, string>
  readonly names: Map<string, readonly string[]>
  /** Families in which there is no way to anybody outside. */
  readonly unrouted: Set<4 | 6>
  /** True if the kernel has WireGuard; else `wireguard-go` makes links. */
  hasKernelWireguard: boolean
  /** Public key of each private key. */
  readonly publicKeys: Map<string, string>
  /** Tools that answer with this instead of working. */
  readonly broken: Map<string, CommandResult | Error>
}

export const done: CommandResult = { exitCode: 0, stdout: '', stderr: '' }

/** A tool that fails and says why. */
export function failed(stderr: string, exitCode: number = 1): CommandResult {
  return { exitCode, stdout: '', stderr: `${stderr}\n` }
}

/** A host with nothing on it but WireGuard keys. */
export function createModel(keys: readonly KeyPair[]): FakeModel {
  return {
    links: new Map(),
    routes: [],
    namespaces: new Map(),
    settings: new Map(),
    files: new Map(),
    temporary: new Map(),
    names: new Map(),
    unrouted: new Set(),
    hasKernelWireguard: true,
    publicKeys: new Map(keys.map((pair) => [pair.privateKey, pair.publicKey])),
    broken: new Map(),
  }
}

/** The state as text, a line for each thing, to compare by. */
export function modelText(model: FakeModel): string {
  const lines: string[] = []
  for (const [name, link] of model.links) {
    const addresses = [...link.addresses, ...link.linkLocal].map(cidrText).join(' ')
    const state = `${link.up ? 'up' : 'down'} mtu ${link.mtu} alias ${link.alias}`
    lines.push(`link ${name} ${link.kind} ${state} ${addresses}`.trimEnd())
    if (link.peer !== null) lines.push(`link ${name} leads to ${nameOf(model, link.peer)}`)
    for (const peer of link.device?.peers.values() ?? []) {
      const keepalive = `keepalive ${peer.keepaliveSeconds}`
      const allowed = peer.allowedIps.join(',')
      lines.push(`peer ${name} ${peer.publicKey} ${peer.endpoint} ${allowed} ${keepalive}`)
    }
  }
  for (const { destination, link, protocol, source, metric } of model.routes) {
    const way = link === null ? 'unreachable' : `dev ${link}`
    const from = source == null ? '' : ` src ${source}`
    const behind = metric == null ? '' : ` metric ${metric}`
    lines.push(`route ${cidrText(destination)} ${way} proto ${protocol}${from}${behind}`)
  }
  for (const [name, namespace] of model.namespaces) {
    lines.push(`netns ${name} ${namespace === null ? 'bare file' : insideText(namespace)}`)
  }
  for (const [name, value] of model.settings) lines.push(`setting ${name} ${value}`)
  return lines.sort().join('\n')
}

function nameOf(model: FakeModel, namespace: FakeNamespace): string {
  const [name] = [...model.namespaces].find(([, each]) => each === namespace) ?? []
  return name ?? 'nowhere'
}

function insideText({ loopbackUp, eth0 }: FakeNamespace): string {
  const loopback = `lo ${loopbackUp ? 'up' : 'down'}`
  if (eth0 === null) return loopback
  const routes = [...eth0.routes].map(([to, way]) => `${to} ${way}`)
  const state = `${eth0.hardware} ${eth0.up ? 'up' : 'down'} mtu ${eth0.mtu}`
  return [loopback, 'eth0', state, ...eth0.addresses, ...routes].join(' ')
}

/** Removes a link, and with it its other end and the routes over it. */
export function removeLink(model: FakeModel, name: string): void {
  const link = model.links.get(name)
  if (link?.peer) link.peer.eth0 = null
  model.links.delete(name)
  model.routes = model.routes.filter((route) => route.link !== name)
  const prefix = new RegExp(`^net/ipv[46]/conf/${name}/`)
  for (const setting of model.settings.keys()) {
    if (prefix.test(setting)) model.settings.delete(setting)
  }
}

/** A link as it is when it is new. */
export function makeLink(kind: string, peer: FakeNamespace | null = null): FakeLink {
  const isTunnel = kind === 'wireguard' || kind === 'tun'
  const device = isTunnel
    ? { publicKey: null, listenPort: 0, isDead: false, peers: new Map() }
    : null
  const state = { alias: null, hardware: null, mtu: isTunnel ? 1420 : 1500, up: false }
  return { kind, ...state, addresses: [], linkLocal: [], device, peer }
}
