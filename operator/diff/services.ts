import { serviceOf } from '../../protocol/api/containers.ts'
import { isObject } from '../../protocol/documents/canonical-json.ts'
import type { Config, ConfigObject, HostSection } from '../../protocol/documents/config.ts'
import { sectionOf, typeIn } from '../../reconcilers/cluster/references.ts'

/** Names of containers of one host, by the service that each of them is. */
type HostServices = ReadonlyMap<string, readonly string[]>

/** The service of a container in the layout's words; its own name where no layout made it. */
export function serviceOfContainer(name: string, object: ConfigObject | undefined): string {
  const labels: unknown = object?.['labels']
  return (isObject(labels) ? serviceOf(labels).service : null) ?? name
}

/** The containers of a host by their services, sorted. */
function servicesOn(config: Pick<Config, 'hosts'>, host: string): HostServices {
  const section = sectionOf(config, host) ?? {}
  const services = new Map<string, string[]>()
  for (const name of Object.keys(section).sort()) {
    if (typeIn(section, name) !== 'runc_container') continue
    const service = serviceOfContainer(name, section[name])
    services.set(service, [...(services.get(service) ?? []), name])
  }
  return services
}

/** For each service the hosts that it runs on, sorted. */
export function hostsOfServices(
  config: Pick<Config, 'hosts'>,
): ReadonlyMap<string, readonly string[]> {
  const hosts = new Map<string, string[]>()
  for (const host of Object.keys(config.hosts).sort()) {
    for (const service of servicesOn(config, host).keys()) {
      hosts.set(service, [...(hosts.get(service) ?? []), host])
    }
  }
  return hosts
}

/**
 * The service that each object of a section belongs to: a container's own, that of the container
 * which an object is about, or that of all containers which use it; else the stack of those.
 * Objects that belong to none are left out.
 */
export function servicesByObject(section: HostSection): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  const users = new Map<string, Set<string>>()
  for (const name of Object.keys(section)) {
    if (typeIn(section, name) !== 'runc_container') continue
    const service = serviceOfContainer(name, section[name])
    found.set(name, service)
    for (const used of usedBy(section[name])) {
      users.set(used, (users.get(used) ?? new Set()).add(service))
    }
  }
  for (const name of Object.keys(section)) {
    if (found.has(name)) continue
    const about: unknown = section[name]?.['container']
    const own = typeof about === 'string' ? found.get(about) : undefined
    const service = own ?? sharedName([...(users.get(name) ?? [])])
    if (service !== undefined) found.set(name, service)
  }
  return found
}

/** Names of the volumes and secrets that a container uses. */
function usedBy(object: ConfigObject | undefined): readonly string[] {
  const entries = [object?.['mounts'], object?.['secrets']].flatMap((list: unknown) => {
    return Array.isArray(list) ? list : []
  })
  return entries.flatMap((entry: unknown) => {
    if (!isObject(entry)) return []
    return [entry['volume'], entry['secret']].filter((name) => typeof name === 'string')
  })
}

/** The only service, or the stack that all of them are of. */
function sharedName(services: readonly string[]): string | undefined {
  const [first] = services
  if (first === undefined || services.length === 1) return first
  const stacks = new Set(services.map((service) => service.split('/')[0]))
  return stacks.size === 1 && first.includes('/') ? first.split('/')[0] : undefined
}

/**
 * A volume as the layout names it: `pgdata` for `shop-pgdata_v` of the stack of `shop/db`; any
 * other one by its object.
 */
export function volumeWord(object: string, service: string): string {
  const stack = service.includes('/') ? `${service.split('/')[0]}-` : ''
  return object.startsWith(stack) && object.endsWith('_v') ? object.slice(stack.length, -2) : object
}
