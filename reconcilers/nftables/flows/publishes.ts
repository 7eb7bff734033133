import type { Config } from '../../../protocol/documents/config.ts'
import type { Fault } from '../../../protocol/fault.ts'
import type { Address } from '../../addresses.ts'
import type { Places } from '../../cluster/places.ts'
import { sectionOf, typeIn } from '../../cluster/references.ts'
import { type PublishObject, publishSchema } from '../spec.ts'
import { containerFault, type FirewallContext, objectsOf } from './context.ts'
import type { PublishSpec, RemotePublish } from './firewall.ts'

/**
 * Resolves `nftables_publish`. Refused are ports that the mesh, the overlay or a rescue needs: a
 * rule that took them would cut the host off.
 */
export function resolvePublishes(context: FirewallContext): readonly PublishSpec[] {
  const publishes: PublishSpec[] = []
  for (const { name, path, object } of objectsOf<PublishObject>(
    context,
    'nftables_publish',
    publishSchema,
  )) {
    const fault =
      containerFault(context, object.container, `${path}.container`) ??
      reservedFault(context, object, path) ??
      repeatedFault(publishes, object, path)
    const hostAddress = object.on === 'network' ? meshAddress(context, object.container) : null
    const nowhere = fault ?? addressFault(context, object, hostAddress, path)
    if (nowhere !== undefined) {
      context.refuse(name, [nowhere])
      continue
    }
    const { container, protocol, on } = object
    const ports = { hostPort: object.host_port, containerPort: object.container_port }
    publishes.push({
      object: name,
      container,
      protocol,
      ...ports,
      on,
      hostAddress: hostAddress ?? null,
    })
  }
  return publishes
}

function reservedFault(
  context: FirewallContext,
  { protocol, host_port: port }: PublishObject,
  path: string,
): Fault | undefined {
  const at = `${path}.host_port`
  const refuse = (what: string): Fault => ({
    code: 'port-reserved',
    message: `${port}/${protocol} is ${what}: publishing it would cut this host off: take another port`,
    path: at,
  })
  const tunnel = context.links.find((link) => link.listenPort === port)
  if (protocol === 'udp' && tunnel !== undefined) return refuse(`the port of ${tunnel.object}`)
  const agent = Object.keys(context.section).find(
    (name) => typeIn(context.section, name) === 'agent',
  )
  const overlayPort = agent === undefined ? undefined : (context.section[agent]?.['port'] ?? 4069)
  if (protocol === 'tcp' && overlayPort === port) return refuse('the port of the overlay')
  const rescue = context.rescuePorts.some(
    (each) => each.protocol === protocol && each.first <= port && port <= each.last,
  )
  return rescue ? refuse('a rescue port') : undefined
}

/** Two publishes of one port, where some packet would be for both. */
function repeatedFault(
  publishes: readonly PublishSpec[],
  { protocol, host_port: port }: PublishObject,
  path: string,
): Fault | undefined {
  const other = publishes.find((each) => each.protocol === protocol && each.hostPort === port)
  if (other === undefined) return undefined
  const message = `${port}/${protocol} is published by ${other.object} already`
  return { code: 'port-repeated', message, path: `${path}.host_port` }
}

/** Address of the link through which a container's network is reached. */
function meshAddress(context: FirewallContext, container: string): Address | undefined {
  const network = context.containers.get(container)?.network ?? ''
  const through = context.cluster.places.subnets.get(context.host)?.get(network)?.network
  return context.links.find((link) => link.object === through)?.address
}

function addressFault(
  context: FirewallContext,
  { container, on }: PublishObject,
  hostAddress: Address | null | undefined,
  path: string,
): Fault | undefined {
  if (on !== 'network') return undefined
  if (hostAddress === undefined || hostAddress === null) {
    const message = `${container} is on no container_network with a WireGuard network`
    return {
      code: 'reference-missing',
      message: `${message}: say "lan" or "public"`,
      path: `${path}.on`,
    }
  }
  const family = context.containers.get(container)?.address.family
  if (family === hostAddress.family) return undefined
  const message = `the link has an IPv${hostAddress.family} address, and ${container} has none`
  return { code: 'family', message, path: `${path}.on` }
}

/**
 * Ports that hosts publish, by their addresses in the mesh and where tunnels find them: containers
 * of others may ask those.
 */
export function readPublishes(
  config: Pick<Config, 'hosts'>,
  places: Places,
): readonly RemotePublish[] {
  const found: RemotePublish[] = []
  const endpoints = new Map<string, Address[]>()
  for (const { host, address } of places.endpoints) {
    endpoints.set(host, [...(endpoints.get(host) ?? []), address])
  }
  for (const [host, links] of places.links) {
    const section = sectionOf(config, host) ?? {}
    for (const name of Object.keys(section).sort()) {
      if (typeIn(section, name) !== 'nftables_publish') continue
      const { data } = publishSchema.safeParse(section[name])
      if (!data) continue
      const { protocol, host_port: port, container, on } = data
      const network: unknown = section[container]?.['network']
      const ranges = places.subnets.get(host)
      const through = typeof network === 'string' ? ranges?.get(network)?.network : undefined
      const inMesh = [...links].filter(([link]) => on !== 'network' || link === through)
      const outside = on === 'network' ? [] : (endpoints.get(host) ?? [])
      for (const address of [...inMesh.map(([, own]) => own), ...outside]) {
        found.push({ host, object: name, address, ports: { protocol, first: port, last: port } })
      }
    }
  }
  return found
}
