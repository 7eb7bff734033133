import {
  type Address,
  type Cidr,
  contains,
  hostNetwork,
  parseAddress,
  parseCidr,
} from '../../addresses.ts'
import type { HostResolvers } from '../../container-facts.ts'
import type { DnsObject } from '../relations/name-fields.ts'
import {
  resolverOptionsMax,
  resolverSortsMax,
  resolversMax,
  searchCharactersMax,
  searchDomainsMax,
} from './limits.ts'

/** Ranges that mean a different machine inside a container than on its host. */
const ownRanges: readonly Cidr[] = ['127.0.0.0/8', '0.0.0.0/32', '::1/128', '::/128', 'fe80::/10']
  .concat(['169.254.0.0/16', '::ffff:0:0/96'])
  .flatMap((text) => parseCidr(text) ?? [])

/** True if a container of a family can query that address: not a loopback or link-local one. */
function isReached(text: string, family: Address['family']): boolean {
  const address = parseAddress(text)
  if (address?.family !== family) return false
  return !ownRanges.some((range) => contains(range, hostNetwork(address)))
}

function linesOf(text: string): readonly (readonly string[])[] {
  return text.split('\n').map((line) => line.trim().split(/\s+/))
}

function resolversIn(text: string, family: Address['family']): readonly string[] {
  const named = linesOf(text).flatMap(([keyword, address = '']) =>
    keyword === 'nameserver' ? [address] : [],
  )
  return [...new Set(named)].filter((address) => isReached(address, family))
}

/** The first words that fit into the limits. */
function fitting(words: readonly string[], wordsMax: number): readonly string[] {
  let characters = 0
  const isOver = (word: string): boolean => {
    characters += word.length + 1
    return characters > searchCharactersMax
  }
  const end = words.findIndex(isOver)
  return words.slice(0, Math.min(wordsMax, end < 0 ? words.length : end))
}

/**
 * Lines of the host's file other than its resolvers: the last `search` or `domain` line, which is
 * the one that counts, all options and the last `sortlist`, within what C libraries read
 * (resolv.conf(5)).
 */
function otherLines(text: string, isUpstream: boolean): readonly string[] {
  const all = linesOf(text).filter((words) => words.length > 1)
  const wordsOf = (...keywords: readonly string[]): readonly (readonly string[])[] =>
    all.filter(([keyword = '']) => keywords.includes(keyword))
  const [searchKeyword = '', ...domains] = wordsOf('search', 'domain').at(-1) ?? []
  const [, ...sorts] = wordsOf('sortlist').at(-1) ?? []
  const options = wordsOf('options').flatMap(([, ...words]) => words)
  // Only a resolver on the host is trusted to have validated answers (RFC 6840).
  const believed = options.filter((option) => !isUpstream || option !== 'trust-ad')
  const lines: readonly (readonly [string, readonly string[]])[] = [
    [searchKeyword, fitting(domains, searchKeyword === 'domain' ? 1 : searchDomainsMax)],
    ['options', fitting([...new Set(believed)], resolverOptionsMax)],
    ['sortlist', fitting(sorts, resolverSortsMax)],
  ]
  return lines.flatMap(([keyword, words]) =>
    words.length === 0 ? [] : [[keyword, ...words].join(' ')],
  )
}

/**
 * `/etc/resolv.conf` for a container in a network of its own (resolv.conf(5)): the host's, without
 * resolvers that such a container cannot reach, such as those of the other family or at a loopback
 * address. If none is left, it has the upstream resolvers of the host's local resolver; without
 * those, none at all, so that a query fails at once. It never names anybody else's resolver: the
 * names that a container asks for are not told to strangers.
 */
export function resolvConfFor(host: HostResolvers, family: Address['family']): string {
  const own = resolversIn(host.resolvConf, family)
  const isUpstream = own.length === 0
  const resolvers = isUpstream ? resolversIn(host.upstreamResolvConf ?? '', family) : own
  const lines = resolvers.slice(0, resolversMax).map((address) => `nameserver ${address}`)
  const rest = otherLines(host.resolvConf, isUpstream)
  return [...lines, ...rest].map((line) => `${line}\n`).join('')
}

/**
 * `/etc/resolv.conf` for a container of a family, or on the host's own network (null): what its
 * object says of names, and the host's where that says nothing. Whom the object names is asked
 * whoever that is, as one may serve names within the container's own network.
 */
export function resolvConfOf(
  host: HostResolvers,
  family: Address['family'] | null,
  dns: DnsObject | undefined,
): string {
  const usual = family === null ? host.resolvConf : resolvConfFor(host, family)
  if (dns === undefined) return usual
  const of = (...keywords: readonly string[]): readonly (readonly string[])[] =>
    linesOf(usual).filter(([keyword = '']) => keywords.includes(keyword))
  const lines = [
    ...(dns.servers?.map((each) => ['nameserver', each]) ?? of('nameserver')),
    ...(dns.search ? [['search', ...dns.search]] : of('search', 'domain')),
    ...(dns.options ? [['options', ...dns.options]] : of('options')),
    ...of('sortlist'),
  ]
  const full = lines.filter((words) => words.length > 1)
  return full.map((words) => `${words.join(' ')}\n`).join('')
}

/** True if the text of a container's `/etc/resolv.conf` names a resolver. */
export function namesResolver(text: string): boolean {
  return /^nameserver /m.test(text)
}
