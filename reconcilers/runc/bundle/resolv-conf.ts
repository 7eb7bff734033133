import { type Cidr, contains, hostNetwork, parseAddress, parseCidr } from '../../addresses.ts'
import { resolversMax } from './limits.ts'

/** Ranges that mean another machine inside a container than on its host. */
const ownRanges: readonly Cidr[] = ['127.0.0.0/8', '0.0.0.0/32', '::1/128', '::/128', 'fe80::/10']
  .concat(['169.254.0.0/16'])
  .flatMap((text) => parseCidr(text) ?? [])

/** What a container must not take for its own: a line that names a loopback or a link. */
function reachesOut(address: string): boolean {
  const parsed = parseAddress(address)
  return parsed !== undefined && !ownRanges.some((range) => contains(range, hostNetwork(parsed)))
}

function wordsOf(text: string): readonly (readonly string[])[] {
  return text.split('\n').map((line) => line.trim().split(/\s+/))
}

function resolversIn(text: string): readonly string[] {
  return wordsOf(text)
    .flatMap(([keyword, address = '']) => (keyword === 'nameserver' ? [address] : []))
    .filter(reachesOut)
}

/**
 * `/etc/resolv.conf` for a container in a network of its own (resolv.conf(5)): the host's, but for
 * resolvers that only the host itself reaches, as a loopback address. Where none is left, those
 * that the host's local resolver asks, from `upstream`; where there are none either, none at all,
 * so that a question fails at once. Nobody else's resolver is ever put in: names that a container
 * asks for are not told to strangers.
 */
export function resolvConfFor(host: string, upstream: string | null): string {
  const own = resolversIn(host)
  const resolvers = own.length > 0 ? own : resolversIn(upstream ?? '')
  const rest = wordsOf(host).flatMap((words) => {
    const isKept = ['search', 'domain', 'options', 'sortlist'].includes(words[0] ?? '')
    return isKept ? [words.join(' ')] : []
  })
  const lines = resolvers.slice(0, resolversMax).map((address) => `nameserver ${address}`)
  return [...lines, ...rest].map((line) => `${line}\n`).join('')
}
