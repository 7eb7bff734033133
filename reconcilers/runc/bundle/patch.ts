import { isObject } from '../../../protocol/documents/canonical-json.ts'

/** A finding about a patch: where, from the patch's root, and what. */
export interface PatchFault {
  readonly path: readonly string[]
  readonly message: string
}

/**
 * What a patch may do with a member: all (`free`), only what a function has nothing against, or
 * nothing, with the reason. A tree names every member that there is at its level, so that a member
 * in another case, which runc's decoder would take for the same, is none.
 */
type Rule = typeof free | Refusal | Judge | Members
type Judge = (value: unknown) => string | undefined
interface Refusal {
  readonly refused: string
}
interface Members {
  readonly members: Readonly<Record<string, Rule>>
}

const free = 'free'

function field(name: string): Refusal {
  return { refused: `set ${name} of the object instead` }
}

const fixed: Refusal = { refused: 'protects the host and has no field that changes it' }

const noNewPrivileges: Judge = (value) => (value === true ? undefined : fixed.refused)

const noBelowZero: Judge = (value) =>
  Number.isSafeInteger(value) && Number(value) >= 0 && Number(value) <= 1000
    ? undefined
    : 'must be 0 to 1000: no container goes before the host'

const texts: Judge = (value) =>
  Array.isArray(value) && value.every((item) => typeof item === 'string' && !item.includes('\0'))
    ? undefined
    : 'must be a list of texts'

const commandLine: Judge = (value) =>
  texts(value) ?? (Array.isArray(value) && value[0] ? undefined : 'must name a program')

const absolutePath: Judge = (value) =>
  typeof value === 'string' && value.startsWith('/') && !value.includes('\0')
    ? undefined
    : 'must be an absolute path'

const scheduler: Judge = (value) => {
  const policy = isObject(value) ? value['policy'] : undefined
  const usual = ['SCHED_OTHER', 'SCHED_BATCH', 'SCHED_IDLE']
  return usual.includes(String(policy)) ? undefined : `must have a policy of ${usual.join(', ')}`
}

const limits: Judge = (value) => {
  if (!Array.isArray(value)) return 'must be a list of {type, soft, hard}'
  for (const limit of value) {
    const { type, soft, hard } = isObject(limit) ? limit : {}
    const isCount = [soft, hard].every((each) => Number.isSafeInteger(each) && Number(each) >= 0)
    if (!/^RLIMIT_[A-Z]+$/.test(String(type)) || !isCount) {
      return 'must be a list of {type: RLIMIT_…, soft, hard}'
    }
    if (Number(soft) > Number(hard)) return `${String(type)} has a soft limit above its hard one`
    if (type === 'RLIMIT_CORE' && hard !== 0) {
      return 'RLIMIT_CORE stays 0: core files may hold secrets'
    }
  }
  return undefined
}

const unified: Judge = (value) => {
  if (!isObject(value)) return 'must be an object of texts'
  const names = ['memory.max', 'memory.swap.max', 'cpu.max', 'pids.max']
  const name = names.find((each) => Object.hasOwn(value, each))
  if (name !== undefined) return `set resources of the object instead of ${name}`
  return texts(Object.values(value)) === undefined ? undefined : 'must be an object of texts'
}

const resources: Members = {
  members: {
    devices: field('devices'),
    memory: {
      members: {
        limit: field('resources.memory_bytes'),
        swap: field('resources.memory_bytes'),
        disableOOMKiller: fixed,
        reservation: free,
        kernel: free,
        kernelTCP: free,
        swappiness: free,
        useHierarchy: free,
        checkBeforeUpdate: free,
      },
    },
    cpu: {
      members: {
        quota: field('resources.cpu_milli'),
        period: field('resources.cpu_milli'),
        realtimeRuntime: fixed,
        realtimePeriod: fixed,
        shares: free,
        burst: free,
        cpus: free,
        mems: free,
        idle: free,
      },
    },
    pids: field('resources.pids'),
    blockIO: free,
    hugepageLimits: free,
    network: free,
    rdma: free,
    unified,
  },
}

/** Every member of the OCI runtime spec (config.md, config-linux.md), and what a patch may do. */
const rules: Members = {
  members: {
    ociVersion: { refused: 'is what the runtime of the host says' },
    root: field('read_only_root'),
    mounts: field('mounts, tmpfs, files or secrets'),
    hooks: { refused: 'programs of a config never run on the host' },
    hostname: free,
    domainname: free,
    annotations: free,
    process: {
      members: {
        terminal: { refused: 'containers run without a terminal' },
        user: field('user'),
        capabilities: field('capabilities'),
        noNewPrivileges,
        oomScoreAdj: noBelowZero,
        rlimits: limits,
        scheduler,
        args: commandLine,
        env: texts,
        cwd: absolutePath,
        consoleSize: free,
        apparmorProfile: free,
        selinuxLabel: free,
        ioPriority: free,
        execCPUAffinity: free,
      },
    },
    linux: {
      members: {
        namespaces: field('host_network'),
        uidMappings: fixed,
        gidMappings: fixed,
        devices: field('devices'),
        netDevices: field('network'),
        cgroupsPath: fixed,
        rootfsPropagation: fixed,
        seccomp: { refused: 'follows capabilities.add of the object and cannot be replaced' },
        maskedPaths: fixed,
        readonlyPaths: fixed,
        resources,
        sysctl: free,
        intelRdt: free,
        personality: free,
        mountLabel: free,
        timeOffsets: free,
        memoryPolicy: free,
      },
    },
  },
}

/** Everything in `runtime_config` that would undo a protection, or that no runtime knows. */
export function patchFaults(patch: Readonly<Record<string, unknown>>): readonly PatchFault[] {
  return faultsIn(patch, rules, [])
}

function faultsIn(value: unknown, rule: Rule, path: readonly string[]): readonly PatchFault[] {
  if (rule === free) return []
  if (typeof rule === 'function') {
    const message = rule(value)
    return message === undefined ? [] : [{ path, message }]
  }
  if ('refused' in rule) return [{ path, message: rule.refused }]
  if (!isObject(value)) {
    return [{ path, message: 'must be an object: what it holds protects the host' }]
  }
  return Object.entries(value).flatMap(([name, inner]) => {
    const next = Object.hasOwn(rule.members, name) ? rule.members[name] : undefined
    if (next !== undefined) return faultsIn(inner, next, [...path, name])
    return [{ path: [...path, name], message: 'is no member that the OCI runtime spec has here' }]
  })
}

/** Applies a JSON merge patch (RFC 7396 section 2). Neither argument is changed. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch
  const merged = new Map(Object.entries(isObject(target) ? target : {}))
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) merged.delete(name)
    else merged.set(name, mergePatch(merged.get(name), value) as never)
  }
  return Object.fromEntries(merged)
}
