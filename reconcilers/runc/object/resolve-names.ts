import { isObject } from '../../../protocol/documents/canonical-json.ts'
import type { Config, HostSection } from '../../../protocol/documents/config.ts'
import { isName } from '../../../protocol/names.ts'
import { addressText, parseAddress } from '../../addresses.ts'
import { findNetwork, networkIndex } from '../../cluster/networks.ts'
import { sectionOf, typeIn } from '../../cluster/references.ts'
import { hostname } from './spec-fields.ts'

/** A container as others may call it. */
interface NamedContainer {
  readonly host: string
  readonly object: string
  readonly address: string
  /** Whether other hosts reach it. */
  readonly isShared: boolean
  /** A host name of its own, or null. */
  readonly hostname: string | null
}

/** Everything in a cluster that has a name and an address. */
interface NameIndex {
  /** Addresses of hosts, ordered by name. */
  readonly hosts: ReadonlyMap<string, string>
  /** Ordered by host, then object. */
  readonly containers: readonly NamedContainer[]
  /** For each object name, the hosts with a container of that name that others reach. */
  readonly owners: ReadonlyMap<string, readonly string[]>
}

const known = new WeakMap<Config['hosts'], NameIndex>()

/** A line of `/etc/hosts`. */
interface Line {
  readonly address: string
  readonly names: readonly string[]
}

/**
 * Text of `/etc/hosts` for the containers of a host (hosts(5)): every host of the cluster by its
 * WireGuard address, and every container that can be reached from here as `web.cloud01`. `web`
 * alone is this host's own container of that name, or else the only one in the cluster. A name with
 * `_` is also there with `-`, unless that is somebody's.
 */
export function hostsText(config: Pick<Config, 'hosts'>, host: string): string {
  const lines = withHyphens(linesOf(config, host))
  const local = ['127.0.0.1 localhost', '::1 localhost ip6-localhost ip6-loopback']
  const all = lines.map(({ address, names }) => [address, ...names].join(' '))
  return [...local, ...all].map((line) => `${line}\n`).join('')
}

/** Many programs take no name with `_` for that of a host (RFC 952). */
function withHyphens(lines: readonly Line[]): readonly Line[] {
  const known = new Set(['localhost', ...lines.flatMap(({ names }) => names)])
  const askers = new Map<string, number>()
  const hyphened = (name: string): readonly string[] => {
    const other = name.replaceAll('_', '-')
    return known.has(other) ? [] : [other]
  }
  for (const name of lines.flatMap(({ names }) => names.flatMap(hyphened))) {
    askers.set(name, (askers.get(name) ?? 0) + 1)
  }
  return lines.map(({ address, names }) => {
    // What two would come to is neither's.
    const more = names.flatMap(hyphened).filter((name) => askers.get(name) === 1)
    return { address, names: [...names, ...more] }
  })
}

function linesOf(config: Pick<Config, 'hosts'>, host: string): readonly Line[] {
  const index = nameIndex(config)
  const lines: Line[] = []
  for (const [name, address] of index.hosts) {
    if (name !== 'localhost') lines.push({ address, names: [name] })
  }
  const taken = new Set<string>(['localhost', ...index.hosts.keys()])
  const own = index.containers.filter((each) => each.host === host)
  const bare = new Map(
    own.filter(({ object }) => !taken.has(object)).map((each) => [each, [each.object]]),
  )
  for (const each of own) taken.add(each.object)
  for (const each of own) {
    if (each.hostname === null || taken.has(each.hostname)) continue
    taken.add(each.hostname)
    bare.set(each, [...(bare.get(each) ?? []), each.hostname])
  }
  for (const each of index.containers) {
    if (each.host !== host && !each.isShared) continue
    const isOnly = index.owners.get(each.object)?.length === 1 && !taken.has(each.object)
    const names = bare.get(each) ?? (isOnly && each.host !== host ? [each.object] : [])
    lines.push({ address: each.address, names: [`${each.object}.${each.host}`, ...names] })
  }
  return lines
}

function nameIndex(config: Pick<Config, 'hosts'>): NameIndex {
  const before = known.get(config.hosts)
  if (before !== undefined) return before
  const hosts = new Map<string, string>()
  const containers: NamedContainer[] = []
  const owners = new Map<string, string[]>()
  for (const host of Object.keys(config.hosts).sort()) {
    const section = sectionOf(config, host)
    if (section === undefined || !isName(host)) continue
    const address = hostAddress(config, host, section)
    if (address !== null) hosts.set(host, address)
    for (const container of containersOf(host, section, address)) {
      containers.push(container)
      if (!container.isShared) continue
      const list = owners.get(container.object)
      if (list === undefined) owners.set(container.object, [host])
      else list.push(host)
    }
  }
  const index = { hosts, containers, owners }
  known.set(config.hosts, index)
  return index
}

/** Address of a host in the network of its agent, or in its first one where it has no agent. */
function hostAddress(
  config: Pick<Config, 'hosts'>,
  host: string,
  section: HostSection,
): string | null {
  const index = networkIndex(config)
  const names = Object.keys(section).sort()
  const ofAgent = names.flatMap((name) => {
    const target = typeIn(section, name) === 'agent' ? section[name]?.['network'] : undefined
    return typeof target === 'string' ? [target] : []
  })
  for (const object of [...ofAgent, ...names]) {
    const network = findNetwork(index, host, object)?.network
    if (network !== undefined) return addressText(network.address)
  }
  return null
}

function containersOf(
  host: string,
  section: HostSection,
  hostAddress: string | null,
): readonly NamedContainer[] {
  return Object.keys(section)
    .sort()
    .flatMap((object) => {
      const container: unknown = section[object]
      if (!isName(object) || !isObject(container) || container['type'] !== 'runc_container') {
        return []
      }
      const name = hostname.safeParse(container['hostname'])
      const named = { host, object, hostname: name.success ? name.data : null }
      if (container['host_network'] === true) {
        return hostAddress === null ? [] : [{ ...named, address: hostAddress, isShared: true }]
      }
      const { address: text, network } = container
      const address = typeof text === 'string' ? parseAddress(text) : undefined
      if (address === undefined || typeof network !== 'string') return []
      const range: unknown = Object.hasOwn(section, network) ? section[network] : undefined
      const isShared = isObject(range) && typeof range['network'] === 'string'
      return [{ ...named, address: addressText(address), isShared }]
    })
}
