import type { Verdict } from '../reconciler.ts'
import type { LinkSeen } from '../tools/ip-parse.ts'
import { hardwareAddresses, namespaceName, vethOwner } from './names.ts'
import type { ContainerNetworkObserved } from './observe.ts'
import type { Attachment, ContainerNetworkSpec } from './spec.ts'
import { refusedSubnets } from './subnets.ts'

/** The present owner of a container's link. */
export type VethClaim =
  /** There is none, or one that only making it again can mend. */
  | { readonly state: 'unmade'; readonly seen: LinkSeen | null }
  /** It was made as the object says, and leads into the object's namespace. */
  | { readonly state: 'made'; readonly seen: LinkSeen }
  /** It is another's. */
  | { readonly state: 'refused'; readonly reason: string }

/** Decides whose the link of a container is, and whether it must be made. */
export function claimVeth(attachment: Attachment, observed: ContainerNetworkObserved): VethClaim {
  const { object } = attachment
  const seen = observed.links.get(attachment.link)
  if (seen === undefined) return { state: 'unmade', seen: null }
  // Covey's process may have been killed after it had made the link and before it could name it.
  const isUnnamed = seen.alias === null && seen.hardware === hardwareAddresses(object).host
  const isOwn = seen.kind === 'veth' && (isUnnamed || vethOwner(seen) === object)
  if (!isOwn) return { state: 'refused', reason: `${seen.name} is not covey's link` }
  const number = observed.namespaces.get(namespaceName(object, observed.names)) ?? null
  const isJoined = number !== null && seen.peerNamespace === number
  const isWhole = isJoined && seen.alias === attachment.alias
  return { state: isWhole ? 'made' : 'unmade', seen }
}

/** Verdicts on objects: links and subnets that belong to others. */
export function judgeContainerNetwork(
  spec: ContainerNetworkSpec,
  observed: ContainerNetworkObserved,
): readonly Verdict[] {
  const links = spec.attachments.flatMap((attachment): readonly Verdict[] => {
    const claim = claimVeth(attachment, observed)
    if (claim.state !== 'refused') return []
    return [{ object: attachment.object, state: 'failed', reason: claim.reason }]
  })
  const subnets = [...refusedSubnets(spec, observed)].map(
    ([object, reason]): Verdict => ({ object, state: 'failed', reason }),
  )
  return [...links, ...subnets]
}
