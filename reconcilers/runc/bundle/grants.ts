import type { HostWishes } from '../../host-containers.ts'
import { hostPathFault, isWithin } from './host-paths.ts'

/** What a host says of its paths and of covey on it. */
export interface GrantFacts {
  /** `grants` of the host's own settings, as `path:/srv`, `device:/dev/dri`, `host-network`. */
  readonly grants: readonly string[]
  /** File in which grants stand, for what is said to people. */
  readonly settingsFile: string
  /** Folders of covey's own state on this host, with and without links on the way. */
  readonly ownFolders: readonly string[]
  /**
   * The path that is left when all symbolic links are followed; null where there is nothing. Asked
   * for `host_path`s and `devices`.
   */
  readonly realPath: (path: string) => string | null
  /** The same for the path of a grant, which follows only what the host's root has made. */
  readonly grantedPath: (path: string) => GrantedPath
}

/** Where a grant leads, or the first link on the way that others than the host's root may make. */
export type GrantedPath = { readonly real: string } | { readonly link: string }

/** Why a text is no grant, or undefined. */
export function grantFault(text: string): string | undefined {
  if (text === 'host-network') return undefined
  const [, kind, path = ''] = /^(path|device):(.*)$/s.exec(text) ?? []
  if (kind === undefined) return 'must be path:/FOLDER, device:/dev/NAME or host-network'
  const isClean = /^(\/(?!\.{1,2}(\/|$))[^/\0\n]+)+$/.test(path)
  if (!isClean) return `must name an absolute path without . and .., as ${kind}:/srv`
  if (kind === 'device') {
    return path.startsWith('/dev/') ? undefined : 'must name a path below /dev'
  }
  return hostPathFault(path, [])
}

/**
 * Why this host does not let a container have what it asks for, one line with what to do, or
 * undefined. A config alone opens nothing of a host: its own settings must grant it.
 */
export function refusalOf(container: HostWishes, facts: GrantFacts): string | undefined {
  if (container.host_network && !facts.grants.includes('host-network')) {
    return ungranted('host_network', 'host-network', facts)
  }
  for (const { host_path: path } of container.mounts) {
    const refusal = path === undefined ? undefined : pathRefusal(path, facts)
    if (refusal !== undefined) return refusal
  }
  for (const device of container.devices) {
    const refusal = deviceRefusal(device, facts)
    if (refusal !== undefined) return refusal
  }
  return undefined
}

function ungranted(what: string, grant: string, { settingsFile }: GrantFacts): string {
  const line = JSON.stringify({ grants: [grant] })
  const remedy = `add ${line} to ${settingsFile}, then restart its agent`
  return `${what} is not granted on this host: ${remedy}`
}

/** Whether the real path of something lies in one that is granted. */
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

/** That a grant is there, and leads by a link that its container might have made itself. */
function linkRefusal(what: string, path: string, facts: GrantFacts): string | undefined {
  for (const grant of grantsOf('path', facts)) {
    const granted = facts.grantedPath(grant)
    if ('real' in granted || !isWithin(path, grant)) continue
    const where = `the grant path:${grant} goes through the link ${granted.link}`
    return `${what}: ${where}, which users other than root can change: grant the real folder`
  }
  return undefined
}

function pathRefusal(path: string, facts: GrantFacts): string | undefined {
  const fault = hostPathFault(path, facts.ownFolders)
  if (fault !== undefined) return `host_path ${path}: ${fault}`
  const real = facts.realPath(path)
  return hostPathRefusal(path, real, facts)
}

/**
 * Why what a `host_path` led to is not granted, or undefined. `real` is where it is without links,
 * null where there is nothing: what a container writes must not lead the next one out of a grant.
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
    const linked = linkRefusal(`host_path ${path}`, path, facts)
    if (linked !== undefined) return linked
    const leads = real !== null && real !== path ? `, which leads to ${real},` : ''
    return ungranted(`host_path ${path}${leads}`, `path:${real ?? path}`, facts)
  }
  return real === null ? `host_path ${path} does not exist on this host` : undefined
}

function deviceRefusal(device: string, facts: GrantFacts): string | undefined {
  return devicePathRefusal(device, facts.realPath(device), facts)
}

/** Why what a path in `devices` led to is not granted, or undefined; `real` as above. */
export function devicePathRefusal(
  device: string,
  real: string | null,
  facts: GrantFacts,
): string | undefined {
  if (!isGranted('device', real ?? device, facts)) {
    return ungranted(`device ${device}`, `device:${device}`, facts)
  }
  if (real === null) return `this host has no device ${device}`
  return isWithin(real, '/dev') ? undefined : `device ${device} leads to ${real}, outside /dev`
}
