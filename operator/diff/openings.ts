import { isObject } from '../../protocol/documents/canonical-json.ts'
import type { Config } from '../../protocol/documents/config.ts'
import { sectionOf, typeIn } from '../../reconcilers/cluster/references.ts'
import { parsePorts } from '../../reconcilers/nftables/flows/flow-end.ts'
import { publishSchema } from '../../reconcilers/nftables/spec.ts'
import type { Opening } from './plan-document.ts'
import { serviceOfContainer } from './services.ts'

type Hosts = Pick<Config, 'hosts'>

/** Scopes of a published port, in words. */
const scopes = { network: 'mesh', lan: 'lan', public: 'everybody' } as const

/** Every way to a port that a config opens, by a text that two equal ones share. Pure. */
function openingsOf(config: Hosts): ReadonlyMap<string, Opening> {
  const found = new Map<string, Opening>()
  for (const host of Object.keys(config.hosts).sort()) {
    const section = sectionOf(config, host) ?? {}
    for (const name of Object.keys(section).sort()) {
      const type = typeIn(section, name)
      const own =
        type === 'nftables_publish'
          ? publishesOf(config, host, name)
          : type === 'nftables_policy'
            ? policiesOf(config, host, name)
            : []
      for (const opening of own) found.set(JSON.stringify(opening), opening)
    }
  }
  return found
}

/** The ways that come with `after`, and those that go with `before`. */
export function openingChanges(
  before: Hosts,
  after: Hosts,
): { readonly opens: readonly Opening[]; readonly closes: readonly Opening[] } {
  const [old, next] = [openingsOf(before), openingsOf(after)]
  return {
    opens: [...next].filter(([text]) => !old.has(text)).map(([, opening]) => opening),
    closes: [...old].filter(([text]) => !next.has(text)).map(([, opening]) => opening),
  }
}

function publishesOf(config: Hosts, host: string, name: string): readonly Opening[] {
  const { data } = publishSchema.safeParse(config.hosts[host]?.[name])
  if (data === undefined) return []
  const { container, protocol, host_port: port, on } = data
  const service = serviceAt(config, host, container)
  return [{ host, port, protocol, to: scopes[on], service, published: true }]
}

function policiesOf(config: Hosts, host: string, name: string): readonly Opening[] {
  const policy = config.hosts[host]?.[name]
  const container: unknown = policy?.['container']
  const ingress: unknown = policy?.['ingress']
  if (typeof container !== 'string' || !Array.isArray(ingress)) return []
  const service = serviceAt(config, host, container)
  return ingress.flatMap((rule: unknown) => {
    if (!isObject(rule) || typeof rule['from'] !== 'string') return []
    const to = endText(config, host, rule['from'])
    const ports: readonly unknown[] = Array.isArray(rule['ports']) ? rule['ports'] : [undefined]
    return ports.map((text) => ({ host, ...portOf(text), to, service, published: false }))
  })
}

function portOf(text: unknown): Pick<Opening, 'port' | 'protocol'> {
  const range = typeof text === 'string' ? parsePorts(text) : undefined
  if (range === undefined) return { port: null, protocol: 'any' }
  const { protocol, first, last } = range
  if (protocol === 'icmp') return { port: null, protocol }
  return { port: first === last ? first : `${first}-${last}`, protocol }
}

/** Who may ask: a container by its service, everything else as the policy has it. */
function endText(config: Hosts, self: string, text: string): string {
  const [, where, only] = /^container:(?:([^/]+)\/)?(.+)$/.exec(text) ?? []
  if (only === undefined) return text === '0.0.0.0/0' || text === '::/0' ? 'everybody' : text
  const host = where ?? self
  const service = serviceAt(config, host, only)
  return host === self ? service : `${service} on ${host}`
}

function serviceAt(config: Hosts, host: string, container: string): string {
  return serviceOfContainer(container, sectionOf(config, host)?.[container])
}
