import type { Cidr } from '../addresses.ts'
import type { HostPorts } from '../host-ports.ts'
import { learnedCommand } from '../tools/ip.ts'
import { lookAtLinks } from '../tools/ip-look.ts'
import {
  type LinkSeen,
  type LinksAndRoutes,
  parseLearned,
  type RouteSeen,
} from '../tools/ip-parse.ts'
import { acceptRaCommand, parseAcceptRa } from '../tools/sysctl.ts'
import { namespaceName, vethOwner } from './names.ts'
import { type NamespacesSeen, ownNamespaces } from './namespaces.ts'
import type { ContainerNetworkSpec } from './spec.ts'

/** The observed network of a host's containers. */
export interface ContainerNetworkObserved extends NamespacesSeen {
  /** All links of the host, by name. */
  readonly links: ReadonlyMap<string, LinkSeen>
  /** Routes with covey's protocol number, on whatever link. */
  readonly routes: readonly RouteSeen[]
  /** Networks that covey answers as unreachable. */
  readonly unreachable: readonly Cidr[]
  /** True if the host forwards, by family. */
  readonly forwards: Readonly<Record<4 | 6, boolean>>
  /**
   * Links by which the host has learned IPv6 routes, and would no longer once it forwards; told
   * only where it is about to.
   */
  readonly learning: readonly string[]
  /** Objects that need no namespace any more, and whose container runs in it still. */
  readonly busy: ReadonlySet<string>
}

/**
 * Looks at links, routes and namespaces in one process, however many containers there are. Rejects
 * if a tool does not answer.
 */
export async function observeContainerNetwork(
  spec: ContainerNetworkSpec,
  host: HostPorts,
  signal: AbortSignal,
): Promise<ContainerNetworkObserved> {
  const [looked, names] = await Promise.all([
    lookAtLinks(host, signal),
    host.containers.namespaces(),
  ])
  const links = new Map(looked.links.map((link) => [link.name, link]))
  const { routes, unreachable, namespaces, forwarding } = looked
  const forwards = { 4: forwarding[4].has('all'), 6: forwarding[6].has('all') }
  const isTurnedOn = !forwards[6] && spec.subnets.some(({ subnet }) => subnet.family === 6)
  const [learning, busy] = await Promise.all([
    isTurnedOn ? learningLinks(looked, host, signal) : [],
    hasLeftovers(spec, { links, names, namespaces }) ? runningObjects(host) : new Set<string>(),
  ])
  return { links, routes, unreachable, names, namespaces, forwards, learning, busy }
}

async function learningLinks(
  { links, forwarding }: LinksAndRoutes,
  host: HostPorts,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const [routes, settings] = await Promise.all([
    host.run(learnedCommand(), signal),
    host.run(acceptRaCommand(), signal),
  ])
  const learned = parseLearned(routes.stdout)
  const values = parseAcceptRa(settings.stdout)
  const isLearning = (name: string): boolean =>
    learned.has(name) && values.get(name) === 1 && !forwarding[6].has(name)
  return links.map(({ name }) => name).filter(isLearning)
}

function hasLeftovers(spec: ContainerNetworkSpec, seen: NamespacesSeen): boolean {
  const wanted = new Set([...spec.kept, ...spec.attachments.map(({ object }) => object)])
  const owners = [...seen.links.values()].map(vethOwner)
  const isOld = ([name, object]: readonly [string, string]): boolean =>
    !wanted.has(object) || name !== namespaceName(object, seen.names)
  return (
    owners.some((owner) => owner !== null && !wanted.has(owner)) ||
    [...ownNamespaces(seen)].some(isOld)
  )
}

async function runningObjects(host: HostPorts): Promise<ReadonlySet<string>> {
  const running = new Set<string>()
  for (const { object, record, process } of await host.containers.look()) {
    const isThere = process.state === 'created' || process.state === 'running'
    if (!isThere || record?.namespace === null) continue
    running.add(object)
    if (record?.networkOf !== undefined) running.add(record.networkOf)
  }
  return running
}
