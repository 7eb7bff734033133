import * as z from 'zod'
import { CoveyError } from '../../protocol/fault.ts'
import { type Cidr, hostNetwork, parseAddress, parseCidr } from '../addresses.ts'

/** A link of this host. */
export interface LinkSeen {
  readonly name: string
  /** Kind, as `wireguard` or `tun`; null for a device of hardware. */
  readonly kind: string | null
  readonly alias: string | null
  /** Hardware address, as `02:00:5e:10:00:01`; null where it has none. */
  readonly hardware: string | null
  readonly mtu: number
  readonly up: boolean
  /** True if it is up and its other end is as well. */
  readonly running: boolean
  /** Number by which this host knows the namespace of its other end; null where that is its own. */
  readonly peerNamespace: number | null
  /** Addresses, without those that are link-local. */
  readonly addresses: readonly Cidr[]
  /** Addresses that are link-local, also those that the kernel gives by itself. */
  readonly linkLocal: readonly Cidr[]
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
  /** Networks with covey's protocol number that are answered as unreachable, but for guards. */
  readonly unreachable: readonly Cidr[]
  /** Networks with covey's protocol number that a guard answers as unreachable. */
  readonly guards: readonly Cidr[]
  /**
   * Names in /run/netns, with the numbers by which this host knows them. Null for one that it has
   * no number for, which holds no end of its links, or for a file that is no namespace.
   */
  readonly namespaces: ReadonlyMap<string, number | null>
  /** Links that forward what comes in by them, by family; `all` stands for the host itself. */
  readonly forwarding: Readonly<Record<4 | 6, ReadonlySet<string>>>
}

/**
 * Metric of the routes that guard a mesh's range. The kernel takes the lowest one, so any other
 * route to the same range wins over a guard, for IPv4 and for IPv6.
 */
export const guardMetric: number = 0xffff_ffff

const linkSchema = z.object({
  ifname: z.string(),
  flags: z.array(z.string()),
  mtu: z.number(),
  ifalias: z.string().optional(),
  address: z.string().optional(),
  link_netnsid: z.number().optional(),
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
  type: z.string().optional(),
  dev: z.string().optional(),
  table: z.string().optional(),
  metric: z.number().optional(),
})

const namespaceSchema = z.object({ name: z.string(), id: z.number().optional() })

const forwardingSchema = z.object({
  interface: z.string(),
  family: z.string(),
  forwarding: z.boolean().optional(),
})

/** Members that only one kind of thing has: they tell the kind. */
const kinds = [
  ['links', 'ifname'],
  ['routes', 'dst'],
  ['namespaces', 'name'],
  ['forwarding', 'interface'],
] as const

type Kind = (typeof kinds)[number][0]

/** Reads what `lookCommand` printed: JSON arrays, one a line. Throws `tool-output`. */
export function parseLook(stdout: string): LinksAndRoutes {
  const sorted = sortByKind(stdout)
  const links = read('links', linkSchema, sorted)
  const routes = read('routes', routeSchema, sorted).filter(isInMain)
  const namespaces = read('namespaces', namespaceSchema, sorted)
  const forwarding = read('forwarding', forwardingSchema, sorted)
  const forwards = (family: string): ReadonlySet<string> => {
    const found = forwarding.filter((each) => each.family === family && each.forwarding === true)
    return new Set(found.map((each) => each.interface))
  }
  return {
    links: links.map(linkOf),
    routes: routes.flatMap(routeOf),
    unreachable: unreachableOf(routes.filter((each) => each.metric !== guardMetric)),
    guards: unreachableOf(routes.filter((each) => each.metric === guardMetric)),
    namespaces: new Map(namespaces.map(({ name, id }) => [name, id ?? null])),
    forwarding: { 4: forwards('inet'), 6: forwards('inet6') },
  }
}

/** Reads what `learnedCommand` printed: the links that routes were learned by. */
export function parseLearned(stdout: string): ReadonlySet<string> {
  const routes = read('routes', routeSchema, sortByKind(stdout))
  return new Set(routes.flatMap(({ dev }) => dev ?? []))
}

/**
 * An empty list is printed as `[]` or as nothing at all, depending on the version of iproute2, and
 * what is left out may be printed as `{}`. So things are told apart by what they say, not by where
 * they stand.
 */
function sortByKind(stdout: string): Readonly<Record<Kind, readonly unknown[]>> {
  const sorted: Record<Kind, unknown[]> = { links: [], routes: [], namespaces: [], forwarding: [] }
  for (const each of stdout.split('\n').flatMap(parseLine)) {
    if (typeof each !== 'object' || each === null || Array.isArray(each)) throw unknownForm()
    const [kind] = kinds.find(([, member]) => Object.hasOwn(each, member)) ?? []
    if (kind !== undefined) sorted[kind].push(each)
    else if (Object.keys(each).length > 0) throw unknownForm()
  }
  return sorted
}

function parseLine(line: string): readonly unknown[] {
  if (line.trim() === '') return []
  let document: unknown
  try {
    document = JSON.parse(line)
  } catch (cause) {
    throw new CoveyError('tool-output', 'ip printed something that is not JSON', { cause })
  }
  if (Array.isArray(document)) return document
  throw unknownForm()
}

function unknownForm(): CoveyError {
  return new CoveyError('tool-output', 'ip printed something in an unknown form')
}

function read<T>(
  kind: Kind,
  schema: z.ZodType<T>,
  sorted: Readonly<Record<Kind, readonly unknown[]>>,
): readonly T[] {
  const parsed = z.array(schema).safeParse(sorted[kind])
  if (parsed.success) return parsed.data
  throw new CoveyError('tool-output', `ip printed ${kind} in an unknown form`)
}

function linkOf(link: z.infer<typeof linkSchema>): LinkSeen {
  const addresses = link.addr_info.flatMap((info) => {
    const address = parseAddress(info.local ?? '')
    if (address === undefined || info.prefixlen === undefined) return []
    return [{ cidr: { ...address, length: info.prefixlen }, isLocal: info.scope === 'link' }]
  })
  const select = (isLocal: boolean): readonly Cidr[] =>
    addresses.filter((each) => each.isLocal === isLocal).map(({ cidr }) => cidr)
  return {
    name: link.ifname,
    kind: link.linkinfo?.info_kind ?? null,
    alias: link.ifalias ?? null,
    hardware: link.address ?? null,
    mtu: link.mtu,
    up: link.flags.includes('UP'),
    running: link.flags.includes('LOWER_UP'),
    peerNamespace: link.link_netnsid ?? null,
    addresses: select(false),
    linkLocal: select(true),
  }
}

type RoutePrinted = z.infer<typeof routeSchema>

/** Covey routes in the main table only; both families of it are listed by asking for all. */
function isInMain({ table }: RoutePrinted): boolean {
  return table === undefined || table === 'main'
}

function routeOf({ type, dst, dev }: RoutePrinted): readonly RouteSeen[] {
  // An unreachable IPv6 network is printed with the device `lo`.
  if (dev === undefined || type === 'unreachable') return []
  const destination = destinationOf(dst)
  return destination === undefined ? [] : [{ destination, link: dev }]
}

function unreachableOf(routes: readonly RoutePrinted[]): readonly Cidr[] {
  const found = routes.filter(({ type }) => type === 'unreachable')
  return found.flatMap(({ dst }) => destinationOf(dst) ?? [])
}

function destinationOf(dst: string): Cidr | undefined {
  const single = parseAddress(dst)
  return single === undefined ? parseCidr(dst) : hostNetwork(single)
}
