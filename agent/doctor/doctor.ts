import { readFile } from 'node:fs/promises'
import { missingTools } from '../../machine/tools.ts'
import type { Checkup } from '../../protocol/api/doctor.ts'
import { peerPlaces } from '../../protocol/documents/agent-object.ts'
import type { Config } from '../../protocol/documents/config.ts'
import { addressText, parseEndpoint } from '../../reconcilers/addresses.ts'
import { clusterOf } from '../../reconcilers/cluster/index.ts'
import { sectionOf } from '../../reconcilers/cluster/references.ts'
import type { CommandRunner } from '../../reconcilers/host-ports.ts'
import { tableFamily, tableName } from '../../reconcilers/nftables/elements/table.ts'
import type { FirewallSpec } from '../../reconcilers/nftables/flows/firewall.ts'
import { needsFirewall, resolveNftables } from '../../reconcilers/nftables/resolve.ts'
import { findRivals, type NeededPacket } from '../../reconcilers/nftables/rules/conflicts.ts'
import { type ListedObject, listRulesetCommand, parseListing } from '../../reconcilers/tools/nft.ts'
import { errorLine } from '../../reconcilers/tools/words.ts'
import { checkRunc, readPackageChangelog } from './check-runc.ts'
import { checkResolvers } from './resolvers.ts'

/** One check, and its result. */
export type Check = Checkup['checks'][number]

/** Dependencies of the doctor. */
export interface DoctorInit {
  readonly run: CommandRunner
  readonly host: string
  /** The config that the host follows, or null. */
  readonly adopted: () => Config | null
  /** Changelog of Debian's package of runc, or null; read from the disk where absent. */
  readonly packageChangelog?: () => Promise<string | null>
}

/** Looks at everything around covey on this host that may keep it from working. Changes nothing. */
export async function examine(init: DoctorInit): Promise<readonly Check[]> {
  const config = init.adopted()
  const parts = await Promise.all([
    checkTools(),
    checkRunc(init.run, init.packageChangelog ?? readPackageChangelog),
    checkFirewalls(init, config),
    checkLegacyTables(),
    checkPlace(init.host, config),
    checkResolvers(init.host, config),
  ])
  return parts.flat()
}

function good(name: string, message: string): Check {
  return { name, state: 'ok', message, hint: null }
}

function checkTools(): readonly Check[] {
  const missing = missingTools()
  if (missing.length === 0) return [good('tools', 'every tool that covey runs is installed')]
  return missing.map(({ tool, brings, isNeeded }) => ({
    name: 'tools',
    state: isNeeded ? 'problem' : 'warning',
    message: `${tool} is not installed`,
    hint: `on Debian: apt install ${brings}`,
  }))
}

function checkPlace(host: string, config: Config | null): readonly Check[] {
  if (config === null) {
    const hint = 'send it one: covey inject FILE'
    const message = 'this host has no config yet'
    return [{ name: 'config', state: 'warning', message, hint }]
  }
  const isPlaced = peerPlaces(config).some((place) => place.host === host)
  if (isPlaced) return [good('config', 'this host is in the overlay of its config')]
  const message = 'this host is not in the overlay of its config, so it reaches no peer'
  const hint = 'its section needs an "agent" object and the wireguard_network that it names'
  return [{ name: 'config', state: 'problem', message, hint }]
}

/** Tables of others see the same packets, and one that drops them is enough. */
async function checkFirewalls(
  { run, host }: DoctorInit,
  config: Config | null,
): Promise<readonly Check[]> {
  const result = await run(listRulesetCommand(), new AbortController().signal).catch(
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  )
  if (typeof result === 'string' || result.exitCode !== 0) {
    const reason = typeof result === 'string' ? result : errorLine(result.stderr)
    const message = `the rules of this host cannot be read: ${reason}`
    return [{ name: 'firewalls', state: 'warning', message, hint: null }]
  }
  const packets = config === null ? [] : neededPackets(config, host)
  const listing = parseListing(result.stdout)
  const rivals = findRivals(listing, packets).map(
    ({ place, words, isCertain }): Check => ({
      name: 'firewalls',
      state: isCertain ? 'problem' : 'warning',
      message: `table ${place} ${isCertain ? 'drops' : 'may drop'} packets ${words}`,
      hint: 'allow them there (docs/FIREWALLS.md): covey changes only its own table',
    }),
  )
  const found = [...rivals, ...offloads(listing), ...ownTable(listing, config, host)]
  return found.length === 0 ? [good('firewalls', "no other table drops covey's packets")] : found
}

/** Without its table a host closes nothing: not its mesh addresses to the LAN, nor containers. */
function ownTable(
  listing: readonly ListedObject[],
  config: Config | null,
  host: string,
): readonly Check[] {
  if (config === null || !needsFirewall(config, host)) return []
  const isThere = listing.some(
    ({ kind, fields }) =>
      kind === 'table' && fields['family'] === tableFamily && fields['name'] === tableName,
  )
  if (isThere) return []
  const message = `table ${tableFamily} ${tableName} is missing: the LAN may reach mesh addresses`
  const hint =
    "the agent creates it at once; if it stays missing, the agent's object says why: covey status"
  return [{ name: 'firewalls', state: 'problem', message, hint }]
}

/** Flows that a flowtable has taken over go by all chains that forward (nft(8), flowtables). */
function offloads(listing: readonly ListedObject[]): readonly Check[] {
  return listing
    .filter(({ kind }) => kind === 'flowtable')
    .map(({ fields: { family, table, name } }) => ({
      name: 'firewalls',
      state: 'warning',
      message: `table ${family} ${table} has a flowtable, ${name}: its flows bypass covey's rules`,
      hint: 'exclude links whose names begin with cv- (docs/FIREWALLS.md)',
    }))
}

/** The packets that must come through for the mesh and for containers. */
function neededPackets(config: Config, host: string): readonly NeededPacket[] {
  const { spec } = resolveNftables(clusterOf(config), host)
  const mesh = spec.links.flatMap(({ object, link, listenPort, address }): NeededPacket[] => {
    const any = { hook: 'input', input: null, output: null } as const
    const words = `to WireGuard's port ${listenPort}`
    const family = outerFamily(sectionOf(config, host)?.[object]?.['endpoint'])
    const tunnel = { ...any, words, family, protocol: 'udp', port: listenPort } as const
    const { overlay } = spec
    if (overlay === null || addressText(overlay.address) !== addressText(address)) return [tunnel]
    const to = `to the overlay's port ${overlay.port} by ${link}`
    const { family: own } = address
    return [
      tunnel,
      { ...any, words: to, family: own, input: link, protocol: 'tcp', port: overlay.port },
    ]
  })
  return [...mesh, ...flowsNeeded(spec)]
}

/** Address family of a tunnel's own packets, from its endpoint. IPv4 for a name. */
function outerFamily(endpoint: unknown): 4 | 6 {
  const address = typeof endpoint === 'string' ? parseEndpoint(endpoint)?.address : undefined
  return address?.family ?? 4
}

/** The packets of containers, of each family that there are containers of. */
function flowsNeeded(spec: FirewallSpec): readonly NeededPacket[] {
  const packets: NeededPacket[] = []
  const masqueraded = new Set(spec.masquerades.map(({ network }) => network))
  for (const family of [4, 6] as const) {
    const own = spec.containers.filter(({ address }) => address.family === family)
    const flow = { family, hook: 'forward', protocol: 'tcp', port: null } as const
    const add = (words: string, input: string | null, output: string | null): void => {
      packets.push({ ...flow, words: family === 4 ? words : `${words} (IPv6)`, input, output })
    }
    const [first] = own
    if (first === undefined) continue
    for (const { link, networks } of spec.reach) {
      if (!networks.some((each) => each.family === family)) continue
      add(`from containers into ${link}`, first.veth, link)
      add(`from ${link} to containers`, link, first.veth)
    }
    const asker = own.find(({ network }) => masqueraded.has(network))
    if (asker !== undefined) add('from containers to the outside', asker.veth, null)
  }
  return packets
}

/** Rules of the old iptables are not among those that nft lists. */
async function checkLegacyTables(): Promise<readonly Check[]> {
  const names = await Promise.all(
    ['ip_tables_names', 'ip6_tables_names'].map((file) =>
      readFile(`/proc/net/${file}`, 'utf8').catch(() => ''),
    ),
  )
  if (!names.some((text) => text.split('\n').includes('filter'))) return []
  const message = 'legacy iptables has a filter table, which covey does not check'
  const hint = 'check it: iptables-legacy -S; ip6tables-legacy -S'
  return [{ name: 'firewalls', state: 'warning', message, hint }]
}
