import type { ContainerObject } from '../spec.ts'
import { hostPathFault, isWithin } from './host-paths.ts'

/** What a host says of its paths and of covey on it. */
export interface GrantFacts {
  /** `grants` of the host's own settings, as `path:/srv`, `device:/dev/dri`, `host-network`. */
  readonly grants: readonly string[]
  /** File in which grants stand, for what is said to people. */
  readonly settingsFile: string
  /** Folders of covey's own state on this host. */
  readonly ownFolders: readonly string[]
  /**
   * The path that is left when all symbolic links are followed; null where there is nothing. Asked
   * for `host_path`s, `devices`, and the paths of grants.
   */
  readonly realPath: (path: string) => string | null
}

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
export function refusalOf(container: ContainerObject, facts: GrantFacts): string | undefined {
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
  return `${what} needs a grant of this host: ${line} in ${settingsFile}, then restart its agent`
}

/**
 * Whether a path lies in one that is granted, once links are followed on both sides: what a
 * container writes must not lead the next one out of it.
 */
function isGranted(kind: 'path' | 'device', path: string, facts: GrantFacts): boolean {
  const resolved = (text: string): string => facts.realPath(text) ?? text
  return facts.grants.some((grant) => {
    if (!grant.startsWith(`${kind}:`) || grantFault(grant) !== undefined) return false
    return isWithin(resolved(path), resolved(grant.slice(kind.length + 1)))
  })
}

function pathRefusal(path: string, facts: GrantFacts): string | undefined {
  const real = facts.realPath(path)
  const fault = hostPathFault(path, facts.ownFolders)
  if (fault !== undefined) return `host_path ${path}: ${fault}`
  const behind = real === null ? undefined : hostPathFault(real, facts.ownFolders)
  if (behind !== undefined) return `host_path ${path} leads to ${real}: ${behind}`
  if (!isGranted('path', path, facts)) {
    const leads = real !== null && real !== path ? `, which leads to ${real},` : ''
    return ungranted(`host_path ${path}${leads}`, `path:${real ?? path}`, facts)
  }
  return real === null ? `host_path ${path} does not exist on this host` : undefined
}

function deviceRefusal(device: string, facts: GrantFacts): string | undefined {
  if (!isGranted('device', device, facts)) {
    return ungranted(`device ${device}`, `device:${device}`, facts)
  }
  const real = facts.realPath(device)
  if (real === null) return `this host has no device ${device}`
  return isWithin(real, '/dev') ? undefined : `device ${device} leads to ${real}, out of /dev`
}
