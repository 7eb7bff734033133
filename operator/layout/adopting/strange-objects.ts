import { serviceLabels } from '../../../protocol/api/containers.ts'
import { isObject } from '../../../protocol/documents/canonical-json.ts'
import type { Config, ConfigObject, HostSection } from '../../../protocol/documents/config.ts'
import { contains, overlaps, parseCidr } from '../../../reconcilers/addresses.ts'
import type { Layout } from '../layout.ts'
import { factKey, hostFact, type Lock } from '../lock.ts'
import { podsSubnet, wholeNetwork } from '../network.ts'

/** An object of a config that no layout explains. */
export interface StrangeObject {
  readonly host: string
  readonly name: string
  readonly object: ConfigObject
}

/** Objects that compiling makes on every host, or on every host with containers. */
const ownNames: readonly string[] = ['wg_network', 'mesh', 'agent', 'pods', 'pods_fwd', 'pods_out']

/**
 * Objects of a config in force that the compiled one lacks and no earlier layout had: they were
 * written by hand. Services that left the layout are known by their label, by the lock, and by
 * what refers to them. Hosts that are not in the layout are left out.
 */
export function notInLayout(
  inForce: Config['hosts'],
  compiled: Config['hosts'],
  lock: Lock,
): readonly StrangeObject[] {
  return Object.keys(inForce)
    .filter((host) => Object.hasOwn(compiled, host))
    .sort()
    .flatMap((host) => {
      const section = inForce[host] ?? {}
      const known = new Set([...ownNames, ...Object.keys(compiled[host] ?? {})])
      for (const name of Object.keys(section)) {
        const isWritten = lock.facts.has(factKey('object', host, name))
        if (isWritten || isOfService(host, name, section, lock)) known.add(name)
      }
      for (const name of [...known]) for (const other of usedBy(section[name])) known.add(other)
      for (const [name, object] of Object.entries(section)) {
        if (typeof object['container'] === 'string' && known.has(object['container'])) {
          known.add(name)
        }
      }
      return Object.entries(section)
        .filter(([name]) => !known.has(name))
        .map(([name, object]) => ({ host, name, object }))
    })
}

function isOfService(host: string, name: string, section: HostSection, lock: Lock): boolean {
  const object = section[name]
  if (object?.type !== 'runc_container') return object?.type === 'registry'
  const { labels } = object
  const isLabelled = isObject(labels) && typeof labels[serviceLabels.service] === 'string'
  return isLabelled || lock.facts.has(factKey('address', host, name))
}

/** Names of the volumes and secrets that an object uses. */
function usedBy(object: ConfigObject | undefined): readonly string[] {
  const lists = [object?.['mounts'], object?.['secrets'], [{ secret: object?.['secret'] }]]
  return lists.flatMap((list) =>
    (Array.isArray(list) ? list : []).flatMap((item: unknown) => {
      const names = isObject(item) ? [item['volume'], item['secret']] : []
      return names.filter((name) => typeof name === 'string')
    }),
  )
}

/** Facts of the lock that come with adopted objects: the subnet of each host, their addresses. */
export function adoptedFacts(
  strange: readonly StrangeObject[],
  { layout, lock }: { readonly layout: Layout; readonly lock: Lock },
): Readonly<Record<string, string>> {
  const facts: Record<string, string> = {}
  for (const { host, name, object } of strange) {
    const { address, subnet, network } = object
    if (typeof address === 'string' && object.type === 'runc_container') {
      facts[factKey('address', host, name)] = address
    }
    const isOfMesh = object.type === 'container_network' && network === 'wg_network'
    const key = `host.${host}.subnet`
    if (!isOfMesh || typeof subnet !== 'string' || Object.hasOwn(facts, key)) continue
    if (hostFact(lock, host, 'subnet') === undefined && isForPods(subnet, layout)) {
      facts[key] = subnet
    }
  }
  return facts
}

function isForPods(text: string, { network }: Layout): boolean {
  const subnet = parseCidr(text)
  if (subnet === undefined || !contains(wholeNetwork(network), subnet)) return false
  return !overlaps(subnet, podsSubnet(network, 0))
}
