import type { ListedObject } from '../tools/nft.ts'
import { tableFamily, tableName } from './table.ts'

/** A packet that covey needs, as far as rules of others look at it. */
export interface NeededPacket {
  /** For people: `from containers into the tunnel`. */
  readonly words: string
  readonly hook: 'forward' | 'input'
  readonly family: 4 | 6
  /** Null where it may be any. */
  readonly input: string | null
  readonly output: string | null
  readonly protocol: 'tcp' | 'udp'
  /** Null where it may be any. */
  readonly port: number | null
}

/** A chain of somebody else that drops such a packet, or may. */
export interface Rival {
  /** `inet firewalld, chain filter_FORWARD`. */
  readonly place: string
  readonly words: string
  /** Whether it is certain; else it depends on what is not known here, as addresses or marks. */
  readonly isCertain: boolean
}

type Verdict = 'accept' | 'drop' | 'none'

/**
 * What a chain does to a packet: its verdict, and whether something unknown may decide otherwise.
 */
interface Outcome {
  readonly verdict: Verdict
  readonly isCertain: boolean
}

interface Chain {
  readonly family: string
  readonly table: string
  readonly name: string
  readonly hook: string | null
  readonly policy: string
  readonly rules: (readonly unknown[])[]
}

/** Jumps within one another; rules that go deeper are not followed. */
const depthMax = 16

/**
 * Base chains of other tables that drop a packet which covey needs. A packet passes all tables, so
 * one that drops it is enough (nft(8), hooks). Rules are followed with what is known of the packet;
 * a match on anything else may hold or not.
 */
export function findRivals(
  listing: readonly ListedObject[],
  packets: readonly NeededPacket[],
): readonly Rival[] {
  const chains = chainsIn(listing)
  const rivals: Rival[] = []
  for (const chain of chains.values()) {
    if (chain.hook === null) continue
    if (chain.family === tableFamily && chain.table === tableName) continue
    for (const packet of packets) {
      if (chain.hook !== packet.hook || !coversFamily(chain.family, packet.family)) continue
      const inside = follow(chain, packet, chains, 0)
      const verdict = inside.verdict === 'none' ? chain.policy : inside.verdict
      if (verdict !== 'drop') continue
      const place = `${chain.family} ${chain.table}, chain ${chain.name}`
      rivals.push({ place, words: packet.words, isCertain: inside.isCertain })
    }
  }
  return rivals
}

function coversFamily(family: string, wanted: 4 | 6): boolean {
  return family === 'inet' || family === (wanted === 4 ? 'ip' : 'ip6')
}

function chainsIn(listing: readonly ListedObject[]): ReadonlyMap<string, Chain> {
  const chains = new Map<string, Chain>()
  const key = (family: unknown, table: unknown, name: unknown): string =>
    `${family} ${table} ${name}`
  for (const { kind, fields } of listing) {
    const { family, table, hook, policy } = fields
    if (kind === 'chain') {
      const name = String(fields['name'])
      chains.set(key(family, table, name), {
        family: String(family),
        table: String(table),
        name,
        hook: typeof hook === 'string' ? hook : null,
        policy: typeof policy === 'string' ? policy : 'accept',
        rules: [],
      })
    }
    if (kind === 'rule' && Array.isArray(fields['expr'])) {
      chains.get(key(family, table, fields['chain']))?.rules.push(fields['expr'])
    }
  }
  return chains
}

function follow(
  chain: Chain,
  packet: NeededPacket,
  chains: ReadonlyMap<string, Chain>,
  depth: number,
): Outcome {
  let isCertain = true
  for (const rule of chain.rules) {
    const { matched, outcome } = followRule(rule, chain, packet, chains, depth)
    if (matched === false || outcome === 'pass') continue
    if (outcome === 'return' && matched === true) break
    if (outcome === 'return' || outcome.verdict === 'none') {
      if (outcome !== 'return' && !outcome.isCertain) isCertain = false
      if (outcome === 'return') isCertain = false
      continue
    }
    if (matched === true) return { ...outcome, isCertain: isCertain && outcome.isCertain }
    isCertain = false
  }
  return { verdict: 'none', isCertain }
}

/** `true` and `false` where it is known, null where not. */
type Truth = boolean | null

function followRule(
  rule: readonly unknown[],
  chain: Chain,
  packet: NeededPacket,
  chains: ReadonlyMap<string, Chain>,
  depth: number,
): { readonly matched: Truth; readonly outcome: Outcome | 'return' | 'pass' } {
  let matched: Truth = true
  for (const statement of rule) {
    const [[kind, value] = ['', null]] = Object.entries(Object(statement))
    if (kind === 'match') {
      const truth = matches(Object(value), packet)
      if (truth === false) return { matched: false, outcome: 'pass' }
      if (truth === null) matched = null
    }
    if (kind === 'accept') return { matched, outcome: { verdict: 'accept', isCertain: true } }
    if (kind === 'drop' || kind === 'reject') {
      return { matched, outcome: { verdict: 'drop', isCertain: true } }
    }
    if (kind === 'return') return { matched, outcome: 'return' }
    if (kind === 'jump' || kind === 'goto') {
      const name = `${chain.family} ${chain.table} ${Object(value).target}`
      const target = chains.get(name)
      if (target === undefined || depth >= depthMax) {
        return { matched: null, outcome: { verdict: 'accept', isCertain: false } }
      }
      return { matched, outcome: follow(target, packet, chains, depth + 1) }
    }
    // A verdict map may lead anywhere.
    if (kind === 'vmap') return { matched: null, outcome: { verdict: 'accept', isCertain: false } }
  }
  return { matched, outcome: 'pass' }
}

function matches(
  { op, left, right }: { readonly op?: unknown; readonly left?: unknown; readonly right?: unknown },
  packet: NeededPacket,
): Truth {
  const truth = equals(Object(left), right, packet)
  if (truth === null || op === '==' || op === 'in') return truth
  return op === '!=' ? !truth : null
}

function equals(left: Record<string, unknown>, right: unknown, packet: NeededPacket): Truth {
  const meta = Object(left['meta'])['key']
  if (meta === 'iifname' || meta === 'iif') return sameName(packet.input, right)
  if (meta === 'oifname' || meta === 'oif') return sameName(packet.output, right)
  if (meta === 'l4proto') return isOneOf(packet.protocol, right)
  if (meta === 'nfproto') return isOneOf(packet.family === 4 ? 'ipv4' : 'ipv6', right)
  if (Object(left['ct'])['key'] === 'state') return isOneOf('new', right)
  const { protocol, field } = Object(left['payload'])
  if (protocol === 'ip' && field === 'protocol') return isOneOf(packet.protocol, right)
  if ((protocol === 'tcp' || protocol === 'udp') && field === 'dport') {
    if (protocol !== packet.protocol) return false
    return packet.port === null ? null : isOneOf(packet.port, right)
  }
  if (['tcp', 'udp', 'icmp', 'icmpv6'].includes(String(protocol))) {
    return protocol === packet.protocol ? null : false
  }
  return null
}

/** Names of links end in `*` where they stand for all that begin so. */
function sameName(name: string | null, right: unknown): Truth {
  const one = (wanted: unknown): Truth => {
    if (typeof wanted !== 'string' || wanted.startsWith('@')) return null
    if (name === null) return null
    return wanted.endsWith('*') ? name.startsWith(wanted.slice(0, -1)) : name === wanted
  }
  return anyOf(right, one)
}

function isOneOf(value: string | number, right: unknown): Truth {
  return anyOf(right, (wanted) => {
    if (typeof wanted === 'string' && wanted.startsWith('@')) return null
    const range = Object(wanted)['range']
    if (Array.isArray(range))
      return Number(range[0]) <= Number(value) && Number(value) <= Number(range[1])
    return wanted === value
  })
}

function anyOf(right: unknown, one: (wanted: unknown) => Truth): Truth {
  const set = Object(right)['set']
  const wanted: readonly unknown[] = Array.isArray(set)
    ? set
    : Array.isArray(right)
      ? right
      : [right]
  const truths = wanted.map(one)
  if (truths.includes(true)) return true
  return truths.includes(null) ? null : false
}
