import { addressText, contains, hostNetwork, parseAddress, parseCidr } from '../addresses.ts'
import type { Elements, Part } from './elements.ts'
import type { Flow } from './explain.ts'
import type { FirewallSpec } from './firewall.ts'

/** Where the routes of a host lead a packet: to itself, behind a link, or elsewhere. */
export type Way =
  | { readonly kind: 'self' | 'elsewhere' }
  | { readonly kind: 'link'; readonly link: string }

/**
 * What the rules come to over the elements of the sets, for the first packet of a flow: the kernel's
 * part, played slowly. Published ports are not followed.
 */
export function passes(elements: Elements, flow: Flow, way: Way): boolean {
  const { family } = flow.from
  const [from, to] = [addressText(flow.from), addressText(flow.to)]
  const numbers = { tcp: 6, udp: 17, icmp: family === 4 ? 1 : 58 }
  const has = (set: string, ...key: readonly (string | number)[]): boolean =>
    [...(elements.get(`${set}${family}`)?.values() ?? [])].some((element) =>
      element.key.every((part, index) => holds(part, key[index] ?? '')),
    )
  const quad = [from, to, numbers[flow.protocol], flow.port] as const
  if (way.kind === 'self') return !has('containers', from) || has('host', ...quad)
  if (has('containers', from) && has('guarded', to) && !has('opened', ...quad)) return false
  if (has('judged', from) && !passesOut(has, from, to, quad, way)) return false
  return !has('judged', to) || has('ingress', ...quad)
}

/** The way of a flow, from the config. */
export function wayOf(spec: FirewallSpec, { to }: Flow): Way {
  const target = hostNetwork(to)
  const isSelf = spec.links.some(({ address }) => contains(hostNetwork(address), target))
  if (isSelf) return { kind: 'self' }
  const behind = spec.reach.find(({ networks }) => networks.some((each) => contains(each, target)))
  return behind === undefined ? { kind: 'elsewhere' } : { kind: 'link', link: behind.link }
}

function passesOut(
  has: (set: string, ...key: readonly (string | number)[]) => boolean,
  from: string,
  to: string,
  quad: readonly (string | number)[],
  way: Way,
): boolean {
  if (has('restricted', from)) return has('egress', ...quad)
  if (has('judged', to)) return true
  if (way.kind === 'link') return has('forwards', from, way.link)
  return has('masqueraded', from)
}

function holds(part: Part, value: string | number): boolean {
  if (typeof part !== 'object') return String(part) === String(value)
  const address = parseAddress(String(value))
  if ('prefix' in part) {
    const range = parseCidr(`${part.prefix.addr}/${part.prefix.len}`)
    return range !== undefined && address !== undefined && contains(range, hostNetwork(address))
  }
  const [first, last] = part.range
  if (typeof first === 'number' || typeof last === 'number') {
    return Number(first) <= Number(value) && Number(value) <= Number(last)
  }
  const [low, high] = [parseAddress(first)?.bits, parseAddress(last)?.bits]
  if (low === undefined || high === undefined || address === undefined) return false
  return low <= address.bits && address.bits <= high
}
