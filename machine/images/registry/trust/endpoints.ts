import { CoveyError } from '../../../../protocol/fault.ts'
import { parseRegistryName } from '../../../../reconcilers/images/registry-name.ts'
import type { RegistrySettings } from './settings.ts'

/** One registry as this host knows it: by `agent.json`, or only by a reference. */
export interface Endpoint {
  /** Canonical, as in a reference. */
  readonly name: string
  /** `host` or `host:port` that is asked. */
  readonly authority: string
  /** True if `agent.json` names it. */
  readonly configured: boolean
  /** True if plain HTTP and unproven certificates are good enough. */
  readonly insecure: boolean
  readonly caFile: string | null
  readonly credentials: { readonly username: string; readonly passwordFile: string } | null
  /** Canonical names of hosts that may be told the credentials, besides its own. */
  readonly realmHosts: readonly string[]
}

/** Every registry that `agent.json` names, and how to find the sources of an image. */
export interface Endpoints {
  /** Mirrors of a registry in the order of `agent.json`, then the registry itself. */
  sourcesOf(registry: string): readonly [...Endpoint[], Endpoint]
  /** The registry of `agent.json` that lies at a URL's host and port. */
  at(url: URL): Endpoint | undefined
}

/** The Docker Hub's API is not at its name. */
const dockerHub = { name: 'docker.io', authority: 'registry-1.docker.io' }

/** Public registries whose tokens come from another host of the same owner (docs/IMAGES.md). */
const knownRealmHosts: Readonly<Record<string, readonly string[]>> = {
  'docker.io': ['auth.docker.io'],
  'registry.gitlab.com': ['gitlab.com'],
}

function refuse(at: string, why: string): never {
  throw new CoveyError('settings', `registries.${at}: ${why}`, {
    hint: 'correct agent.json and start again',
  })
}

function canonical(at: string, text: string): string {
  const parsed = parseRegistryName(text)
  return parsed.ok ? parsed.value : refuse(at, parsed.fault.message)
}

function endpointOf(name: string, key: string, settings: RegistrySettings | null): Endpoint {
  const { username, password_file: passwordFile } = settings ?? {}
  if ((username === undefined) !== (passwordFile === undefined)) {
    refuse(key, 'username and password_file are given together or not at all')
  }
  if (username !== undefined && /[:\p{Cc}]/u.test(username)) {
    refuse(`${key}.username`, 'must contain no colon and no control character (RFC 7617 section 2)')
  }
  for (const [field, path] of [
    ['ca_file', settings?.ca_file],
    ['password_file', passwordFile],
  ] as const) {
    if (path?.startsWith('/') === false) refuse(`${key}.${field}`, 'must be an absolute path')
  }
  const isDockerHub = name === dockerHub.name
  const listed = settings?.realm_hosts ?? []
  return {
    name,
    authority: isDockerHub ? dockerHub.authority : name,
    configured: settings !== null,
    insecure: settings?.insecure ?? false,
    caFile: settings?.ca_file ?? null,
    credentials:
      username === undefined || passwordFile === undefined ? null : { username, passwordFile },
    realmHosts: [
      ...listed.map((host) => canonical(`${key}.realm_hosts`, host)),
      ...(Object.hasOwn(knownRealmHosts, name) ? (knownRealmHosts[name] ?? []) : []),
    ],
  }
}

/**
 * Reads `registries` of `agent.json`. Errors: `settings` for a key that is not a registry name, two
 * keys for one registry, a mirror of itself, half of the credentials, and relative paths.
 */
export function readEndpoints(registries: Readonly<Record<string, RegistrySettings>>): Endpoints {
  const byName = new Map<string, Endpoint>()
  const mirrors = new Map<string, Endpoint[]>()
  for (const [key, settings] of Object.entries(registries)) {
    const name = canonical(key, key)
    if (byName.has(name)) refuse(key, `is listed twice: both keys mean ${name}`)
    const endpoint = endpointOf(name, key, settings)
    byName.set(name, endpoint)
    if (settings.mirror_of === undefined) continue
    const origin = canonical(`${key}.mirror_of`, settings.mirror_of)
    if (origin === name) refuse(`${key}.mirror_of`, 'a registry cannot mirror itself')
    mirrors.set(origin, [...(mirrors.get(origin) ?? []), endpoint])
  }
  return {
    sourcesOf: (registry) => [
      ...(mirrors.get(registry) ?? []),
      byName.get(registry) ?? endpointOf(registry, registry, null),
    ],
    at(url) {
      const name = namesOf(url).find((each) => byName.has(each))
      return name === undefined ? undefined : byName.get(name)
    },
  }
}

/** Canonical names of a URL's host and port in `agent.json`. */
export function namesOf(url: URL): readonly string[] {
  const parsed = parseRegistryName(url.host)
  if (!parsed.ok) return []
  const impliesPort80 = url.protocol === 'http:' && url.port === ''
  return impliesPort80 ? [parsed.value, `${parsed.value}:80`] : [parsed.value]
}
