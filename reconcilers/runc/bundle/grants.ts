import type { HostWishes } from '../../container-facts.ts'
import { deviceSources } from '../object/device-fields.ts'
import { hostPartOf, isInPart } from './host-parts.ts'
import { hostPathFault, isWithin, timeFiles } from './host-paths.ts'
import { hostSettingFault, settingsOf } from './host-settings.ts'

/** Facts about the paths of a host and about covey on it. */
export interface GrantFacts {
  /** `grants` of the host's own settings, as `path:/srv`, `device:/dev/dri`, `host-network`. */
  readonly grants: readonly string[]
  /** File that holds the grants, for messages. */
  readonly settingsFile: string
  /** Folders of covey's own state on this host, with and without links on the way. */
  readonly ownFolders: readonly string[]
  /**
   * The path with all symbolic links resolved; null where nothing exists. Used for `host_path` and
   * `devices`.
   */
  readonly realPath: (path: string) => string | null
  /** The same for the path of a grant; follows only links that the host's root has made. */
  readonly grantedPath: (path: string) => GrantedPath
}

/** The real path of a grant, or the first link on the way that users other than root may change. */
export type GrantedPath = { readonly real: string } | { readonly link: string }

/** Grants that name nothing further. */
const plainGrants: readonly string[] = ['host-network', 'host-metrics', 'dbus', 'udev']

/** Reason that a text is not a grant, or undefined. */
export function grantFault(text: string): string | undefined {
  if (plainGrants.includes(text)) return undefined
  if (/^privileged:[A-Za-z0-9][\w.-]*(\/[A-Za-z0-9][\w.-]*)?$/.test(text)) return undefined
  if (text.startsWith('sysctl:')) return hostSettingFault(text.slice('sysctl:'.length))
  const [, kind, path = ''] = /^(path|device):(.*)$/s.exec(text) ?? []
  if (kind === undefined) {
    const forms = 'path:/FOLDER, device:/dev/NAME, sysctl:NAME, privileged:SERVICE'
    return `must be ${forms} or one of ${plainGrants.join(', ')}`
  }
  const isClean = /^(\/(?!\.{1,2}(\/|$))[^/\0\n]+)+$/.test(path)
  if (!isClean) return `must name an absolute path without . and .., as ${kind}:/srv`
  if (kind === 'device') {
    return path.startsWith('/dev/') ? undefined : 'must name a path below /dev'
  }
  return hostPathFault(path, [])
}

/** Grants that a container asks for, as the settings of its host would have them. */
export function grantsFor(container: HostWishes): readonly string[] {
  const paths = container.mounts.flatMap(({ host_path: path }) => {
    if (path === undefined || timeFiles.has(path)) return []
    return [hostPartOf(path)?.grant ?? `path:${path}`]
  })
  const isShown = container.host_pid === true && !paths.includes('host-metrics')
  return [
    ...(isShown ? ['host-metrics'] : []),
    ...(container.host_network ? ['host-network'] : []),
    ...Object.keys(settingsOf(container).host).map((name) => `sysctl:${name}`),
    ...new Set(paths),
    ...deviceSources(container.devices).map((device) => `device:${device}`),
  ]
}

/**
 * Reason that this host refuses what a container asks for, one line with what to do, or undefined.
 * A config alone opens nothing of a host: its own settings must grant it.
 */
export function refusalOf(container: HostWishes, facts: GrantFacts): string | undefined {
  if (container.host_network && !facts.grants.includes('host-network')) {
    return ungranted('host_network', 'host-network', facts)
  }
  if (container.host_pid && !facts.grants.includes('host-metrics')) {
    return ungranted('host_pid', 'host-metrics', facts)
  }
  const setting = Object.keys(settingsOf(container).host).find(
    (name) => !facts.grants.includes(`sysctl:${name}`),
  )
  if (setting !== undefined) {
    return ungranted(`sysctls ${setting}, which is the host's,`, `sysctl:${setting}`, facts)
  }
  for (const { host_path: path, create = false } of container.mounts) {
    const isFree = path === undefined || timeFiles.has(path)
    const refusal = isFree ? undefined : pathRefusal(path, create, facts)
    if (refusal !== undefined) return refusal
  }
  for (const device of deviceSources(container.devices)) {
    const refusal = deviceRefusal(device, facts)
    if (refusal !== undefined) return refusal
  }
  return undefined
}

function ungranted(what: string, grant: string, { settingsFile }: GrantFacts): string {
  const line = JSON.stringify({ grants: [grant] })
  const remedy = `add ${line} to ${settingsFile}, then send its agent SIGHUP`
  return `${what} is not granted on this host: ${remedy}`
}

/** True if a real path lies in a granted one. */
function isGranted(kind: 'path' | 'device', real: string, facts: GrantFacts): boolean {
  return grantsOf(kind, facts).some((grant) => {
    const granted = facts.grantedPath(grant)
    return 'real' in granted && isWithin(real, granted.real)
  })
}

function grantsOf(kind: 'path' | 'device', { grants }: GrantFacts): readonly string[] {
  const own = grants.filter((grant) => grant.startsWith(`${kind}:`))
  return own
    .filter((grant) => grantFault(grant) === undefined)
    .map((grant) => grant.slice(kind.length + 1))
}

/** Real place of a missing path below a grant; null where no grant leads there. */
export function grantedPlaceOf(path: string, facts: GrantFacts): string | null {
  for (const grant of grantsOf('path', facts)) {
    const granted = facts.grantedPath(grant)
    if (!('real' in granted)) continue
    if (isWithin(path, grant)) return `${granted.real}${path.slice(grant.length)}`
    if (isWithin(path, granted.real)) return path
  }
  return null
}

/** Reason for a grant that leads through a link which a container might have made itself. */
function linkRefusal(kind: 'path' | 'device', path: string, facts: GrantFacts): string | undefined {
  for (const grant of grantsOf(kind, facts)) {
    const granted = facts.grantedPath(grant)
    if ('real' in granted || !isWithin(path, grant)) continue
    const what = kind === 'path' ? `host_path ${path}` : `device ${path}`
    const real = kind === 'path' ? 'the real folder' : 'the real device'
    const where = `the grant ${kind}:${grant} goes through the link ${granted.link}`
    return `${what}: ${where}, which users other than root can change: grant ${real}`
  }
  return undefined
}

function pathRefusal(path: string, isMade: boolean, facts: GrantFacts): string | undefined {
  if (hostPartOf(path) !== undefined) return partRefusal(path, facts.realPath(path), facts)
  const fault = hostPathFault(path, facts.ownFolders)
  if (fault !== undefined) return `host_path ${path}: ${fault}`
  const real = facts.realPath(path)
  const refusal = hostPathRefusal(path, real, facts)
  return isMade && refusal === missing(path) ? undefined : refusal
}

/**
 * Reason that a part of the host is not granted, or undefined; `real` is its path without links,
 * null where nothing exists.
 */
export function partRefusal(
  path: string,
  real: string | null,
  facts: GrantFacts,
): string | undefined {
  const part = hostPartOf(path)
  if (part === undefined) return `host_path ${path} is no part of the host`
  if (!facts.grants.includes(part.grant)) {
    return ungranted(`host_path ${path}`, part.grant, facts)
  }
  if (real === null) return missing(path)
  if (isInPart(part, real)) return undefined
  return `host_path ${path} leads to ${real}, which ${part.grant} does not grant`
}

function missing(path: string): string {
  return `host_path ${path} does not exist on this host`
}

/**
 * Reason that the target of a `host_path` is not granted, or undefined. `real` is its path without
 * links, null where nothing exists: what a container writes must not lead the next one out of a
 * grant.
 */
export function hostPathRefusal(
  path: string,
  real: string | null,
  facts: GrantFacts,
): string | undefined {
  const behind = real === null ? undefined : hostPathFault(real, facts.ownFolders)
  if (behind !== undefined) {
    const leads = real === path ? '' : ` leads to ${real}`
    return `host_path ${path}${leads}: ${behind}`
  }
  if (!isGranted('path', real ?? path, facts)) {
    const linked = linkRefusal('path', path, facts)
    if (linked !== undefined) return linked
    const leads = real !== null && real !== path ? `, which leads to ${real},` : ''
    return ungranted(`host_path ${path}${leads}`, `path:${real ?? path}`, facts)
  }
  return real === null ? missing(path) : undefined
}

function deviceRefusal(device: string, facts: GrantFacts): string | undefined {
  return devicePathRefusal(device, facts.realPath(device), facts)
}

/** Reason that the target of a path in `devices` is not granted, or undefined; `real` as above. */
export function devicePathRefusal(
  device: string,
  real: string | null,
  facts: GrantFacts,
): string | undefined {
  if (!isGranted('device', real ?? device, facts)) {
    const linked = linkRefusal('device', device, facts)
    if (linked !== undefined) return linked
    const leads = real !== null && real !== device ? `, which leads to ${real},` : ''
    return ungranted(`device ${device}${leads}`, `device:${device}`, facts)
  }
  if (real === null) return `this host has no device ${device}`
  return isWithin(real, '/dev') ? undefined : `device ${device} leads to ${real}, outside /dev`
}
