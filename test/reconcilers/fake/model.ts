import { type Cidr, cidrText } from '../../../reconcilers/addresses.ts'
import type { CommandResult } from '../../../reconcilers/host-ports.ts'
import type { PeerSeen } from '../../../reconcilers/tools/wg.ts'

/** A link of the fake host. */
export interface FakeLink {
  readonly kind: string
  alias: string | null
  mtu: number
  up: boolean
  addresses: Cidr[]
  device: FakeDevice | null
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
  readonly link: string
  readonly protocol: number
}

/** The state of the fake host. */
export interface FakeModel {
  readonly links: Map<string, FakeLink>
  routes: FakeRoute[]
  readonly files: Map<string, string>
  /** Temporary files, by absolute path; empty between commands. */
  readonly temporary: Map<string, string>
  readonly names: Map<string, readonly string[]>
  /** Whether the kernel has WireGuard; else `wireguard-go` makes links. */
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

/** The state as text, a line for each thing, to compare by. */
export function modelText(model: FakeModel): string {
  const lines: string[] = []
  for (const [name, link] of model.links) {
    const addresses = link.addresses.map(cidrText).join(' ')
    const state = `${link.up ? 'up' : 'down'} mtu ${link.mtu} alias ${link.alias}`
    lines.push(`link ${name} ${link.kind} ${state} ${addresses}`.trimEnd())
    for (const peer of link.device?.peers.values() ?? []) {
      const keepalive = `keepalive ${peer.keepaliveSeconds}`
      const allowed = peer.allowedIps.join(',')
      lines.push(`peer ${name} ${peer.publicKey} ${peer.endpoint} ${allowed} ${keepalive}`)
    }
  }
  for (const { destination, link, protocol } of model.routes) {
    lines.push(`route ${cidrText(destination)} dev ${link} proto ${protocol}`)
  }
  return lines.sort().join('\n')
}

/** Removes a link, and with it the routes over it. */
export function removeLink(model: FakeModel, name: string): void {
  model.links.delete(name)
  model.routes = model.routes.filter((route) => route.link !== name)
}

/** A link as it is when it is new. */
export function makeLink(kind: string): FakeLink {
  const isTunnel = kind === 'wireguard' || kind === 'tun'
  const device = isTunnel
    ? { publicKey: null, listenPort: 0, isDead: false, peers: new Map() }
    : null
  return { kind, alias: null, mtu: isTunnel ? 1420 : 1500, up: false, addresses: [], device }
}
