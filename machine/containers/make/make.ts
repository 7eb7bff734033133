import { existsSync, mkdirSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { isFull } from '../../../platform/files/calls.ts'
import { CoveyError } from '../../../protocol/fault.ts'
import type {
  ContainerCreation,
  ContainerRecord,
  RestartCount,
} from '../../../reconcilers/host-containers.ts'
import { checkOf } from '../../../reconcilers/runc/health.ts'
import { crashLoopStreak } from '../../../reconcilers/runc/limits.ts'
import { newLife } from '../life.ts'
import { runtimeMs, stopPollMs } from '../limits.ts'
import { logSupervisorBytesMax } from '../logs/limits.ts'
import { prepareLog } from '../logs/rotate.ts'
import { runtimeStateAt, supervisorAt } from '../look/adopt.ts'
import { checkMounts } from '../mounts/check-mounts.ts'
import { grantFacts } from '../mounts/grant-facts.ts'
import { mountHostRoot } from '../mounts/host-root.ts'
import type { ContainerPlaces } from '../places.ts'
import {
  lives,
  mountPoints,
  type ProcessName,
  programOf,
  signalProcess,
  startTicksOf,
} from '../processes.ts'
import { runSound } from '../spawn.ts'
import type { ContainersState } from '../state.ts'
import { runsAnother, startByFifo } from './exec-fifo.ts'
import { writeFiles } from './files.ts'
import { setHostSettings } from './host-settings.ts'
import { makeMountFolders } from './mount-needs.ts'
import { expectPlainDev, makeFolders, mountRootfs } from './rootfs.ts'
import { seedVolumes } from './seed.ts'
import { loadSupervisor, type WaitingSupervisor } from './supervisor.ts'
import { keepNeeds, meetNeeds, networkToEnter } from './user-namespace.ts'
import { makeVolumes } from './volumes.ts'

const sigkill = 9

/**
 * Makes all of a container but its running; see `HostContainers.create`. Its record is written
 * beside everything else and durable when this resolves, so before what it is for can run. What a
 * crash leaves of it before that is found by its name, and removed: it has never run.
 */
export function makeContainer(
  state: ContainersState,
  creation: ContainerCreation,
  signal: AbortSignal,
): Promise<void> {
  const { volumes } = creation.record
  return state.gate.using(volumes, () => makeWhole(state, creation, signal))
}

async function makeWhole(
  state: ContainersState,
  creation: ContainerCreation,
  signal: AbortSignal,
): Promise<void> {
  const { record } = creation
  const { id } = record
  const supervisor = await prepareSupervisor(state, record)
  const isKnown = JSON.stringify(state.records.record(id)) === JSON.stringify(record)
  const recorded = isKnown ? Promise.resolve() : state.records.write(record)
  recorded.catch(() => undefined)
  try {
    await prepare(state, creation, signal)
    await makeProcess(state, record, signal, supervisor)
    await recorded
  } catch (error) {
    supervisor.cancel()
    await recorded.catch(() => undefined)
    if (!isFull(error)) throw error
    throw new CoveyError('disk-full', 'the disk is full; free some space', { cause: error })
  }
}

async function prepare(
  state: ContainersState,
  creation: ContainerCreation,
  signal: AbortSignal,
): Promise<void> {
  const { record, layers, volumes, folders } = creation
  const places = state.of(record.id)
  for (const path of [places.bundle, places.files, places.notes]) {
    mkdirSync(path, { recursive: true, mode: 0o700 })
  }
  makeVolumes(state.places.volumes, volumes)
  setHostSettings(creation.hostSettings)
  makeMountFolders(state, creation.mountNeeds)
  if (creation.mountNeeds.hostRoot) await mountHostRoot(state, places, signal)
  const isMounted = mountPoints().has(places.rootfs)
  const mounting = isMounted ? Promise.resolve() : mountRootfs(places, layers, signal)
  await allEnded([mounting, ...writeBundle(places, creation)])
  expectPlainDev(places.rootfs)
  makeFolders(places.rootfs, folders)
  const seeding = { volumes: state.places.volumes, rootfs: places.rootfs, id: record.id }
  await seedVolumes(seeding, creation.mountNeeds.seeds, signal)
}

/** Writes the bundle: config.json and the files to mount. */
function writeBundle(
  places: ContainerPlaces,
  { config, files, userNamespace }: ContainerCreation,
): readonly Promise<void>[] {
  return [
    writeFiles(places.files, files),
    writeFile(join(places.bundle, 'config.json'), JSON.stringify(config), { mode: 0o600 }),
    keepNeeds(places, userNamespace ?? null),
  ]
}

/** Rejects with the first error, but leaves nothing under way that a removal would not find. */
async function allEnded(works: readonly Promise<unknown>[]): Promise<void> {
  for (const end of await Promise.allSettled(works)) {
    if (end.status === 'rejected') throw end.reason
  }
}

async function prepareSupervisor(
  state: ContainersState,
  record: ContainerRecord,
): Promise<WaitingSupervisor> {
  const { id, object } = record
  const places = state.of(id)
  const log = await prepareLog(state.stateDir, object, id)
  const paths = {
    runcRoot: state.places.runcRoot,
    bundle: places.bundle,
    processPid: places.processPid,
    supervisorPid: places.supervisorPid,
    exitsDir: state.places.exits,
    notesDir: places.notes,
  }
  const logBytesMax = logSupervisorBytesMax
  const { terminal = false, stdin = false } = record
  return loadSupervisor(
    { id, log, logBytesMax, terminal, stdin, ...paths },
    state.cgroups.supervisors,
    networkToEnter(record),
  )
}

/** Makes a process in a container that `makeContainer` made before; it waits to be started. */
export async function makeProcessAgain(
  state: ContainersState,
  id: string,
  signal: AbortSignal,
): Promise<void> {
  const record = state.records.record(id)
  if (record === null) throw new CoveyError('container-create', 'its record is gone')
  await state.gate.using(record.volumes, async () => {
    await makeProcess(state, record, signal, await prepareSupervisor(state, record))
  })
}

async function makeProcess(
  state: ContainersState,
  record: ContainerRecord,
  signal: AbortSignal,
  supervisor: WaitingSupervisor,
): Promise<void> {
  const { id, object } = record
  const memory = state.memory(id)
  memory.isMaking = true
  try {
    await makeReady(state, id, signal)
    await meetNeeds(state, record, signal)
    noteProcess(state, id, await supervisor.go())
  } catch (error) {
    supervisor.cancel()
    throw error
  } finally {
    memory.isMaking = false
  }
  await expectMounts(state, id)
  state.tell(object, 'created')
}

function noteProcess(state: ContainersState, id: string, pid: number): void {
  const places = state.of(id)
  const startTicks = startTicksOf(pid)
  const name = supervisorAt(places, id)
  if (startTicks === null || name === null) {
    throw new CoveyError('container-create', 'its process ended before it was started')
  }
  const cgroups = runtimeStateAt(places)?.cgroups ?? {}
  state.setLife(id, { process: { pid, startTicks }, supervisor: name, cgroups })
}

/**
 * Expects the process that waits in a container to see what it was to see; ends it otherwise, and
 * leaves nothing of it. It has run nothing yet.
 */
async function expectMounts(state: ContainersState, id: string): Promise<void> {
  const { process = null, supervisor = null } = state.life(id) ?? {}
  if (process === null) throw new CoveyError('container-start', 'its process is gone')
  const memory = state.memory(id)
  if (memory.checkedTicks === process.startTicks) return
  try {
    checkMounts({ process, places: state.of(id), host: state.places, grants: grantFacts(state) })
    memory.checkedTicks = process.startTicks
  } catch (error) {
    signalProcess(process, sigkill)
    await ended(process, runtimeMs)
    if (supervisor !== null) await ended(supervisor, runtimeMs)
    await clearProcess(state, id, new AbortController().signal)
    state.setLife(id, { process: null, supervisor: null, cgroups: {} })
    throw error
  }
}

/** Makes room for a process: the one before has ended, and its traces go. */
async function makeReady(state: ContainersState, id: string, signal: AbortSignal): Promise<void> {
  const before = state.life(id)
  if (lives(before?.process ?? null)) {
    throw new CoveyError('container-create', 'the previous process is still running')
  }
  if (before?.supervisor) await ended(before.supervisor, runtimeMs)
  await clearProcess(state, id, signal)
  await state.records.writeRan(id, null)
  const { count, lastExit, ailment } = before ?? newLife(state.boot)
  state.setLife(id, { ...newLife(state.boot), count, lastExit, ailment })
  Object.assign(state.memory(id), {
    exit: null,
    isStarted: false,
    isOomTold: false,
    brokenTold: null,
  })
}

/** Removes what the runtime and the supervisor have of a process that has ended. */
export async function clearProcess(
  state: ContainersState,
  id: string,
  signal: AbortSignal,
): Promise<void> {
  const places = state.of(id)
  if (existsSync(places.runtime)) {
    const args = ['--root', state.places.runcRoot, 'delete', '--force', id]
    await runSound({ tool: 'runc', args, timeoutMs: runtimeMs }, signal)
    await rm(places.runtime, { recursive: true, force: true })
  }
  await Promise.all(
    [places.exit, join(places.notes, 'oom'), join(places.notes, 'exit')].map((path) =>
      rm(path, { force: true }),
    ),
  )
}

/** Lets a created process run. */
export async function startProcess(
  state: ContainersState,
  id: string,
  count: RestartCount,
  signal: AbortSignal,
): Promise<void> {
  const record = state.records.record(id)
  if (record === null) throw new CoveyError('container-start', 'its record is gone')
  // An agent that ended before it had checked a process has left it waiting.
  await expectMounts(state, id)
  if (record.policy.restart === 'never') await state.records.writeRan(id, { exit: null })
  const isChecked = checkOf(record) !== null
  const health = isChecked ? ({ state: 'starting', failures: 0, reason: null } as const) : null
  state.setLife(id, { startedMs: state.clock.now(), count, health, stopping: null })
  await runStart(state, id, signal)
  state.tell(record.object, 'started')
  if (count.streak === crashLoopStreak + 1) {
    state.tell(record.object, 'crash-loop', `${count.restarts} restarts`)
  } else if (count.restarts > 0)
    state.tell(record.object, 'restarting', `restart ${count.restarts}`)
}

async function runStart(state: ContainersState, id: string, signal: AbortSignal): Promise<void> {
  const name = state.life(id)?.process ?? null
  const before = name === null ? null : programOf(name.pid)
  if (name === null || !(await startByFifo(state.of(id), name))) {
    const args = ['--root', state.places.runcRoot, 'start', id]
    await runSound({ tool: 'runc', args, timeoutMs: runtimeMs }, signal).catch((cause) => {
      const reason = cause instanceof Error ? cause.message : String(cause)
      throw new CoveyError('container-start', reason, { cause })
    })
  }
  // Until then a signal would meet the runtime itself, which ends of SIGTERM with exit code 2.
  if (name !== null) await runsAnother(name, before)
}

/** Waits until a process has ended, but not for long. */
async function ended(name: ProcessName, waitMs: number): Promise<void> {
  const untilMs = performance.now() + waitMs
  while (lives(name) && performance.now() < untilMs) await sleep(stopPollMs)
}
