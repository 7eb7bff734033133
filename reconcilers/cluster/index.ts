import type * as z from 'zod'
import { type Cidr, cidrText } from '../addresses.ts'
import { resolveContainerNetwork } from '../container-network/resolve.ts'
import { readInvitations } from '../nftables/flows/invitations.ts'
import { readPublishes } from '../nftables/flows/publishes.ts'
import { judgeWireguard, resolveWireguard } from '../wireguard/resolve.ts'
import { findClashes } from './clashes.ts'
import type { Cluster, ConfigPart, HostReading } from './cluster.ts'
import { readNames } from './names.ts'
import { type HostNetwork, readNetworks } from './networks.ts'
import { checkSchema, type SchemaResult } from './parse.ts'
import { readPlaces } from './places.ts'
import { readRanges } from './ranges.ts'
import { sectionOf } from './references.ts'
import { findTroubled } from './troubled.ts'
import { readConnected } from './tunnels.ts'

const clusters = new WeakMap<ConfigPart, Cluster>()

/** The index of a config. Made once; who changes a config makes another one. */
export function clusterOf(config: ConfigPart): Cluster {
  const before = clusters.get(config)
  if (before !== undefined) return before
  const cluster = indexOf(config)
  clusters.set(config, cluster)
  return cluster
}

function indexOf(config: ConfigPart): Cluster {
  const listed = once(() => new Set(Object.keys(config.hosts)))
  const ranges = once(() => readRanges(config))
  const networks = once(() => readNetworks(config, ranges()))
  const clashes = once(() => findClashes(networks()))
  const places = once(() => readPlaces(config, networks(), ranges()))
  const names = once(() => readNames(config, networks()))
  const publishes = once(() => readPublishes(config, places()))
  const invitations = once(() => readInvitations(config, places()))
  const connected = once(() => readConnected(cluster))
  const troubled = new Map<string, readonly HostNetwork[]>()
  let latest: { readonly name: string; readonly reading: HostReading } | null = null
  const cluster: Cluster = {
    config,
    get listed() {
      return listed()
    },
    get ranges() {
      return ranges()
    },
    get networks() {
      return networks()
    },
    get clashes() {
      return clashes()
    },
    get places() {
      return places()
    },
    get names() {
      return names()
    },
    get publishes() {
      return publishes()
    },
    get invitations() {
      return invitations()
    },
    get connected() {
      return connected()
    },
    troubled(network: string, range: Cidr) {
      const key = `${network} ${cidrText(range)}`
      const found = troubled.get(key) ?? findTroubled(networks().get(network) ?? [], range)
      troubled.set(key, found)
      return found
    },
    host(name) {
      if (latest?.name !== name) latest = { name, reading: readHost(cluster, name) }
      return latest.reading
    },
  }
  return cluster
}

function readHost(cluster: Cluster, host: string): HostReading {
  const section = sectionOf(cluster.config, host) ?? {}
  const links = once(() => resolveWireguard(cluster, host))
  const judgedLinks = once(() => judgeWireguard(cluster, host))
  const attachments = once(() => resolveContainerNetwork(cluster, host))
  const parsed = new Map<z.ZodType, Map<string, SchemaResult<unknown>>>()
  return {
    section,
    get links() {
      return links()
    },
    get judgedLinks() {
      return judgedLinks()
    },
    get attachments() {
      return attachments()
    },
    parse<T>(name: string, schema: z.ZodType<T>) {
      const own = parsed.get(schema) ?? new Map<string, SchemaResult<unknown>>()
      parsed.set(schema, own)
      const known = own.get(name) as SchemaResult<T> | undefined
      const result = known ?? checkSchema(schema, `hosts.${host}.${name}`, section[name])
      own.set(name, result)
      return result
    },
  }
}

/** A value that is made when it is first asked for. */
function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined
  return () => {
    made ??= { value: make() }
    return made.value
  }
}
