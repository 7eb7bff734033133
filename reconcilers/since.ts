import { isObject } from '../protocol/documents/canonical-json.ts'

/** A version of the agent that an object needs, and what of the object needs it. */
export interface NeededVersion {
  /** As `0.2.0`. */
  readonly version: string
  /** A type, `registry`, or a field of one: `runc_container.mounts[].subpath`. */
  readonly field: string
}

/**
 * Types and fields that not every version of the agent knows, and the first that does; all others
 * were there in 0.1.0. `[]` stands for each entry of a list. An agent refuses an object that has a
 * field which it does not know, so whoever signs a config asks here first.
 */
export const since: Readonly<Record<string, string>> = {
  'container_network.subnet6': '0.2.0',
  registry: '0.2.0',
  'runc_container.address6': '0.2.0',
  'runc_container.after': '0.2.0',
  'runc_container.after[].condition': '0.2.0',
  'runc_container.after[].container': '0.2.0',
  'runc_container.aliases': '0.2.0',
  'runc_container.capabilities.ambient': '0.2.0',
  'runc_container.devices[].permissions': '0.2.0',
  'runc_container.devices[].source': '0.2.0',
  'runc_container.devices[].target': '0.2.0',
  'runc_container.dns': '0.2.0',
  'runc_container.extra_hosts': '0.2.0',
  'runc_container.files[].content_base64': '0.2.0',
  'runc_container.files[].gid': '0.2.0',
  'runc_container.files[].uid': '0.2.0',
  'runc_container.group_add': '0.2.0',
  'runc_container.groups': '0.2.0',
  'runc_container.health.from_image': '0.2.0',
  'runc_container.health.restart': '0.2.0',
  'runc_container.health.start_interval_seconds': '0.2.0',
  'runc_container.host_pid': '0.2.0',
  'runc_container.init': '0.2.0',
  'runc_container.mounts[].create': '0.2.0',
  'runc_container.mounts[].seed': '0.2.0',
  'runc_container.mounts[].subpath': '0.2.0',
  'runc_container.network_of': '0.2.0',
  'runc_container.no_new_privileges': '0.2.0',
  'runc_container.privileged': '0.2.0',
  'runc_container.resources.memory_swap_bytes': '0.2.0',
  'runc_container.secrets[].env_all': '0.2.0',
  'runc_container.secrets[].gid': '0.2.0',
  'runc_container.secrets[].uid': '0.2.0',
  'runc_container.secrets[].words': '0.2.0',
  'runc_container.stdin_open': '0.2.0',
  'runc_container.sysctls': '0.2.0',
  'runc_container.tmpfs[].exec': '0.2.0',
  'runc_container.tmpfs[].gid': '0.2.0',
  'runc_container.tmpfs[].mode': '0.2.0',
  'runc_container.tmpfs[].only_files': '0.2.0',
  'runc_container.tmpfs[].path': '0.2.0',
  'runc_container.tmpfs[].size_bytes': '0.2.0',
  'runc_container.tmpfs[].uid': '0.2.0',
  'runc_container.tty': '0.2.0',
  'runc_container.ulimits': '0.2.0',
  'volume.path': '0.2.0',
}

/** The newest version that an object of a config needs; null where every agent knows all of it. */
export function neededVersion(object: unknown): NeededVersion | null {
  if (!isObject(object) || typeof object['type'] !== 'string') return null
  let needed: NeededVersion | null = null
  for (const [field, version] of Object.entries(since)) {
    const [type, ...path] = field.split('.')
    if (type !== object['type'] || !isThere(object, path)) continue
    if (needed === null || isOlder(needed.version, version)) needed = { version, field }
  }
  return needed
}

function isThere(value: unknown, path: readonly string[]): boolean {
  const [part, ...rest] = path
  if (part === undefined) return true
  const name = part.replace(/\[\]$/, '')
  if (!isObject(value) || !Object.hasOwn(value, name)) return false
  const inner = value[name]
  if (name === part) return isThere(inner, rest)
  return Array.isArray(inner) && inner.some((entry) => isThere(entry, rest))
}

/** True where a version comes before another. A text that is no version comes before all. */
export function isOlder(version: string, than: string): boolean {
  const [own, others] = [numbersOf(version), numbersOf(than)]
  for (const [index, number] of others.entries()) {
    const mine = own[index] ?? -1
    if (mine !== number) return mine < number
  }
  return false
}

function numbersOf(version: string): readonly number[] {
  const [, major, minor, patch] = /^(\d{1,9})\.(\d{1,9})\.(\d{1,9})/.exec(version) ?? []
  return patch === undefined ? [-1, -1, -1] : [major, minor, patch].map(Number)
}
