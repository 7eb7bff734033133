import { type Address, addressText, type Cidr, cidrText, hostNetwork } from '../addresses.ts'
import { addressWords, type BatchLine, routeWords } from '../tools/ip.ts'
import type { LinkSeen } from '../tools/ip-parse.ts'
import { linkSetting, type Setting } from '../tools/sysctl.ts'
import type { VethClaim } from './claims.ts'
import { gatewayOf, hardwareAddresses, namespaceName, unfinishedAlias } from './names.ts'
import type { ContainerNetworkObserved } from './observe.ts'
import type { OwnThings } from './own.ts'
import type { Attachment } from './spec.ts'

/** Name of the link inside the container. */
const insideName = 'eth0'

/** The lines that connect one container to the network. */
export interface AttachmentLines {
  /** On the host, before anything else: a namespace and a link into it. */
  readonly make: readonly BatchLine[]
  /** Settings of the host's end, while it is down still. */
  readonly settings: readonly Setting[]
  /** In the namespace; null where nothing is missing there. */
  readonly inside: InsideLines | null
  /** On the host, at last: up, with the gateway's address, the route and the alias. */
  readonly finish: readonly BatchLine[]
}

/** Lines for one namespace. */
export interface InsideLines {
  readonly object: string
  readonly namespace: string
  readonly lines: readonly (readonly string[])[]
}

/** All of it for one that is yet to be made, or what is missing of one that was made. */
export function attachmentLines(
  attachment: Attachment,
  claim: Exclude<VethClaim, { readonly state: 'refused' }>,
  observed: ContainerNetworkObserved,
  own: OwnThings,
): AttachmentLines {
  const routes = routeLines(attachment, claim, own)
  const inside = insideLines(attachment, observed)
  if (claim.state === 'made') return mendingLines(attachment, claim.seen, inside, routes)
  return {
    make: makingLines(attachment, claim.seen, observed, own),
    settings: settingsOf(attachment),
    inside,
    finish: [
      of(attachment, upWords(attachment)),
      ...addressesOf(attachment).map((each) => of(attachment, gatewayWords(attachment, each))),
      ...routes,
      of(attachment, aliasWords(attachment, attachment.alias)),
    ],
  }
}

function of({ object }: Attachment, words: readonly string[]): BatchLine {
  return { object, words }
}

function mendingLines(
  attachment: Attachment,
  seen: LinkSeen,
  whole: InsideLines,
  routes: readonly BatchLine[],
): AttachmentLines {
  const finish: BatchLine[] = []
  const isUp = seen.up && seen.mtu === attachment.mtu
  if (!isUp) finish.push(of(attachment, upWords(attachment)))
  for (const address of addressesOf(attachment)) {
    const gateway = cidrText(gatewayNetwork(address.family))
    const hasGateway = seen.linkLocal.some((each) => cidrText(each) === gateway)
    if (!(seen.up && hasGateway)) finish.push(of(attachment, gatewayWords(attachment, address)))
  }
  // A link of which one end is down runs at neither: the end inside may be the one.
  const inside = seen.running ? null : whole
  return { make: [], settings: [], inside, finish: [...finish, ...routes] }
}

/** Obstacles are removed first; an existing namespace stays, with the processes in it. */
function makingLines(
  attachment: Attachment,
  seen: LinkSeen | null,
  observed: ContainerNetworkObserved,
  { links }: OwnThings,
): readonly BatchLine[] {
  const { object, link, mtu } = attachment
  const namespace = namespaceName(object, observed.names)
  // One that has no alias yet is not known by its owner.
  const old = new Set([...(seen === null ? [] : [link]), ...(links.get(object) ?? [])])
  const number = observed.namespaces.get(namespace)
  // The host has no number for it: it is a bare file, or was made and nothing was put into it.
  const stale = number === null ? [['netns', 'del', namespace]] : []
  const fresh = number === null || number === undefined ? [['netns', 'add', namespace]] : []
  const hardware = hardwareAddresses(object)
  const size = ['mtu', String(mtu)]
  const near = ['link', 'add', 'dev', link, ...size, 'address', hardware.host, 'type', 'veth']
  const far = ['peer', 'name', insideName, ...size, 'address', hardware.inside, 'netns', namespace]
  // The kernel would think of a link-local address by itself, and first ask who else has it. A link
  // for IPv4 has no IPv6 at all.
  const isSix = addressesOf(attachment).some(({ family }) => family === 6)
  const quiet = isSix ? [addrgenmodeWords(link)] : []
  return [
    ...[...old].map((name) => ['link', 'del', 'dev', name]),
    ...stale,
    ...fresh,
    [...near, ...far],
    aliasWords(attachment, unfinishedAlias(object)),
    ...quiet,
  ].map((words) => of(attachment, words))
}

function addrgenmodeWords(link: string): readonly string[] {
  return ['link', 'set', 'dev', link, 'addrgenmode', 'none']
}

function aliasWords({ link }: Attachment, alias: string): readonly string[] {
  return ['link', 'set', 'dev', link, 'alias', alias]
}

function upWords({ link, mtu }: Attachment): readonly string[] {
  return ['link', 'set', 'dev', link, 'mtu', String(mtu), 'up']
}

function gatewayNetwork(family: Address['family']): Cidr {
  const gateway = gatewayOf(family)
  return family === 4 ? hostNetwork(gateway) : { ...gateway, length: 64 }
}

/** The addresses of a container: one, or one of each family. */
function addressesOf({ address, address6 }: Attachment): readonly Address[] {
  return address6 === undefined ? [address] : [address, address6]
}

function gatewayWords({ link }: Attachment, address: Address): readonly string[] {
  const words = addressWords('replace', gatewayNetwork(address.family), link)
  // Else the host could take it for an address of its own towards anybody.
  return address.family === 4 ? [...words, 'scope', 'link'] : words
}

/**
 * Settings of the host's end, whatever the host's defaults are: it forwards; an IPv4 packet must
 * come from the container's address (RFC 3704 section 2.2); and no container advertises a route to
 * the host. Where the container has no IPv6, its link has none either.
 */
function settingsOf(attachment: Attachment): readonly Setting[] {
  const { link } = attachment
  const setting = (of: 4 | 6, name: string, value: number): Setting => ({
    name: linkSetting(of, link, name),
    value,
  })
  const all = [setting(4, 'forwarding', 1), setting(4, 'rp_filter', 1)]
  const isSix = addressesOf(attachment).some(({ family }) => family === 6)
  if (!isSix) return [...all, setting(6, 'disable_ipv6', 1)]
  return [...all, setting(6, 'accept_ra', 0), setting(6, 'forwarding', 1)]
}

/** Repeatable: each line leaves what is right as it is. */
function insideLines(attachment: Attachment, { names }: ContainerNetworkObserved): InsideLines {
  const { object, mtu } = attachment
  const eth = ['dev', insideName]
  const lines = [
    ['link', 'set', 'dev', 'lo', 'up'],
    ['link', 'set', ...eth, 'mtu', String(mtu)],
    addrgenmodeWords(insideName),
    ['link', 'set', ...eth, 'up'],
    ...addressesOf(attachment).flatMap(waysOf),
  ]
  return { object, namespace: namespaceName(object, names), lines }
}

/** An address inside, and the way from it to everywhere. */
function waysOf(address: Address): readonly (readonly string[])[] {
  const { family } = address
  const eth = ['dev', insideName]
  const gateway = addressText(gatewayOf(family))
  const neighbour: Cidr = { family: 6, bits: gatewayOf(6).bits + 1n, length: 64 }
  const way =
    family === 4
      ? ['route', 'replace', gateway, ...eth, 'scope', 'link']
      : addressWords('replace', neighbour, insideName)
  return [
    addressWords('replace', hostNetwork(address), insideName),
    way,
    ['route', 'replace', 'default', 'via', gateway, ...eth],
  ]
}

/** True if a line may fail: on a host without IPv6 there is nothing to keep quiet. */
export function isOptional(words: readonly string[]): boolean {
  return words.includes('addrgenmode')
}

/** The routes to the container, and what other routes its link has that are covey's. */
function routeLines(
  attachment: Attachment,
  claim: VethClaim,
  { ways, routes }: OwnThings,
): readonly BatchLine[] {
  const { link, source } = attachment
  const isMade = claim.state === 'made' && claim.seen.up
  const wanted = addressesOf(attachment).map(hostNetwork)
  const add = wanted.flatMap((network) => {
    const others = ways.get(cidrText(network)) ?? []
    if (isMade && others.includes(link)) return []
    // What is known to be covey's may be replaced; anything else must not be taken from its owner.
    const verb = others.length > 0 ? 'replace' : 'add'
    const from = source?.family === network.family ? source : null
    return [of(attachment, routeWords(verb, network, link, from))]
  })
  if (!isMade) return add
  const texts = new Set(wanted.map(cidrText))
  const extra = (routes.get(link) ?? []).filter((each) => !texts.has(cidrText(each)))
  return [...add, ...extra.map((each) => of(attachment, routeWords('del', each, link)))]
}
