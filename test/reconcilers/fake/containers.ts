import { CoveyError } from '../../../protocol/fault.ts'
import type {
  ContainerCreation,
  ContainerProcess,
  ContainerRecord,
  ContainerSeen,
  ExitSeen,
  HealthSeen,
  HostContainers,
  RestartCount,
} from '../../../reconcilers/host-containers.ts'
import type { Clock } from '../../../reconcilers/host-ports.ts'
import type { HostSecrets } from '../../../reconcilers/host-secrets.ts'

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
  creation: ContainerCreation | null
}

/** Containers of the fake host, and what tests do to them. */
export interface FakeContainers {
  readonly port: HostContainers
  readonly secrets: HostSecrets
  readonly all: Map<string, FakeContainer>
  readonly volumes: Set<string>
  /** Files of secrets, by container. */
  readonly placed: Map<string, readonly string[]>
  /** Ids that cannot be created, with the reason. */
  readonly refused: Map<string, string>
  /** Ids that do not end when they are asked to. */
  readonly stubborn: Set<string>
  /** The process of a container ends by itself. */
  exit(id: string, exitCode: number, members?: Partial<ExitSeen>): void
  /** The host boots: no process is left, what is durable stays. */
  reboot(): void
  /** A line for each thing, to compare by. */
  text(): string
}

const ungranted = 'this host does not grant host_network'

/** Makes a host without containers. It refuses loudly what the real one could not do. */
export function createFakeContainers(clock: Clock): FakeContainers {
  const all = new Map<string, FakeContainer>()
  const volumes = new Set<string>()
  const placed = new Map<string, readonly string[]>()
  const refused = new Map<string, string>()
  const stubborn = new Set<string>()
  let pid = 1000
  const at = (id: string): FakeContainer => {
    const found = all.get(id)
    if (found === undefined) throw new Error(`the fake host has no container ${id}`)
    return found
  }
  const exit: FakeContainers['exit'] = (id, exitCode, members = {}) => {
    const container = at(id)
    const startedMs =
      container.process.state === 'running' ? container.process.startedMs : clock.now()
    const exitedMs = clock.now()
    const exit = { exitCode, oom: false, startedMs, exitedMs, lastLine: null, ...members }
    container.process = { state: 'exited', exit, isKept: false }
    container.lastExit = exit
    container.health = null
  }
  const makeProcess = (id: string): void => {
    const reason = refused.get(id)
    if (reason !== undefined) throw new CoveyError('container-create', reason)
    Object.assign(at(id), {
      process: { state: 'created', pid: ++pid },
      stopping: null,
      broken: null,
    })
  }
  const port: HostContainers = {
    refusal: async (container) => (container.host_network ? ungranted : null),
    facts: async (id) => ({
      cgroupVersion: 2,
      cgroupsPath: `covey/${id}`,
      rootfs: `/run/covey/containers/${id}/rootfs`,
      filesDir: `/run/covey/containers/${id}/files`,
      secretsDir: `/run/covey/secrets/${id}`,
      volumesDir: '/var/lib/covey/volumes',
      resolvConf: 'nameserver 192.0.2.53\n',
      architecture: 'x64',
      runtimeSpec: {},
      openFilesMax: 1024,
      limitsSwap: true,
      busybox: null,
      upstreamResolvConf: null,
      devices: [],
    }),
    look: async () =>
      [...all]
        .map(([id, { creation: _, ...container }]) => ({
          ...container,
          id,
          object: container.record?.object ?? id.replace(/^covey-/, '').replace(/-[^-]*$/, ''),
        }))
        .sort((a, b) => (a.id < b.id ? -1 : 1)),
    lookVolumes: async () => [...volumes].sort(),
    async create(creation) {
      const { id } = creation.record
      const before = all.get(id)
      if (before !== undefined && ['running', 'created'].includes(before.process.state)) {
        throw new Error(`the fake host runs ${id} already`)
      }
      for (const volume of creation.volumes) volumes.add(volume.object)
      const hosts = creation.files.find((file) => file.name === 'hosts')?.content ?? null
      const lastExit = before?.lastExit ?? null
      const count = before?.count ?? { restarts: 0, streak: 0 }
      const process = { state: 'absent', wasStarted: false } as const
      const rest = { broken: null, stopping: null, health: null, hosts, creation, lastExit }
      all.set(id, { record: creation.record, process, count, isPrepared: true, ...rest })
      makeProcess(id)
    },
    async createAgain(id) {
      const { isPrepared, process } = at(id)
      if (!isPrepared || process.state === 'running') throw new Error(`${id} is not prepared`)
      makeProcess(id)
    },
    async start(id, count) {
      const container = at(id)
      if (container.process.state !== 'created') throw new Error(`${id} is not created`)
      container.process = { state: 'running', pid: container.process.pid, startedMs: clock.now() }
      container.count = count
      const isChecked = container.record?.policy.health != null
      container.health = isChecked ? { state: 'starting', failures: 0, reason: null } : null
    },
    async stop(id, { signal, hadFailed }) {
      const container = at(id)
      container.stopping = { signal, atMs: clock.now(), hadFailed }
      if (signal !== 9 && stubborn.has(id)) return false
      if (container.process.state === 'running') exit(id, 128 + signal)
      if (container.process.state === 'created') {
        container.process = { state: 'absent', wasStarted: false }
      }
      return true
    },
    async remove(id) {
      const container = at(id)
      if (container.process.state === 'running') throw new Error(`${id} runs`)
      all.delete(id)
      placed.delete(id)
    },
    async keepExit(id) {
      const container = at(id)
      if (container.process.state !== 'exited') throw new Error(`${id} has not ended`)
      container.process = { ...container.process, isKept: true }
    },
    async remember(record) {
      at(record.id).record = record
    },
    async writeHosts(ids, text) {
      for (const id of ids) at(id).hosts = text
    },
    removeVolume: async (object) => void volumes.delete(object),
  }
  return {
    port,
    secrets: {
      place: async (id, secrets) =>
        void placed.set(
          id,
          secrets.map((each) => each.secret),
        ),
      remove: async (id) => void placed.delete(id),
    },
    all,
    volumes,
    placed,
    refused,
    stubborn,
    exit,
    reboot() {
      for (const container of all.values()) {
        const { process } = container
        if (process.state === 'exited' && process.isKept) continue
        container.process = { state: 'absent', wasStarted: process.state !== 'created' }
        container.isPrepared = false
        container.count = { restarts: 0, streak: 0 }
        container.lastExit = null
        container.stopping = null
        container.health = null
      }
    },
    text() {
      const lines = [...all].map(([id, { process, record, hosts, broken }]) => {
        const rest = `${record?.policy.restart} ${hosts?.length} ${broken ?? 'whole'}`
        return `container ${id} ${process.state} ${rest}`
      })
      const folders = [...volumes].map((volume) => `volume ${volume}`)
      return [...lines, ...folders].sort().join('\n')
    },
  }
}
