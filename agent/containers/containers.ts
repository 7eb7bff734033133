import { existsSync, mkdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { namespaceName } from '../../reconcilers/container-network/names.ts'
import type {
  ContainerNamespaces,
  ContainerSeen,
  HostContainers,
} from '../../reconcilers/host-containers.ts'
import type { Clock } from '../../reconcilers/host-ports.ts'
import type { Log } from '../../reconcilers/reconciler.ts'
import { refusalOf } from '../../reconcilers/runc/bundle/grants.ts'
import type { ContainerEvent } from '../event-feed.ts'
import { adoptLife } from './adopt.ts'
import { type Cgroups, openCgroups } from './cgroups.ts'
import { createFacts } from './facts.ts'
import { writeInPlace } from './files.ts'
import { runHealthChecks } from './health/runner.ts'
import { instanceMark } from './instance.ts'
import { type Life, newLife, readLife, writeLife } from './life.ts'
import { currentLogPath } from './logs/places.ts'
import { type LookMemory, lookAt, objectOf } from './look.ts'
import { makeContainer, makeProcessAgain, startProcess } from './make.ts'
import { grantFacts } from './mounts/grant-facts.ts'
import { type ContainerPlaces, type HostPlaces, hostPlaces, placesOf } from './places.ts'
import { bootId, mountPoints } from './processes.ts'
import { foldersIn, openRecords, type Records } from './records.ts'
import { emptyTrash, removeContainer, removeVolume } from './remove.ts'
import { lookResolvers, tellOfResolvers } from './resolvers.ts'
import { stopProcess } from './stop.ts'
import { foldersOfVolumes } from './volumes.ts'
import { watchExits } from './watch-exits.ts'
import { watchSupervisors } from './watch-supervisors.ts'

/** What the containers of a host are made from. */
export interface ContainersInit {
  readonly stateDir: string
  readonly runDir: string
  readonly clock: Clock
  readonly log: Log
  /** What this host's own settings let containers have of it, and the file that they stand in. */
  readonly grants: readonly string[]
  readonly settingsFile: string
  /** What the name of the control group below the agent's own begins with; `covey` if absent. */
  readonly cgroup?: string
  /** Something changed that a round should look at. Must not throw. */
  readonly onChange: (reason: string) => void
  readonly onEvent: (event: ContainerEvent) => void
}

/** All that the parts of this room share: where things are, and what is known of each container. */
export interface ContainersState extends ContainersInit {
  readonly places: HostPlaces
  readonly cgroups: Cgroups
  readonly records: Records
  readonly boot: string
  /** See `instanceMark`. */
  readonly mark: string
  of(id: string): ContainerPlaces
  life(id: string): Life | null
  /** Changes what is known of a container, in memory and in its run folder. */
  setLife(id: string, change: Partial<Life>): void
  memory(id: string): LookMemory
  forget(id: string): void
  tell(object: string, what: ContainerEvent['what'], detail?: string | null): void
}

/** Containers of this machine, and what only the agent itself asks of them. */
export interface MachineContainers {
  readonly port: HostContainers
  readonly state: ContainersState
  /** Ends checks and watches; containers go on. */
  close(): Promise<void>
}

/**
 * Opens the containers of this machine: reads what an earlier agent left and touches nothing. The
 * caller holds the state lock.
 */
export async function openContainers(init: ContainersInit): Promise<MachineContainers> {
  const state = await openState(init)
  const facts = createFacts(state.places, init, state.cgroups, (id) =>
    join('/run/netns', namespaceName(objectOf(id), namespacesOf(state))),
  )
  const health = runHealthChecks(state)
  const exits = watchExits(state)
  const supervisors = watchSupervisors(state)
  let isFirstLook = true
  void emptyTrash(state)
  const port: HostContainers = {
    refusal: async (container) => refusalOf(container, grantFacts(init)) ?? null,
    facts,
    async look() {
      exits.renew()
      const all = look(state)
      if (isFirstLook) for (const seen of all) noteAdoption(state, seen)
      isFirstLook = false
      return all
    },
    namespaces: async () => namespacesOf(state),
    lookVolumes: async () => foldersOfVolumes(state.places.volumes),
    resolvers: lookResolvers,
    async create(creation, signal) {
      await makeContainer(state, creation, signal)
      const file = creation.files.find(({ name }) => name === 'resolv.conf')
      tellOfResolvers(state, creation.record, file?.content ?? '')
    },
    createAgain: (id, signal) => makeProcessAgain(state, id, signal),
    start: (id, count, signal) => startProcess(state, id, count, signal),
    stop: (id, order) => stopProcess(state, id, order),
    remove: (id, signal) => removeContainer(state, id, signal),
    async keepExit(id) {
      const exit = state.memory(id).exit
      if (exit !== null) await state.records.writeRan(id, { exit })
    },
    remember: (record) => state.records.write(record),
    writeHosts: async (ids, text) => writeInPlace(state, ids, 'hosts', text),
    async writeResolvConf(ids, text) {
      writeInPlace(state, ids, 'resolv.conf', text)
      for (const id of ids) tellOfResolvers(state, state.records.record(id), text)
    },
    removeVolume: (object) => removeVolume(state, object),
  }
  const close = async (): Promise<void> => {
    exits.close()
    supervisors.close()
    await health.stop()
  }
  return { port, state, close }
}

/** What a record says a container is in stays its name, as long as it is there. */
function namespacesOf({ mark, records }: ContainersState): ContainerNamespaces {
  const adopted = new Map<string, string>()
  for (const id of records.ids()) {
    const record = records.record(id)
    if (record?.namespace == null || !existsSync(record.namespace)) continue
    const name = basename(record.namespace)
    if (name !== namespaceName(record.object, { mark, adopted: new Map() })) {
      adopted.set(record.object, name)
    }
  }
  return { mark, adopted }
}

async function openState(init: ContainersInit): Promise<ContainersState> {
  const places = hostPlaces(init.stateDir, init.runDir)
  for (const path of [places.records, places.volumes, places.runs, places.exits]) {
    mkdirSync(path, { recursive: true, mode: 0o700 })
  }
  const boot = bootId()
  const lives = new Map<string, Life | null>()
  const memories = new Map<string, LookMemory>()
  const of = (id: string): ContainerPlaces => placesOf(places, id)
  const life = (id: string): Life | null => {
    const known = lives.get(id)
    if (known !== undefined) return known
    const read = adoptLife(readLife(of(id).life, boot), of(id), id)
    lives.set(id, read)
    return read
  }
  const mark = await instanceMark(init.stateDir)
  const records = await openRecords(places)
  const olderName = init.cgroup ?? 'covey'
  const cgroups = await openCgroups({
    ...{ log: init.log, name: `${olderName}-${mark}`, olderName },
    isOwnOlder: (id, group) => records.record(id) !== null && isGroupOf(life(id), group),
  })
  return {
    ...{ ...init, places, boot, mark, cgroups, records },
    of,
    life,
    setLife(id, change) {
      const next = { ...(life(id) ?? newLife(boot)), ...change }
      lives.set(id, next)
      writeLife(of(id).life, next)
    },
    memory(id) {
      const known = memories.get(id) ?? {
        ...{ exit: null, files: new Map(), isStarted: false, isOomTold: false },
        checkedTicks: null,
        ...{ isMaking: false, brokenTold: null },
      }
      memories.set(id, known)
      return known
    },
    forget(id) {
      lives.delete(id)
      memories.delete(id)
    },
    tell(object, what, detail = null) {
      init.onEvent({ event: 'container', name: object, what, detail })
    },
  }
}

/**
 * Whether a group is that of a process: the runtime has noted which it made, by the end of its path
 * at least, for namespaces of control groups hide the rest. True where nothing is noted.
 */
function isGroupOf(life: Life | null, group: string): boolean {
  const noted = Object.values(life?.cgroups ?? {})
  const end = group.split('/').slice(-2).join('/')
  return noted.length === 0 || noted.some((path) => path.endsWith(`/${end}`))
}

function look(state: ContainersState): readonly ContainerSeen[] {
  const { places, records, cgroups, clock } = state
  // Somebody may have emptied the run folder; what comes next needs its top.
  for (const path of [places.runs, places.exits]) {
    if (!existsSync(path)) mkdirSync(path, { recursive: true, mode: 0o700 })
  }
  const durable = new Set(records.ids())
  const inGroups = new Set(cgroups.ids())
  const runs = [...foldersIn(places.runs), ...foldersIn(places.runcRoot)]
  const ids = new Set([...durable, ...inGroups, ...runs])
  const mounts = mountPoints()
  const nowMs = clock.now()
  return [...ids].sort().map((id) => {
    const record = durable.has(id) ? records.record(id) : null
    const life = state.life(id)
    const isFound = inGroups.has(id) || record !== null
    const isUnknown = life?.process == null && isFound && !state.memory(id).isMaking
    const seen = lookAt({
      id,
      places: state.of(id),
      record,
      ran: durable.has(id) ? records.ran(id)?.exit : undefined,
      life,
      log: currentLogPath(state.stateDir, record?.object ?? '', id),
      mounts,
      strays: isUnknown ? cgroups.processes(id) : [],
      memory: state.memory(id),
      nowMs,
    })
    noteMemory(state, seen, life)
    noteBroken(state, seen)
    noteEnd(state, seen, life)
    return seen
  })
}

/** What ran before this agent did, and goes on. */
function noteAdoption(state: ContainersState, { object, process }: ContainerSeen): void {
  if (process.state === 'running') state.tell(object, 'adopted')
}

/** Tells once that the kernel ended a process of a container, be it not its first. */
function noteMemory(state: ContainersState, seen: ContainerSeen, life: Life | null): void {
  const memory = state.memory(seen.id)
  if (memory.isOomTold || life === null || seen.process.state === 'absent') return
  if (!existsSync(join(state.of(seen.id).notes, 'oom'))) return
  memory.isOomTold = true
  state.tell(seen.object, 'oom', 'its memory limit was reached')
}

/** Tells once of what a container that runs is missing. */
function noteBroken(state: ContainersState, { id, object, process, broken }: ContainerSeen): void {
  const memory = state.memory(id)
  const isNews = broken !== null && broken !== memory.brokenTold && process.state === 'running'
  memory.brokenTold = broken
  if (isNews) state.tell(object, 'broken', broken)
}

/** Tells of an end when it is seen first, and keeps it where the next process will not hide it. */
function noteEnd(state: ContainersState, seen: ContainerSeen, life: Life | null): void {
  if (seen.process.state !== 'exited' || life === null) return
  const { exit } = seen.process
  if (life.lastExit?.exitedMs === exit.exitedMs) return
  if (!existsSync(state.of(seen.id).life)) return
  // One that ends by itself has another reason to be started again.
  const ailment = seen.stopping?.hadFailed === true ? life.ailment : null
  state.setLife(seen.id, { lastExit: exit, health: null, ailment })
  const code = exit.exitCode === null ? 'nobody saw how' : `exit code ${exit.exitCode}`
  state.tell(seen.object, seen.stopping === null ? 'exited' : 'stopped', code)
}
