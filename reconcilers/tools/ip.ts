import { z } from 'zod'
import { CoveyError } from '../../protocol/fault.ts'
import { type Cidr, cidrText, hostNetwork, parseAddress, parseCidr } from '../addresses.ts'
import type { Command, CommandResult } from '../host-ports.ts'
import { errorLine, word } from './words.ts'

/** Routing protocol number of covey's routes: what it made, and only that, is found by it again. */
const routeProtocol: number = 190

/** A link of this host. */
export interface LinkSeen {
  readonly name: string
  /** Kind, as `wireguard` or `tun`; null for a device of hardware. */
  readonly kind: string | null
  readonly alias: string | null
  readonly mtu: number
  readonly up: boolean
  /** Addresses, without those that the kernel gives by itself (IPv6 link-local). */
  readonly addresses: readonly Cidr[]
}

/** A route that carries covey's protocol number. */
export interface RouteSeen {
  readonly destination: Cidr
  readonly link: string
}

/** Everything that one look at links and routes tells. */
export interface LinksAndRoutes {
  readonly links: readonly LinkSeen[]
  readonly routes: readonly RouteSeen[]
}

/** Asks for all links with their addresses, and for covey's routes, in one process. */
export function lookCommand(): Command {
  const stdin = `addr show\nroute show table all proto ${routeProtocol}\n`
  return { tool: 'ip', args: ['-json', '-details', '-batch', '-'], stdin }
}

const linkSchema = z.object({
  ifname: z.string(),
  flags: z.array(z.string()),
  mtu: z.number(),
  ifalias: z.string().optional(),
  linkinfo: z.object({ info_kind: z.string().optional() }).optional(),
  addr_info: z.array(
    z.object({
      local: z.string().optional(),
      prefixlen: z.number().optional(),
      scope: z.string().optional(),
      family: z.string().optional(),
    }),
  ),
})

const routeSchema = z.object({
  dst: z.string(),
  dev: z.string().optional(),
  table: z.string().optional(),
})

/** Reads what `lookCommand` printed: two JSON arrays, one a line. Throws `tool-output`. */
export function parseLook(stdout: string): LinksAndRoutes {
  const [links, routes] = jsonDocuments(stdout)
  return { links: parseLinks(links), routes: parseRoutes(routes) }
}

/** An empty list is printed as `[]` or as nothing at all, depending on the version of iproute2. */
function jsonDocuments(stdout: string): readonly [unknown, unknown] {
  const lines = stdout.split('\n').filter((line) => line.trim() !== '')
  try {
    const [first, second, ...rest] = lines.map((line): unknown => JSON.parse(line))
    if (rest.length === 0) return [first ?? [], second ?? []]
  } catch (cause) {
    throw new CoveyError('tool-output', 'ip printed something that is no JSON', { cause })
  }
  throw new CoveyError('tool-output', 'ip printed more than it was asked for')
}

function parseLinks(document: unknown): readonly LinkSeen[] {
  const parsed = z.array(z.union([linkSchema, z.strictObject({})])).safeParse(document)
  if (!parsed.success) throw new CoveyError('tool-output', 'ip printed links in an unknown form')
  return parsed.data
    .filter((link) => 'ifname' in link)
    .map((link) => ({
      name: link.ifname,
      kind: link.linkinfo?.info_kind ?? null,
      alias: link.ifalias ?? null,
      mtu: link.mtu,
      up: link.flags.includes('UP'),
      addresses: link.addr_info.flatMap((info) => {
        const address = parseAddress(info.local ?? '')
        if (address === undefined || info.prefixlen === undefined || info.scope === 'link')
          return []
        return [{ ...address, length: info.prefixlen }]
      }),
    }))
}

function parseRoutes(document: unknown): readonly RouteSeen[] {
  const parsed = z.array(z.union([routeSchema, z.strictObject({})])).safeParse(document)
  if (!parsed.success) throw new CoveyError('tool-output', 'ip printed routes in an unknown form')
  return parsed.data.flatMap((route) => {
    if (!('dst' in route) || route.dev === undefined) return []
    // Covey routes in the main table only; both families of it are listed by asking for all.
    if (route.table !== undefined && route.table !== 'main') return []
    const single = parseAddress(route.dst)
    const destination = single === undefined ? parseCidr(route.dst) : hostNetwork(single)
    return destination === undefined ? [] : [{ destination, link: route.dev }]
  })
}

/** One line of a batch, and the object that fails if the line does. */
export interface BatchLine {
  readonly object: string
  readonly words: readonly string[]
}

/** Runs all lines, also after one that failed: each stands for itself. */
export function batchCommand(lines: readonly BatchLine[]): Command {
  const text = lines.map((line) => `${line.words.map(word).join(' ')}\n`).join('')
  return { tool: 'ip', args: ['-force', '-batch', '-'], stdin: text }
}

/**
 * Which lines of a batch failed, by index, with what the kernel said. An error text stands before
 * the line `Command failed -:<number>` that names its line.
 */
export function parseBatchFailures(result: CommandResult): ReadonlyMap<number, string> {
  const failures = new Map<number, string>()
  if (result.exitCode === 0) return failures
  let said: string[] = []
  for (const line of result.stderr.split('\n')) {
    const [, number] = /^Command failed \S+?:(\d+)$/.exec(line.trim()) ?? []
    if (number === undefined) said.push(line)
    else {
      failures.set(Number(number) - 1, errorLine(said.join('\n')))
      said = []
    }
  }
  return failures
}

/** Makes a link with the kernel's own WireGuard and names its owner, in one process. */
export function addLinkCommand(link: string, alias: string): Command {
  const add = `link add dev ${word(link)} type wireguard\n`
  const stdin = `${add}link set dev ${word(link)} alias ${word(alias)}\n`
  return { tool: 'ip', args: ['-batch', '-'], stdin }
}

/** Names the owner of a link. */
export function setAliasCommand(link: string, alias: string): Command {
  return { tool: 'ip', args: ['link', 'set', 'dev', word(link), 'alias', word(alias)] }
}

/** Removes a link; `wireguard-go` ends with it. */
export function deleteLinkCommand(link: string): Command {
  return { tool: 'ip', args: ['link', 'del', 'dev', word(link)] }
}

/** `link set dev wg0 mtu 1420 up`. */
export function linkUpWords(link: string, mtu: number): readonly string[] {
  return ['link', 'set', 'dev', link, 'mtu', String(mtu), 'up']
}

/** `addr replace 10.69.0.1/16 dev wg0`: adds it, or leaves it as it is. */
export function addressWords(
  verb: 'replace' | 'del',
  address: Cidr,
  link: string,
): readonly string[] {
  // Duplicate address detection has nobody to ask on a tunnel, and would delay the address.
  const quick = verb === 'replace' && address.family === 6 ? ['nodad'] : []
  return ['addr', verb, cidrText(address), 'dev', link, ...quick]
}

/**
 * `route add 10.69.1.0/24 dev wg0 proto 190`. `add` fails where someone else has a route to that
 * network; `replace` would take it away from them, and is for routes that are known to be covey's.
 */
export function routeWords(
  verb: 'add' | 'replace' | 'del',
  destination: Cidr,
  link: string,
): readonly string[] {
  return ['route', verb, cidrText(destination), 'dev', link, 'proto', String(routeProtocol)]
}
