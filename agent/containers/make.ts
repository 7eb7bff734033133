import { existsSync } from 'node:fs'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { CoveyError } from '../../protocol/fault.ts'
import type {
  ContainerCreation,
  RestartCount,
  StopOrder,
} from '../../reconcilers/host-containers.ts'
import { isFull } from '../state/calls.ts'
import { runtimeStateAt, supervisorAt } from './adopt.ts'
import type { ContainersState } from './containers.ts'
import { writeFiles } from './files.ts'
import { newLife } from './life.ts'
import { runtimeMs, stopPollMs } from './limits.ts'
import { prepareLog } from './logs/rotate.ts'
import { lives, mountPoints, type ProcessName, signalProcess, startTicksOf } from './processes.ts'
import { mountRootfs } from './rootfs.ts'
import { runSound } from './spawn.ts'
import { startSupervisor } from './supervisor.ts'
import { makeVolumes } from './volumes.ts'

/** Makes all of a container but its running; see `HostContainers.create`. */
export async function makeContainer(
  state: ContainersState,
  creation: ContainerCreation,
  signal: AbortSignal,
): Promise<void> {
  const { record, config, layers, files, volumes } = creation
  const { id } = record
  const places = state.of(id)
  try {
    const known = state.records.record(id)
    // Before anything of it is there: whatever a crash leaves is known by it.
    if (JSON.stringify(known) !== JSON.stringify(record)) await state.records.write(record)
    await Promise.all(
      [places.bundle, places.files, places.notes].map((path) =>
        mkdir(path, { recursive: true, mode: 0o700 }),
      ),
    )
    await writeFiles(places.files, files)
    await writeFile(join(places.bundle, 'config.json'), JSON.stringify(config), { mode: 0o600 })
    makeVolumes(state.places.volumes, volumes)
    if (!mountPoints().has(places.rootfs)) await mountRootfs(places, layers, signal)
  } catch (error) {
    if (!isFull(error)) throw error
    throw new CoveyError('disk-full', 'the disk is full; free some space', { cause: error })
  }
  await makeProcess(state, id, signal)
}

/** Makes the process of a container that is prepared; it waits to be started. */
export async function makeProcess(
  state: ContainersState,
  id: string,
  signal: AbortSignal,
): Promise<void> {
  const places = state.of(id)
  const before = state.life(id)
  const record = state.records.record(id)
  if (record === null) throw new CoveyError('container-create', 'its record is gone')
  if (lives(before?.process ?? null)) {
    throw new CoveyError('container-create', 'its process of before has not ended')
  }
  if (before?.supervisor) await ended(before.supervisor, runtimeMs)
  await clearProcess(state, id, signal)
  await state.records.writeRan(id, null)
  const { count, lastExit } = before ?? newLife(state.boot)
  state.setLife(id, { ...newLife(state.boot), count, lastExit })
  Object.assign(state.memory(id), { exit: null, isStarted: false })
  const log = await prepareLog(state.stateDir, record.object, id)
  const pid = await startSupervisor({
    id,
    runcRoot: state.places.runcRoot,
    bundle: places.bundle,
    processPid: places.processPid,
    supervisorPid: places.supervisorPid,
    exitsDir: state.places.exits,
    notesDir: places.notes,
    log,
  })
  const supervisor = supervisorAt(places, id)
  const startTicks = startTicksOf(pid)
  if (startTicks === null || supervisor === null) {
    throw new CoveyError('container-create', 'its process ended before it was started')
  }
  const cgroups = runtimeStateAt(places)?.cgroups ?? {}
  state.setLife(id, { process: { pid, startTicks }, supervisor, cgroups })
  state.tell(record.object, 'created')
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
  if (record.policy.restart === 'never') await state.records.writeRan(id, { exit: null })
  const isChecked = record.policy.health !== null
  const health = isChecked ? ({ state: 'starting', failures: 0, reason: null } as const) : null
  state.setLife(id, { startedMs: state.clock.now(), count, health, stopping: null })
  const args = ['--root', state.places.runcRoot, 'start', id]
  await runSound({ tool: 'runc', args, timeoutMs: runtimeMs }, signal).catch((cause) => {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new CoveyError('container-start', reason, { cause })
  })
  state.tell(record.object, 'started')
}

/** Signals the process of a container; see `HostContainers.stop`. */
export async function stopProcess(
  state: ContainersState,
  id: string,
  order: StopOrder,
): Promise<boolean> {
  const { signal, waitMs, hadFailed } = order
  const life = state.life(id)
  const known = life?.process ?? null
  const strays = known === null ? state.cgroups.processes(id) : []
  const targets = known === null ? namesOf(strays) : [known]
  if (life !== null) {
    state.setLife(id, { stopping: { signal, atMs: state.clock.now(), hadFailed } })
  }
  for (const target of targets) signalProcess(target, known === null ? 9 : signal)
  const untilMs = performance.now() + waitMs
  for (;;) {
    const isLiving = targets.some(lives) || (life !== null && lives(life.supervisor) && !isSaid())
    if (!isLiving) return true
    if (performance.now() >= untilMs) return false
    await sleep(stopPollMs)
  }

  /** Whether the supervisor has said how it ended. */
  function isSaid(): boolean {
    return targets.some(lives) || existsSync(state.of(id).exit)
  }
}

function namesOf(pids: readonly number[]): readonly ProcessName[] {
  return pids.flatMap((pid) => {
    const startTicks = startTicksOf(pid)
    return startTicks === null ? [] : [{ pid, startTicks }]
  })
}

/** Waits until a process has ended, but not for long. */
async function ended(name: ProcessName, waitMs: number): Promise<void> {
  const untilMs = performance.now() + waitMs
  while (lives(name) && performance.now() < untilMs) await sleep(stopPollMs)
}
