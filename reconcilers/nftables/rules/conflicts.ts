import type { ListedObject } from '../../tools/nft.ts'
import { tableFamily, tableName } from '../elements/table.ts'

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
  /** True if it is certain; else it depends on what is not known here, as addresses or marks. */
  readonly isCertain: boolean
}

type Verdict = 'accept' | 'drop' | 'none'

/**
 * The outcome of a chain for a packet: its verdict, and if something unknown may decide otherwise.
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

/** The hooks that a packet comes by: one that is dropped at any of them is gone (nft(8), hooks). */
const ways: Readonly<Record<NeededPacket['hook'], ReadonlySet<string>>> = {
  forward: new Set(['prerouting', 'forward', 'postrouting']),
  input: new Set(['prerouting', 'input']),
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
      if (!ways[packet.hook].has(chain.hook) || !coversFamily(chain.family, packet.family)) continue
      // Where it leaves is not known before it is routed.
      const seen = chain.hook === 'prerouting' ? { ...packet, output: null } : packet
      const inside = follow(chain, seen, chains, 0)
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
    const { matched, outcome, isLast } = followRule(rule, chain, packet, chains, depth)
    if (matched === false || outcome === null) continue
    const isDecided = outcome.verdict !== 'none' || isLast
    if (matched === true && isDecided) {
      return { verdict: outcome.verdict, isCertain: isCertain && outcome.isCertain }
    }
    if (isDecided || !outcome.isCertain) isCertain = false
  }
  return { verdict: 'none', isCertain }
}

/** `true` and `false` where it is known, null where not. */
type Truth = boolean | null

/** The effect of one rule. */
interface RuleEffect {
  readonly matched: Truth
  /** Null where it decides nothing. */
  readonly outcome: Outcome | null
  /** True if nothing of its chain comes after it, as with `return` and `goto`. */
  readonly isLast: boolean
}

const accepts: Outcome = { verdict: 'accept', isCertain: true }
const drops: Outcome = { verdict: 'drop', isCertain: true }
const leaves: Outcome = { verdict: 'none', isCertain: true }
const unknown: Outcome = { verdict: 'accept', isCertain: false }

/**
 * Conditions that hold for some packets only, and that nft lists as no match: rates and quotas, and
 * what iptables asks by a module of its own, as `-m conntrack`. nft tells of such a module nothing
 * but its name.
 */
const conditions: ReadonlySet<string> = new Set(['xt', 'limit', 'quota', 'ct count', 'meter'])

function isCondition(kind: string, value: unknown): boolean {
  return conditions.has(kind) && Object(value)['type'] !== 'target'
}

function followRule(
  rule: readonly unknown[],
  chain: Chain,
  packet: NeededPacket,
  chains: ReadonlyMap<string, Chain>,
  depth: number,
): RuleEffect {
  let matched: Truth = true
  for (const statement of rule) {
    const [[kind, value] = ['', null]] = Object.entries(Object(statement))
    if (kind === 'match') {
      const truth = matches(Object(value), packet)
      if (truth === false) return { matched: false, outcome: null, isLast: false }
      if (truth === null) matched = null
    }
    if (isCondition(kind, value)) matched = null
    if (kind === 'accept') return { matched, outcome: accepts, isLast: true }
    if (kind === 'drop' || kind === 'reject') return { matched, outcome: drops, isLast: true }
    if (kind === 'return') return { matched, outcome: leaves, isLast: true }
    if (kind === 'jump' || kind === 'goto') {
      const isLast = kind === 'goto'
      const target = chains.get(`${chain.family} ${chain.table} ${Object(value).target}`)
      if (target === undefined || depth >= depthMax)
        return { matched: null, outcome: unknown, isLast }
      return { matched, outcome: follow(target, packet, chains, depth + 1), isLast }
    }
    // A verdict map may lead anywhere.
    if (kind === 'vmap') return { matched: null, outcome: unknown, isLast: false }
  }
  return { matched, outcome: null, isLast: false }
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
