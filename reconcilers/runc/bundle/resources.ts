import { isObject } from '../../../protocol/documents/canonical-json.ts'
import { bad, type Checked, type Fault, good } from '../../../protocol/fault.ts'
import type { BundleFacts, DeviceNode } from '../../container-facts.ts'
import type { ContainerObject, LimitObject } from '../object/container-object.ts'
import { deviceOf, deviceSources, deviceTargetFault } from '../object/device-fields.ts'
import { isWithin } from './host-paths.ts'
import { cpuPeriodUs, openFilesHard, openFilesSoft, pidsDefault } from './limits.ts'

/** A limit of a process (getrlimit(2)). */
interface ProcessLimit {
  readonly type: string
  readonly soft: number
  readonly hard: number
}

/** The share of its host that a container gets. */
export interface HostShare {
  /** `linux.resources` of the OCI runtime spec. */
  readonly resources: object
  readonly devices: readonly GivenDevice[]
}

/** A device node of a container: at its path there, with what may be done with it. */
interface GivenDevice extends DeviceNode {
  /** Some of `r`, `w` and `m`. */
  readonly access: string
}

/** The share of a container. Faults, if the host cannot give it: those of `resourcesFault`. */
export function shareOf(container: ContainerObject, facts: BundleFacts): Checked<HostShare> {
  const fault = resourcesFault(container, facts)
  if (fault !== undefined) return { ok: false, fault }
  const own = container.devices.flatMap((entry): readonly GivenDevice[] => {
    const { source, target, permissions } = deviceOf(entry)
    return nodesAt(source, facts.devices).map((node) => {
      const path = `${target}${node.path.slice(source.length)}`
      return { ...node, path, real: node.real ?? node.path, access: permissions }
    })
  })
  const moved = own.find(({ path, real }) => path !== real)
  if (moved !== undefined && container.user_namespace) {
    // The runtime mounts what the host has at the very path instead of making a node.
    const message = `with user_namespace a device has its own path: name ${moved.real}`
    return bad('user-namespace', message)
  }
  const devices = [...own, ...(container.privileged ? furtherDevices(own, facts) : [])]
  return good({ resources: resourcesOf(container, facts, own), devices })
}

/** All devices of the host that a container has not of its own, at their own paths. */
function furtherDevices(
  own: readonly GivenDevice[],
  { hostDevices = [] }: BundleFacts,
): readonly GivenDevice[] {
  const isFree = ({ path }: DeviceNode): boolean =>
    deviceTargetFault(path) === undefined && !own.some((each) => each.path === path)
  return hostDevices.filter(isFree).map((node) => ({ ...node, access: 'rwm' }))
}

/** The nodes at a path of the host or below it, each once. */
export function nodesAt(source: string, nodes: readonly DeviceNode[]): readonly DeviceNode[] {
  const own = nodes.filter(({ path }) => isWithin(path, source))
  return [...new Map(own.map((node) => [node.path, node])).values()]
}

/** Reports what the machine lacks for a container. Faults: `device-missing`, `cgroup-version`. */
function resourcesFault(container: ContainerObject, facts: BundleFacts): Fault | undefined {
  const missing = deviceSources(container.devices).find(
    (path) => nodesAt(path, facts.devices).length === 0,
  )
  if (missing !== undefined) {
    return { code: 'device-missing', message: `this host has no device ${missing}` }
  }
  const linux = container.runtime_config['linux']
  const resources = isObject(linux) ? linux['resources'] : undefined
  const unified = isObject(resources) ? resources['unified'] : undefined
  if (unified === undefined || facts.cgroupVersion === 2) return undefined
  const message = 'runtime_config.linux.resources.unified needs cgroup v2, and this host has v1'
  return { code: 'cgroup-version', message }
}

/**
 * Limits of the first process. Those of a patch replace covey's, except for core files, which may
 * hold secrets and stay off. Fault: `open-files`.
 */
export function limitsOf(
  patched: unknown,
  { ulimits = {} }: ContainerObject,
  facts: BundleFacts,
): Checked<readonly ProcessLimit[]> {
  const hard = Math.min(openFilesHard, facts.openFilesMax)
  const limits = new Map<string, ProcessLimit>()
  const files = { type: 'RLIMIT_NOFILE', soft: Math.min(openFilesSoft, hard), hard }
  const own = Object.entries(ulimits).map(([name, limit]) => processLimit(name, limit, facts))
  for (const limit of [files, ...own, ...((patched ?? []) as readonly ProcessLimit[])]) {
    limits.set(limit.type, limit)
  }
  limits.set('RLIMIT_CORE', { type: 'RLIMIT_CORE', soft: 0, hard: 0 })
  const asked = limits.get('RLIMIT_NOFILE')?.hard ?? 0
  if (asked <= facts.openFilesMax) return good([...limits.values()])
  const message = `RLIMIT_NOFILE of ${asked} is above ${facts.openFilesMax}, this host's own limit`
  return bad('open-files', message)
}

/** The runtime takes no number that JSON cannot hold exactly: the highest stands for no limit. */
function processLimit(name: string, { soft, hard }: LimitObject, facts: BundleFacts): ProcessLimit {
  const highest = name === 'nofile' ? facts.openFilesMax : Number.MAX_SAFE_INTEGER
  const [softest, hardest] = [soft, hard].map((each) => (each === -1 ? highest : each))
  return { type: `RLIMIT_${name.toUpperCase()}`, soft: softest ?? 0, hard: hardest ?? 0 }
}

/** `linux.resources` of the OCI runtime spec, the same for both versions of cgroups. */
function resourcesOf(
  container: ContainerObject,
  facts: BundleFacts,
  nodes: readonly GivenDevice[],
): object {
  const { memory_bytes: bytes, cpu_milli: milli, pids } = container.resources
  const devices = nodes.map(({ type, major, minor, access }) => {
    return { allow: true, type, major, minor, access }
  })
  // `swap` limits memory and swap together: unasked, nothing exceeds the limit by swapping.
  const swap = container.resources.memory_swap_bytes ?? bytes
  const memory = facts.limitsSwap ? { limit: bytes, swap } : { limit: bytes }
  return {
    devices: container.privileged
      ? [{ allow: true, access: 'rwm' }]
      : [{ allow: false, access: 'rwm' }, ...devices],
    pids: { limit: pids ?? pidsDefault },
    ...(bytes === undefined ? {} : { memory }),
    ...(milli === undefined
      ? {}
      : { cpu: { quota: (milli * cpuPeriodUs) / 1000, period: cpuPeriodUs } }),
  }
}
