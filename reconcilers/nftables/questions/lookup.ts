import {
  type Address,
  addressText,
  contains,
  hostNetwork,
  parseAddress,
  parseCidr,
} from '../../addresses.ts'
import { type Elements, keyOf, partsOf } from '../elements/elements.ts'
import type { FirewallSpec } from '../flows/firewall.ts'
import type { Flow } from './explain.ts'

/**
 * Where the routes of a host lead a packet: to itself, behind a link, or elsewhere; `sent` where
 * the host itself has sent it, and nothing of covey's is in its way.
 */
export type Way =
  | { readonly kind: 'self' | 'elsewhere' | 'sent' }
  | { readonly kind: 'link'; readonly link: string }

/**
 * Applies the rules to the elements of the sets, for the first packet of a flow, as the kernel
 * does; true if the packet passes. A published port is followed where the way is to this host.
 */
export function passes(elements: Elements, flow: Flow, way: Way): boolean {
  if (way.kind === 'sent') return true
  const { family } = flow.from
  const [from, to] = [addressText(flow.from), addressText(flow.to)]
  const numbers = { tcp: 6, udp: 17, icmp: family === 4 ? 1 : 58 }
  const find: Find = (set, ...key) =>
    [...(elements.get(`${set}${family}`) ?? [])].find((element) =>
      partsOf(keyOf(element)).every((part, index) => holds(part, String(key[index] ?? ''))),
    )
  const has: Has = (set, ...key) => find(set, ...key) !== undefined
  const quad: Quad = [from, to, numbers[flow.protocol], flow.port]
  const isOwn = has('containers', from)
  if (way.kind === 'self') {
    const led = ledOn(find, quad)
    if (led !== null) return passesLed(has, quad, led, way)
    return isOwn ? has('host', ...quad) : invites(has, from, quad)
  }
  if (isOwn && way.kind === 'elsewhere' && has('mesh', to)) return false
  const isGuarded = has('guarded', to) || has('hosts', to)
  const isOpened = has('opened', ...quad) || has('services', to, quad[2], quad[3])
  if (isOwn && isGuarded && !isOpened) return false
  if (has('judged', from) && !passesOut(has, quad, way)) return false
  return !has('judged', to) || has('ingress', ...quad)
}

type Find = (set: string, ...key: readonly (string | number)[]) => string | undefined
type Has = (set: string, ...key: readonly (string | number)[]) => boolean
/** Who asks, who is asked, protocol and port. */
type Quad = readonly [from: string, to: string, protocol: number, port: number]

function invites(has: Has, from: string, quad: Quad): boolean {
  return !has('strangers', from) || has('invited', ...quad)
}

/** The target of a flow to a published port of this host: the container and its port. */
function ledOn(find: Find, [from, to, protocol, port]: Quad): Quad | null {
  const has: Has = (set, ...key) => find(set, ...key) !== undefined
  const isOfMesh = ['containers', 'mesh', 'hosts'].some((set) => has(set, from))
  const element =
    (isOfMesh ? find('on_network', to, protocol, port) : undefined) ??
    (has('private', from) ? find('on_lan', protocol, port) : undefined) ??
    find('on_public', protocol, port)
  const [target, ledPort] = partsOf(element?.split(' : ')[1] ?? '')
  return target && ledPort ? [from, target, protocol, Number(ledPort)] : null
}

/** True if a flow may come to the container to which a published port leads it. */
function passesLed(has: Has, asked: Quad, led: Quad, way: Way): boolean {
  const [from, place, protocol, port] = asked
  const [, to, , ledPort] = led
  if (has('judged', from) && !passesOut(has, led, way)) return false
  const leading = [protocol, port, to, ledPort]
  if (!has('judged', to) || has('led_network', place, ...leading)) return true
  if (has('private', from) && has('led_lan', ...leading)) return true
  return has('led_public', ...leading) || has('ingress', ...led)
}

/** The way of a flow, from the config and from addresses that the host has besides. */
export function wayOf(
  spec: FirewallSpec,
  { from, to }: Flow,
  besides: readonly Address[] = [],
): Way {
  const target = hostNetwork(to)
  const own = [...spec.links.map(({ address }) => address), ...besides].map(hostNetwork)
  if (own.some((each) => contains(each, hostNetwork(from)))) return { kind: 'sent' }
  if (own.some((each) => contains(each, target))) return { kind: 'self' }
  const behind = spec.reach.find(({ networks }) => networks.some((each) => contains(each, target)))
  return behind === undefined ? { kind: 'elsewhere' } : { kind: 'link', link: behind.link }
}

function passesOut(has: Has, quad: Quad, way: Way): boolean {
  const [from, to] = quad
  if (has('restricted', from)) return has('egress', ...quad)
  if (has('judged', to)) return true
  if (way.kind === 'link') return has('forwards', from, way.link)
  return has('masqueraded', from)
}

/** True if a part of an element, a value, a network or a range, holds a value. */
function holds(part: string, value: string): boolean {
  if (part === value) return true
  const address = parseAddress(value)
  const network = parseCidr(part)
  if (network !== undefined) return address !== undefined && contains(network, hostNetwork(address))
  const [, first = '', last = ''] = /^([\da-f.:]+)-([\da-f.:]+)$/.exec(part) ?? []
  if (address === undefined) {
    return /^\d+$/.test(first) && Number(first) <= Number(value) && Number(value) <= Number(last)
  }
  const [low, high] = [parseAddress(first), parseAddress(last)]
  if (low?.family !== address.family || high === undefined) return false
  return low.bits <= address.bits && address.bits <= high.bits
}
