import { type Cidr, cidrText } from '../addresses.ts'
import type { PlanStep } from '../reconciler.ts'
import { type BatchLine, unreachableWords } from '../tools/ip.ts'
import { linkSetting, type Setting } from '../tools/sysctl.ts'
import { claimVeth } from './claims.ts'
import { type AttachmentLines, attachmentLines } from './lines.ts'
import { namespaceName, vethOwner } from './names.ts'
import { ownNamespaces } from './namespaces.ts'
import type { ContainerNetworkObserved } from './observe.ts'
import { type OwnThings, ownThings } from './own.ts'
import type { Attachment, ContainerNetworkSpec } from './spec.ts'
import { refusedSubnets } from './subnets.ts'

/** Lets the host forward packets, which containers need and nothing ever turns off. */
interface ForwardStep extends PlanStep {
  readonly kind: 'forward'
  readonly settings: readonly Setting[]
}

/** Lines for the host that stand for themselves. */
interface HostStep extends PlanStep {
  readonly kind: 'host'
  readonly lines: readonly BatchLine[]
}

/** Makes or mends the ways to the network of several containers. */
export interface AttachStep extends PlanStep {
  readonly kind: 'attach'
  readonly attachments: readonly AttachmentLines[]
}

/** One step of a plan for the containers' network. */
export type ContainerNetworkStep = ForwardStep | HostStep | AttachStep

/**
 * Plans the steps that connect every container to the network. Pure; nothing to do is an empty
 * list.
 */
export function planContainerNetwork(
  spec: ContainerNetworkSpec,
  observed: ContainerNetworkObserved,
): readonly ContainerNetworkStep[] {
  const refused = refusedSubnets(spec, observed)
  const sound: ContainerNetworkSpec = {
    ...spec,
    subnets: spec.subnets.filter(({ object }) => !refused.has(object)),
    attachments: spec.attachments.filter(({ network }) => !refused.has(network)),
  }
  return [
    ...planStaleSubnets(sound, observed),
    ...([4, 6] as const).flatMap((family) => planForwarding(family, sound, observed)),
    ...planSubnets(sound, observed),
    ...planAttachments(sound, observed),
    // Containers on a refused network keep what they have.
    ...planLeftovers(spec, observed),
  ]
}

function textsOf(networks: readonly Cidr[]): ReadonlySet<string> {
  return new Set(networks.map(cidrText))
}

/**
 * A subnet that is this host's no more goes first: another host may have it now, and the route to
 * it could not be made.
 */
function planStaleSubnets(
  spec: ContainerNetworkSpec,
  observed: ContainerNetworkObserved,
): readonly HostStep[] {
  if (spec.keepsSubnets) return []
  const wanted = textsOf(spec.subnets.map(({ subnet }) => subnet))
  const lines = observed.unreachable
    .filter((network) => !wanted.has(cidrText(network)))
    .map((network) => ({ object: '', words: unreachableWords('del', network) }))
  return lines.length === 0 ? [] : [{ kind: 'host', lines, objects: [] }]
}

function planForwarding(
  family: 4 | 6,
  spec: ContainerNetworkSpec,
  observed: ContainerNetworkObserved,
): readonly ForwardStep[] {
  const networks = spec.subnets.filter(({ subnet }) => subnet.family === family)
  if (networks.length === 0 || observed.forwards[family]) return []
  // A host that forwards no longer learns its own routes from router advertisements, and forgets
  // those that it has, unless it is told before to go on (2).
  const learning = family === 4 ? [] : observed.learning
  const settings = [
    ...learning.map((link) => ({ name: linkSetting(6, link, 'accept_ra'), value: 2 })),
    { name: linkSetting(family, 'all', 'forwarding'), value: 1 },
  ]
  // One for each, as what holds one network back does not concern another.
  return networks.map(({ object }) => ({ kind: 'forward', settings, objects: [object] }))
}

/**
 * A packet to an address of the subnet that no container has ends here. Without this it would
 * follow the wider route, into the tunnel or to the internet.
 */
function planSubnets(
  spec: ContainerNetworkSpec,
  observed: ContainerNetworkObserved,
): readonly HostStep[] {
  const present = textsOf(observed.unreachable)
  return spec.subnets
    .filter(({ subnet }) => !present.has(cidrText(subnet)))
    .map(({ object, subnet }) => ({
      kind: 'host',
      lines: [{ object, words: unreachableWords('add', subnet) }],
      objects: [object],
    }))
}

/**
 * One step for all containers that refer to the same objects. What holds one of them back holds all
 * of them back, so a step for others as well would let one faulty secret stop its neighbours.
 */
function planAttachments(
  spec: ContainerNetworkSpec,
  observed: ContainerNetworkObserved,
): readonly AttachStep[] {
  const own = ownThings(observed)
  const groups = new Map<string, { objects: string[]; attachments: AttachmentLines[] }>()
  for (const attachment of spec.attachments) {
    const lines = linesFor(attachment, observed, own)
    if (lines === null) continue
    const key = [...attachment.references].sort().join(' ')
    const group = groups.get(key) ?? { objects: [], attachments: [] }
    group.objects.push(attachment.object)
    group.attachments.push(lines)
    groups.set(key, group)
  }
  return [...groups].map(([lane, group]) => ({ kind: 'attach', lane, ...group }))
}

function linesFor(
  attachment: Attachment,
  observed: ContainerNetworkObserved,
  own: OwnThings,
): AttachmentLines | null {
  const claim = claimVeth(attachment, observed)
  if (claim.state === 'refused') return null
  const lines = attachmentLines(attachment, claim, observed, own)
  const isWhole = claim.state === 'made' && lines.inside === null && lines.finish.length === 0
  return isWhole ? null : lines
}

/** Links and namespaces of covey's that no object wants, and in which no container runs. */
function planLeftovers(
  spec: ContainerNetworkSpec,
  observed: ContainerNetworkObserved,
): readonly HostStep[] {
  const wanted = new Set(spec.attachments.map(({ object }) => object))
  const isLeft = (object: string | null): boolean =>
    object !== null && !wanted.has(object) && !spec.kept.has(object) && !observed.busy.has(object)
  const links = [...observed.links.values()].filter((link) => isLeft(vethOwner(link)))
  const namespaces = [...ownNamespaces(observed)]
    .filter(([name, object]) => isLeft(object) || isOlder(name, object, spec, observed))
    .map(([name]) => name)
  // The link first: it would go with its namespace, but only after a while.
  const words = [
    ...links.map(({ name }) => ['link', 'del', 'dev', name]).sort(),
    ...namespaces.map((name) => ['netns', 'del', name]).sort(),
  ]
  if (words.length === 0) return []
  const lines = words.map((each) => ({ object: '', words: each }))
  return [{ kind: 'host', lines, objects: [], takesDown: true }]
}

/** True if a namespace has been followed by another one of the same container, and stands empty. */
function isOlder(
  name: string,
  object: string,
  spec: ContainerNetworkSpec,
  { names, busy }: ContainerNetworkObserved,
): boolean {
  const isWanted = spec.attachments.some((each) => each.object === object)
  return isWanted && name !== namespaceName(object, names) && !busy.has(object)
}
