import { CoveyError } from '../../../protocol/fault.ts'
import type {
  BundleFacts,
  ContainerNamespaces,
  DeviceNode,
  HostResolvers,
  VolumeClosing,
} from '../../../reconcilers/container-facts.ts'
import type { ContainerOrders } from '../../../reconcilers/container-orders.ts'
import type {
  ContainerCreation,
  ContainerProcess,
  ContainerRecord,
  ContainerSeen,
  ExitSeen,
  HealthSeen,
  HostContainers,
  RestartCount,
  StopOrder,
} from '../../../reconcilers/host-containers.ts'
import type { Clock } from '../../../reconcilers/host-ports.ts'
import type { HostSecrets } from '../../../reconcilers/host-secrets.ts'
import { checkOf } from '../../../reconcilers/runc/health.ts'

/** A container of the fake host. */
export interface FakeContainer {
  record: ContainerRecord | null
  process: ContainerProcess
  broken: string | null
  stopping: ContainerSeen['stopping']
  count: RestartCount
  lastExit: ExitSeen | null
  isPrepared: boolean
  health: HealthSeen | null
  hosts: string | null
  resolvConf: string | null
  creation: ContainerCreation | null
}

/** Containers of the fake host, and what tests do to them. */
export interface FakeContainers {
  readonly port: HostContainers
  readonly secrets: HostSecrets
  readonly all: Map<string, FakeContainer>
  readonly volumes: Set<string>
  /** The orders for them beyond the config. */
  readonly orders: Map<string, ContainerOrders>
  /** Volumes that nobody may use. */
  readonly closed: Map<string, VolumeClosing>
  /** Files of secrets, by container. */
  readonly placed: Map<string, readonly string[]>
  /** Whom the host asks for names. */
  resolvers: HostResolvers
  /** Ids that cannot be created, with the reason. */
  readonly refused: Map<string, string>
  /** The grants of the host's own settings. */
  readonly grants: Set<string>
  /** Devices of the host, by the path that is asked for. */
  readonly devices: Map<string, readonly DeviceNode[]>
  /** Ids that do not end when they are asked to. */
  readonly stubborn: Set<string>
  /** The process of a container ends by itself. */
  exit(id: string, exitCode: number, members?: Partial<ExitSeen>): void
  /** The host boots: no process is left, what is durable stays. */
  reboot(): void
  /** A line for each thing, to compare by. */
  text(): string
}

/** The names of namespaces of the fake host. */
export const fakeNamespaces: ContainerNamespaces = { mark: '00000000', adopted: new Map() }

const ungranted = 'this host does not grant host_network'

/** Makes a host without containers. It refuses loudly what the real one could not do. */
export function createFakeContainers(clock: Clock): FakeContainers {
  const model = new Model(clock)
  const { all, volumes, orders, closed, placed, refused, stubborn, devices, grants } = model
  return {
    ...{ all, volumes, orders, closed, placed, refused, stubborn, devices, grants },
    get resolvers() {
      return model.resolvers
    },
    set resolvers(resolvers) {
      model.resolvers = resolvers
    },
    port: portOf(model),
    secrets: {
      place: async (id, secrets) =>
        void placed.set(
          id,
          secrets.map((each) => each.secret),
        ),
      remove: async (id) => void placed.delete(id),
    },
    exit: (id, exitCode, members) => model.exit(id, exitCode, members),
    reboot: () => model.reboot(),
    text() {
      const lines = [...all].map(([id, { process, record, hosts, resolvConf, broken }]) => {
        const asks = JSON.stringify(resolvConf)
        const rest = `${record?.policy.restart} ${hosts?.length} ${asks} ${broken ?? 'whole'}`
        return `container ${id} ${process.state} ${rest}`
      })
      const folders = [...volumes].map((volume) => `volume ${volume}`)
      return [...lines, ...folders].sort().join('\n')
    },
  }
}

class Model {
  readonly all = new Map<string, FakeContainer>()
  readonly volumes = new Set<string>()
  readonly orders = new Map<string, ContainerOrders>()
  readonly closed = new Map<string, VolumeClosing>()
  readonly placed = new Map<string, readonly string[]>()
  readonly refused = new Map<string, string>()
  readonly stubborn = new Set<string>()
  readonly grants = new Set<string>()
  readonly devices = new Map<string, readonly DeviceNode[]>()
  resolvers: HostResolvers = { resolvConf: 'nameserver 192.0.2.53\n', upstreamResolvConf: null }
  readonly clock: Clock
  #pid = 1000

  constructor(clock: Clock) {
    this.clock = clock
  }

  at(id: string): FakeContainer {
    const found = this.all.get(id)
    if (found === undefined) throw new Error(`the fake host has no container ${id}`)
    return found
  }

  exit(id: string, exitCode: number, members: Partial<ExitSeen> = {}): void {
    const container = this.at(id)
    const { process } = container
    const exitedMs = this.clock.now()
    const startedMs = process.state === 'running' ? process.startedMs : exitedMs
    const exit = { exitCode, oom: false, startedMs, exitedMs, lastLine: null, ...members }
    container.process = { state: 'exited', exit, isKept: false }
    container.lastExit = exit
    container.health = null
  }

  reboot(): void {
    for (const container of this.all.values()) {
      const { process } = container
      if (process.state === 'exited' && process.isKept) continue
      container.process = { state: 'absent', wasStarted: process.state !== 'created' }
      container.isPrepared = false
      container.count = { restarts: 0, streak: 0 }
      container.lastExit = null
      container.stopping = null
      container.health = null
    }
  }

  /** Makes all of a container, with a process that waits. */
  create(creation: ContainerCreation): void {
    const { id } = creation.record
    const before = this.all.get(id)
    if (before !== undefined && ['running', 'created'].includes(before.process.state)) {
      throw new Error(`the fake host runs ${id} already`)
    }
    for (const volume of creation.volumes) this.volumes.add(volume.object)
    const textOf = (name: string): string | null => {
      const content = creation.files.find((file) => file.name === name)?.content
      return typeof content === 'string' ? content : null
    }
    const files = { hosts: textOf('hosts'), resolvConf: textOf('resolv.conf') }
    const lastExit = before?.lastExit ?? null
    const count = before?.count ?? { restarts: 0, streak: 0 }
    const process = { state: 'absent', wasStarted: false } as const
    const rest = { broken: null, stopping: null, health: null, ...files, creation, lastExit }
    this.all.set(id, { record: creation.record, process, count, isPrepared: true, ...rest })
    this.makeProcess(id)
  }

  makeProcess(id: string): void {
    const reason = this.refused.get(id)
    if (reason !== undefined) throw new CoveyError('container-create', reason)
    this.#pid += 1
    const process = { state: 'created', pid: this.#pid } as const
    Object.assign(this.at(id), { process, stopping: null, broken: null })
  }

  start(id: string, count: RestartCount): void {
    const container = this.at(id)
    if (container.process.state !== 'created') throw new Error(`${id} is not created`)
    const { pid } = container.process
    const startedMs = this.clock.now()
    // Numbers only grow here, as time does.
    container.process = { state: 'running', pid, startedMs, startTicks: pid }
    container.count = count
    const isChecked = container.record !== null && checkOf(container.record) !== null
    container.health = isChecked ? { state: 'starting', failures: 0, reason: null } : null
  }

  stop(id: string, { signal, hadFailed }: StopOrder): boolean {
    const container = this.at(id)
    container.stopping = { signal, atMs: this.clock.now(), hadFailed }
    if (signal !== 9 && this.stubborn.has(id)) return false
    if (container.process.state === 'running') this.exit(id, 128 + signal)
    if (container.process.state === 'created') {
      container.process = { state: 'absent', wasStarted: false }
    }
    return true
  }

  look(): readonly ContainerSeen[] {
    return [...this.all]
      .map(([id, { creation: _, ...container }]) => ({
        ...container,
        id,
        // Nothing is checked here.
        ailment: null,
        object: container.record?.object ?? id.replace(/^covey-/, '').replace(/-[^-]*$/, ''),
      }))
      .sort((a, b) => (a.id < b.id ? -1 : 1))
  }
}

function portOf(model: Model): HostContainers {
  const { all, placed, volumes, orders, closed } = model
  return {
    orders: async () => new Map(orders),
    async endOrder(object, order) {
      const known = orders.get(object)
      if (known?.order !== order) return
      if (known.holds.length === 0) orders.delete(object)
      else orders.set(object, { ...known, order: null })
    },
    refusal: async (container) => (container.host_network ? ungranted : null),
    facts: async (id, devices, network) => ({
      ...factsFor(id, network),
      ...model.resolvers,
      devices: devices.flatMap((path) => model.devices.get(path) ?? []),
    }),
    resolvers: async () => model.resolvers,
    grants: async () => [...model.grants],
    look: async () => model.look(),
    notice: async () => model.look(),
    namespaces: async () => fakeNamespaces,
    lookDevices: async (paths) =>
      new Map(paths.map((path) => [path, model.devices.get(path) ?? []])),
    closedVolumes: async () => closed,
    lookVolumes: async () => [...volumes].sort(),
    create: async (creation) => model.create(creation),
    async createAgain(id) {
      const { isPrepared, process } = model.at(id)
      if (!isPrepared || process.state === 'running') throw new Error(`${id} is not prepared`)
      model.makeProcess(id)
    },
    start: async (id, count) => model.start(id, count),
    stop: async (id, order) => model.stop(id, order),
    async remove(id) {
      if (model.at(id).process.state === 'running') throw new Error(`${id} runs`)
      all.delete(id)
      placed.delete(id)
    },
    async keepExit(id) {
      const container = model.at(id)
      if (container.process.state !== 'exited') throw new Error(`${id} has not ended`)
      container.process = { ...container.process, isKept: true }
    },
    async remember(record) {
      model.at(record.id).record = record
    },
    async writeHosts(ids, text) {
      for (const id of ids) model.at(id).hosts = text
    },
    async writeResolvConf(ids, text) {
      for (const id of ids) model.at(id).resolvConf = text
    },
    removeVolume: async (object) => void volumes.delete(object),
  }
}

function factsFor(id: string, network: string): Omit<BundleFacts, keyof HostResolvers> {
  return {
    cgroupVersion: 2,
    cgroupsPath: `covey/${id}`,
    networkNamespace: `/run/netns/covey.00000000.${network}`,
    rootfs: `/run/covey/containers/${id}/rootfs`,
    mappedRootfs: '/run/covey-roots/id',
    hostRoot: '/run/covey-roots/id.host',
    filesDir: `/run/covey/containers/${id}/files`,
    secretsDir: `/run/covey/secrets/${id}`,
    volumesDir: '/var/lib/covey/volumes',
    architecture: 'x64',
    runtimeSpec: {},
    openFilesMax: 1024,
    limitsSwap: true,
    busybox: null,
    devices: [],
    capabilities: [],
    time: new Map(),
  }
}
