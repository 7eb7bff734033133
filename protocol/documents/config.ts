import { bad, type Checked, type Fault, good } from '../fault.ts'
import type { Head } from '../heads.ts'
import { ancestorsMax, epochMax, hostsMax, versionMax } from '../limits.ts'
import { isDigest, isName } from '../names.ts'
import { isObject, type Json, parseCanonicalJson } from './canonical-json.ts'

/** Position and digest of a config before this one: `[epoch, version, digest]`. */
export type Ancestor = readonly [epoch: number, version: number, digest: string]

/**
 * One object of a host's section. Everything but `type` belongs to the reconciler that owns the
 * type.
 */
export interface ConfigObject {
  readonly type: string
  readonly [field: string]: Json
}

/** Desired state of one host: objects by name. `{}` removes everything of covey's. */
export type HostSection = Readonly<Record<string, ConfigObject>>

/** The members that the order and the trust of a config rest on. */
export interface Claims {
  /** Cluster id: digest of the first root document. */
  readonly aud: string
  /** Epoch that the config belongs to. */
  readonly epoch: number
  /** Number of the config within its epoch. */
  readonly version: number
  /** The configs before it, newest first, at most 16. */
  readonly ancestors: readonly Ancestor[]
}

/**
 * A config whose claims hold and whose body is a config; sections are checked object by object,
 * later.
 */
export interface Config extends Claims {
  /** Seconds since 1970; information only: no rule reads a clock. */
  readonly iat: number | null
  /** Hosts that the signer knows to cut off. */
  readonly allowIsolation: readonly string[]
  /** Objects of each host, by the name of the host. */
  readonly hosts: Readonly<Record<string, HostSection>>
}

/** A payload that was parsed: claims that hold, and a body that may be no config at all. */
export interface ParsedConfig {
  readonly claims: Claims
  readonly body: Checked<Config>
}

/**
 * Parses the payload of a config that has been verified. A bad claim refuses the document; a bad
 * body does not, because gossip must not depend on what this agent knows (docs/PROTOCOL.md, Which
 * config wins).
 *
 * Faults: those of `parseCanonicalJson`, `claims-shape`, `claim-aud`, `claim-epoch`,
 * `claim-version`, `version-out-of-range`, `claim-ancestors`; in `body`: `body-hosts`.
 */
export function parseConfig(text: string): Checked<ParsedConfig> {
  const parsed = parseCanonicalJson(text)
  if (!parsed.ok) return parsed
  if (!isObject(parsed.value)) return bad('claims-shape', 'a config is a JSON object')
  const claims = parseClaims(parsed.value)
  if (!claims.ok) return claims
  return good({ claims: claims.value, body: parseBody(claims.value, parsed.value) })
}

function parseClaims(payload: { readonly [member: string]: Json }): Checked<Claims> {
  const { aud, epoch, version, ancestors } = payload
  if (!isDigest(aud))
    return bad('claim-aud', 'must be the cluster id, sha256:<64 hex digits>', 'aud')
  if (!isCount(epoch, epochMax)) return bad('claim-epoch', `must be 1 ... ${epochMax}`, 'epoch')
  if (typeof version === 'number' && version > versionMax) {
    return bad('version-out-of-range', 'must be at most 2^32-1', 'version')
  }
  if (!isCount(version, versionMax)) return bad('claim-version', 'must be 1 ... 2^32-1', 'version')
  const checked = parseAncestors(ancestors, epoch, version)
  return checked.ok ? good({ aud, epoch, version, ancestors: checked.value }) : checked
}

function isCount(value: unknown, max: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) <= max
}

function parseAncestors(
  value: unknown,
  epoch: number,
  version: number,
): Checked<readonly Ancestor[]> {
  if (!Array.isArray(value) || value.length > ancestorsMax) {
    return bad('claim-ancestors', `must be an array of at most ${ancestorsMax}`, 'ancestors')
  }
  let above = { epoch, version }
  for (const [index, entry] of value.entries()) {
    const path = `ancestors.${index}`
    const [e, v, digest, ...rest] = Array.isArray(entry) ? entry : []
    if (!isCount(e, epochMax) || !isCount(v, versionMax) || !isDigest(digest) || rest.length > 0) {
      return bad('claim-ancestors', 'must be [epoch, version, digest]', path)
    }
    if (e > above.epoch || (e === above.epoch && v >= above.version)) {
      return bad(
        'claim-ancestors',
        'ancestors must go from newest to oldest, all older than the config',
        path,
      )
    }
    above = { epoch: e, version: v }
  }
  return good(value as unknown as readonly Ancestor[])
}

function parseBody(claims: Claims, payload: { readonly [member: string]: Json }): Checked<Config> {
  const { hosts, iat, allow_isolation: isolation } = payload
  if (!isObject(hosts)) return bad('body-hosts', 'must be an object of hosts', 'hosts')
  const named = Array.isArray(isolation) ? isolation.filter((host) => typeof host === 'string') : []
  return good({
    ...claims,
    iat: typeof iat === 'number' ? iat : null,
    allowIsolation: named,
    hosts: hosts as unknown as Config['hosts'],
  })
}

/**
 * All faults in the form of a config's hosts and objects: names, sections that are
 * not objects, objects without a `type`. Fields of an object are its reconciler's to judge.
 */
export function bodyFaults(config: Pick<Config, 'hosts'>): readonly Fault[] {
  const faults: Fault[] = []
  const hosts = Object.entries(config.hosts)
  if (hosts.length > hostsMax) {
    faults.push({ code: 'too-many-hosts', message: `more than ${hostsMax} hosts`, path: 'hosts' })
  }
  for (const [host, section] of hosts) {
    const path = `hosts.${host}`
    if (!isName(host)) faults.push({ code: 'name', message: nameRule, path })
    if (!isObject(section)) {
      faults.push({ code: 'section-shape', message: 'must be an object of named objects', path })
      continue
    }
    for (const [name, object] of Object.entries(section)) {
      faults.push(...objectFaults(`${path}.${name}`, name, object))
    }
  }
  return faults
}

const nameRule =
  'a name starts with a letter, has 1 to 40 of a-z 0-9 _ - and ends in a letter or digit'

/**
 * Faults of one named object before its type is used: its name, its shape, its `type`.
 */
export function objectFaults(path: string, name: string, object: unknown): readonly Fault[] {
  if (!isName(name)) return [{ code: 'name', message: nameRule, path }]
  if (!isObject(object)) return [{ code: 'object-shape', message: 'must be an object', path }]
  if (typeof object['type'] !== 'string') {
    return [
      { code: 'object-type', message: 'must be the name of an object type', path: `${path}.type` },
    ]
  }
  return []
}

/** The head that a config with these claims and this digest is. */
export function headOf(claims: Claims, digest: string): Head {
  return { epoch: claims.epoch, version: claims.version, digest }
}
