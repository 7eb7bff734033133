import { type Cidr, cidrText } from '../addresses.ts'
import { vethOwner } from './names.ts'
import type { ContainerNetworkObserved } from './observe.ts'

/** Links to containers and routes over them, by what is asked for, so that a plan is linear. */
export interface OwnThings {
  /** Names of links by the object that they belong to. */
  readonly links: ReadonlyMap<string, readonly string[]>
  /** Names of links by the text of a network that a route over them leads to. */
  readonly ways: ReadonlyMap<string, readonly string[]>
  /** Networks that routes over a link lead to, by its name. */
  readonly routes: ReadonlyMap<string, readonly Cidr[]>
}

/** Sorts what was observed and carries covey's marks. */
export function ownThings(observed: ContainerNetworkObserved): OwnThings {
  const links = new Map<string, string[]>()
  const ways = new Map<string, string[]>()
  const routes = new Map<string, Cidr[]>()
  const own = new Set<string>()
  for (const link of observed.links.values()) {
    const owner = vethOwner(link)
    if (owner === null) continue
    own.add(link.name)
    append(links, owner, link.name)
  }
  for (const { destination, link } of observed.routes) {
    if (!own.has(link)) continue
    append(ways, cidrText(destination), link)
    append(routes, link, destination)
  }
  return { links, ways, routes }
}

function append<T>(map: Map<string, T[]>, key: string, value: T): void {
  const list = map.get(key)
  if (list === undefined) map.set(key, [value])
  else list.push(value)
}
