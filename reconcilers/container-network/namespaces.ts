import type { ContainerNamespaces } from '../container-facts.ts'
import type { LinkSeen } from '../tools/ip-parse.ts'
import { isNamedFor, namespaceOwner, vethOwner } from './names.ts'

/** The owners of the names in /run/netns. */
export interface NamespacesSeen {
  readonly names: ContainerNamespaces
  /** Names in /run/netns, with the number by which this host knows each, or null. */
  readonly namespaces: ReadonlyMap<string, number | null>
  readonly links: ReadonlyMap<string, LinkSeen>
}

/**
 * The names that are this agent's, with the containers that they are for: those with its mark,
 * those that a record of its names, and what a link of its leads into. Other agents may have names
 * in the same folder.
 */
export function ownNamespaces(seen: NamespacesSeen): ReadonlyMap<string, string> {
  const own = new Map<string, string>()
  const leading = new Map<number, string>()
  for (const link of seen.links.values()) {
    const object = vethOwner(link)
    if (object !== null && link.peerNamespace !== null) leading.set(link.peerNamespace, object)
  }
  for (const [name, number] of seen.namespaces) {
    const linked = number === null ? undefined : leading.get(number)
    const proven = linked !== undefined && isNamedFor(name, linked) ? linked : null
    const object = namespaceOwner(name, seen.names) ?? proven
    if (object !== null) own.set(name, object)
  }
  return own
}
