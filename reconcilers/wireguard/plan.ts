import type { PlanStep } from '../reconciler.ts'
import type { BatchLine } from '../tools/ip.ts'
import type { PeerWanted } from '../tools/wg.ts'
import { planDevice } from './devices.ts'
import { type GuardStep, planGuards } from './guards.ts'
import { aliasOf, claimLink, leftovers, linkKey } from './links.ts'
import { type LinkMemory, type MemoryChange, memoryText, sameLinkMemory } from './memory.ts'
import type { WireguardObserved } from './observed.ts'
import { planBatch } from './routes.ts'
import type { LinkSpec, WireguardSpec } from './spec.ts'

/** Removes a link that no object wants, or that must be made again. */
interface RemoveLinkStep extends PlanStep {
  readonly kind: 'remove-link'
  readonly link: string
}

/** Makes a link, with the kernel's WireGuard or in user space, and names its object. */
export interface MakeLinkStep extends PlanStep {
  readonly kind: 'make-link'
  readonly link: string
  readonly object: string
}

/** Names the object of a link that is covey's already. */
interface NameLinkStep extends PlanStep {
  readonly kind: 'name-link'
  readonly link: string
  readonly alias: string
}

/** Gives a link its key, port and peers in one go. The private key is opened by `apply`. */
export interface SyncDeviceStep extends PlanStep {
  readonly kind: 'sync-device'
  readonly link: string
  readonly publicKey: string
  readonly listenPort: number
  readonly peers: readonly PeerWanted[]
  readonly renew: readonly string[]
  readonly memory: LinkMemory
}

/** Brings a link up, with addresses and routes, in one batch. */
interface BatchStep extends PlanStep {
  readonly kind: 'batch'
  readonly link: string
  readonly lines: readonly BatchLine[]
}

/** Remembers what no other step does. */
interface RememberStep extends PlanStep {
  readonly kind: 'remember'
  readonly change: MemoryChange
}

/** One step of a plan for WireGuard. */
export type WireguardStep =
  | RemoveLinkStep
  | MakeLinkStep
  | NameLinkStep
  | SyncDeviceStep
  | BatchStep
  | GuardStep
  | RememberStep

/** Plans the steps that make the host's links match the spec. Pure; an empty list if they do. */
export function planWireguard(
  spec: WireguardSpec,
  observed: WireguardObserved,
): readonly WireguardStep[] {
  const left = leftovers(spec, observed)
  const before = left.filter((each) => each.isInTheWay)
  const after = left.filter((each) => !each.isInTheWay)
  const guards = planGuards(spec, observed)
  return [
    ...guards.before,
    ...before.map(({ link }): WireguardStep => ({ kind: 'remove-link', link, objects: [] })),
    ...spec.links.flatMap((link) => planLink(link, spec, observed)),
    ...after.map(
      ({ link }): WireguardStep => ({ kind: 'remove-link', link, objects: [], takesDown: true }),
    ),
    ...guards.after,
    ...planMemory(spec, observed),
  ]
}

function planLink(
  link: LinkSpec,
  spec: WireguardSpec,
  observed: WireguardObserved,
): readonly WireguardStep[] {
  const claim = claimLink(link, spec, observed)
  const own = linkKey(link, observed)
  if (claim.state === 'refused' || own.refused !== null) return []
  const steps: WireguardStep[] = []
  const { object } = link
  const objects = [object]
  if (claim.state === 'dead') steps.push({ kind: 'remove-link', link: link.link, objects })
  if (claim.state === 'own') {
    const alias = aliasOf(object)
    if (!claim.isNamed) steps.push({ kind: 'name-link', link: link.link, alias, objects })
  } else steps.push({ kind: 'make-link', link: link.link, object, objects })

  const seen = claim.state === 'own' ? (observed.devices.get(link.link) ?? null) : null
  const device = planDevice(link, own.key, seen, spec, observed)
  if (device.isDifferent) {
    const { changed, publicKey, listenPort, peers, renew, memory } = device
    const pace = device.recurs ? 'recurring' : 'usual'
    const about = { objects: changed, link: link.link, pace } as const
    steps.push({ kind: 'sync-device', ...about, publicKey, listenPort, peers, renew, memory })
  }
  const lines = planBatch(link, claim, device, observed)
  if (lines.length > 0) {
    const about = [...new Set(lines.map((line) => line.object))]
    steps.push({ kind: 'batch', link: link.link, lines, objects: about })
  }
  const known = observed.memory.links.get(link.link)
  if (!device.isDifferent && !(known && sameLinkMemory(known, device.memory))) {
    const change = { links: new Map([[link.link, device.memory]]) }
    steps.push({ kind: 'remember', change, objects: [] })
  }
  return steps
}

/** The record of links that are gone, and of names. */
function planMemory(spec: WireguardSpec, observed: WireguardObserved): readonly WireguardStep[] {
  const wanted = new Set(spec.links.map((each) => each.link))
  const gone = [...observed.memory.links.keys()].filter(
    (link) => !wanted.has(link) && !observed.links.has(link),
  )
  const { names } = observed
  const text = (map: typeof names): string => memoryText({ links: new Map(), names: map })
  const isNew = text(names) !== text(observed.memory.names)
  if (gone.length === 0 && !isNew) return []
  const links = new Map(gone.map((link) => [link, null]))
  return [{ kind: 'remember', change: isNew ? { links, names } : { links }, objects: [] }]
}
