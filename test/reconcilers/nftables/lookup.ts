import {
  addressText,
  contains,
  hostNetwork,
  parseAddress,
  parseCidr,
} from '../../../reconcilers/addresses.ts'
import type { Elements, Part } from '../../../reconcilers/nftables/elements.ts'
import type { Flow } from '../../../reconcilers/nftables/explain.ts'

/**
 * What the rules come to over the elements of the sets, for the first packet of a flow: the kernel's
 * part, played slowly. `link` is the one that the packet leaves by, or null for the outside.
 */
export function passes(elements: Elements, flow: Flow, link: string | null): boolean {
  const { family } = flow.from
  const [from, to] = [addressText(flow.from), addressText(flow.to)]
  const numbers = { tcp: 6, udp: 17, icmp: family === 4 ? 1 : 58 }
  const has = (set: string, ...key: readonly (string | number)[]): boolean =>
    [...(elements.get(`${set}${family}`)?.values() ?? [])].some((element) =>
      element.key.every((part, index) => holds(part, key[index] ?? '')),
    )
  const quad = [from, to, numbers[flow.protocol], flow.port] as const
  if (has('containers', from) && has('guarded', to) && !has('opened', ...quad)) return false
  if (has('judged', from) && !passesOut(has, from, to, quad, link)) return false
  return !has('judged', to) || has('ingress', ...quad)
}

function passesOut(
  has: (set: string, ...key: readonly (string | number)[]) => boolean,
  from: string,
  to: string,
  quad: readonly (string | number)[],
  link: string | null,
): boolean {
  if (has('restricted', from)) return has('egress', ...quad)
  if (has('judged', to)) return true
  if (link !== null) return has('forwards', from, link)
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
