import type { ComposeService } from '../project.ts'
import type { Cursor } from './cursor.ts'

type DependsOn = ComposeService['dependsOn']
type Dependency = DependsOn extends ReadonlyMap<string, infer Value> ? Value : never

const conditions: ReadonlyMap<string, Dependency['condition']> = new Map([
  ['service_started', 'started'],
  ['service_healthy', 'healthy'],
  ['service_completed_successfully', 'completed'],
])

/** Services that one waits for without saying so. */
export interface ImpliedDependencies {
  /** By links, and by the network that it shares: it restarts with them. */
  readonly restarting: readonly string[]
  /** By `volumes_from`. */
  readonly lending: readonly string[]
}

/** Reads the services that a service waits for: those that it names, and those that it uses. */
export function readDependsOn(service: Cursor, implied: ImpliedDependencies): DependsOn {
  const found = new Map<string, Dependency>()
  for (const [name, item] of service.at('depends_on').members()) {
    const condition = item.at('condition').text() ?? 'service_started'
    const known = conditions.get(condition)
    if (known === undefined) {
      item.at('condition').fault(`must be ${[...conditions.keys()].join(', ')}`)
      continue
    }
    found.set(name, {
      condition: known,
      isRequired: item.at('required').boolean() ?? true,
      restarts: item.at('restart').boolean() ?? false,
    })
  }
  for (const [names, restarts] of [
    [implied.restarting, true],
    [implied.lending, false],
  ] as const) {
    for (const name of names) {
      if (!found.has(name)) found.set(name, { condition: 'started', isRequired: true, restarts })
    }
  }
  return found
}

/** The network that a service is given other than by `networks`. */
export function readNetworkMode(service: Cursor): ComposeService['networkMode'] {
  const cursor = service.at('network_mode')
  const mode = cursor.text() ?? ''
  if (mode !== '' && !service.at('networks').isAbsent) {
    cursor.fault('network_mode and networks exclude each other')
  }
  if (mode === 'host' || mode === 'none') return { kind: mode }
  const [, kind, name = ''] = /^(service|container):(.+)$/.exec(mode) ?? []
  if (kind === 'service' || kind === 'container') return { kind, name }
  if (mode === 'bridge' || mode === 'default') {
    cursor.note(
      'covey has no network that all containers of a host share: it is the default network of this project',
    )
  } else if (mode !== '') {
    cursor.fault(
      `must be host, none, bridge, service:NAME or container:NAME; a network stands under "networks": ${cursor.shown}`,
    )
  }
  return { kind: 'networks' }
}

/** Networks of a service and its names there; `default` where it names none. */
export function readNetworks(service: Cursor): ComposeService['networks'] {
  const networks = new Map<string, { readonly aliases: readonly string[] }>()
  for (const [key, item] of service.at('networks').members()) {
    networks.set(key, { aliases: item.isAbsent ? [] : item.at('aliases').distinct() })
  }
  if (networks.size === 0) networks.set('default', { aliases: [] })
  return networks
}

/** Names by links: alias to service. */
export function readLinks(list: Cursor): ReadonlyMap<string, string> {
  const links = new Map<string, string>()
  for (const item of list.items()) {
    const [service = '', alias = service, ...more] = (item.text() ?? '').split(':')
    if (service === '' || alias === '' || more.length > 0)
      item.fault('must be SERVICE or SERVICE:ALIAS')
    else links.set(alias, service)
  }
  return links
}

/** Further names: `NAME=ADDRESS`, `NAME:ADDRESS`, several addresses with commas. */
export function readExtraHosts(list: Cursor): ReadonlyMap<string, readonly string[]> {
  const hosts = new Map<string, readonly string[]>()
  for (const item of list.items()) {
    const text = item.text() ?? ''
    const at = text.includes('=') ? text.indexOf('=') : text.indexOf(':')
    const name = text.slice(0, Math.max(at, 0)).trim()
    const addresses = text
      .slice(at + 1)
      .split(',')
      .map(plainAddress)
    if (name === '' || name.includes(':') || addresses.some((address) => address === '')) {
      item.fault(`must be NAME=ADDRESS or NAME:ADDRESS: ${item.shown}`)
      continue
    }
    hosts.set(name, [...new Set([...(hosts.get(name) ?? []), ...addresses])])
  }
  return hosts
}

function plainAddress(text: string): string {
  return text.trim().replace(/^\[(.+)\]$/, '$1')
}
