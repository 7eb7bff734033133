import {
  absolutePath,
  anyBoolean,
  anyInt32,
  anyInteger,
  anyNatural,
  anyText,
  anyUint16,
  anyUint32,
  commandLine,
  type Entries,
  field,
  fixed,
  listOf,
  type Members,
  mapOf,
  noBelowZero,
  noNewPrivileges,
  partOf,
  policy,
  processLimit,
  text,
} from './patch-judges.ts'

const rates = listOf(partOf({ major: anyInteger, minor: anyInteger, rate: anyNatural }))

const blockIO: Members = partOf({
  weight: anyUint16,
  leafWeight: anyUint16,
  weightDevice: listOf(
    partOf({ major: anyInteger, minor: anyInteger, weight: anyUint16, leafWeight: anyUint16 }),
  ),
  throttleReadBpsDevice: rates,
  throttleWriteBpsDevice: rates,
  throttleReadIOPSDevice: rates,
  throttleWriteIOPSDevice: rates,
})

const intelRdt: Members = partOf({
  closID: anyText,
  l3CacheSchema: anyText,
  memBwSchema: anyText,
  schemata: listOf(anyText),
  enableCMT: anyBoolean,
  enableMBM: anyBoolean,
  enableMonitoring: anyBoolean,
})

const scheduler: Members = {
  isRemovable: true,
  required: ['policy'],
  members: {
    policy,
    nice: anyInt32,
    priority: anyInt32,
    flags: listOf(anyText),
    runtime: anyNatural,
    deadline: anyNatural,
    period: anyNatural,
  },
}

const unified: Entries = mapOf(anyText, {
  'memory.max': field('resources.memory_bytes'),
  'memory.swap.max': field('resources.memory_swap_bytes'),
  'cpu.max': field('resources.cpu_milli'),
  'pids.max': field('resources.pids'),
})

const resources: Members = {
  members: {
    devices: field('devices'),
    memory: {
      members: {
        limit: field('resources.memory_bytes'),
        swap: field('resources.memory_swap_bytes'),
        disableOOMKiller: fixed,
        reservation: anyInteger,
        kernel: anyInteger,
        kernelTCP: anyInteger,
        swappiness: anyNatural,
        useHierarchy: anyBoolean,
        checkBeforeUpdate: anyBoolean,
      },
    },
    cpu: {
      members: {
        quota: field('resources.cpu_milli'),
        period: field('resources.cpu_milli'),
        realtimeRuntime: fixed,
        realtimePeriod: fixed,
        shares: anyNatural,
        burst: anyNatural,
        cpus: anyText,
        mems: anyText,
        idle: anyInteger,
      },
    },
    pids: field('resources.pids'),
    blockIO: blockIO,
    hugepageLimits: listOf(partOf({ pageSize: anyText, limit: anyNatural })),
    network: partOf({
      classID: anyUint32,
      priorities: listOf(partOf({ name: anyText, priority: anyUint32 })),
    }),
    rdma: mapOf(partOf({ hcaHandles: anyUint32, hcaObjects: anyUint32 })),
    unified,
  },
}

/** Rules of a patch for every member of the OCI runtime spec (config.md, config-linux.md). */
export const patchRules: Members = {
  members: {
    ociVersion: { refused: 'is set by the runtime of the host' },
    root: field('read_only_root'),
    mounts: field('mounts, tmpfs, files or secrets'),
    hooks: { refused: 'a config cannot run programs on the host' },
    hostname: anyText,
    domainname: anyText,
    annotations: mapOf(anyText),
    process: {
      members: {
        terminal: field('tty'),
        user: field('user'),
        capabilities: field('capabilities'),
        noNewPrivileges,
        oomScoreAdj: noBelowZero,
        rlimits: listOf(processLimit),
        scheduler,
        args: commandLine,
        env: listOf(text),
        cwd: absolutePath,
        consoleSize: partOf({ height: anyUint32, width: anyUint32 }),
        apparmorProfile: anyText,
        selinuxLabel: anyText,
        ioPriority: partOf({ class: anyText, priority: anyInteger }),
        execCPUAffinity: partOf({ initial: anyText, final: anyText }),
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
        sysctl: mapOf(anyText),
        intelRdt: intelRdt,
        personality: partOf({ domain: anyText, flags: listOf(anyText) }),
        mountLabel: anyText,
        timeOffsets: mapOf(partOf({ secs: anyInteger, nanosecs: anyUint32 })),
        memoryPolicy: partOf({ mode: anyText, nodes: anyText, flags: listOf(anyText) }),
      },
    },
  },
}
