import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { CoveyError } from '../../../protocol/fault.ts'
import { groupMsMax, stopPollMs } from '../limits.ts'
import { lives, signalProcess } from '../processes.ts'
import type { ContainersState } from '../state.ts'
import { clearProcess } from './make.ts'
import { unmountRootfs } from './rootfs.ts'

/**
 * Removes everything of a container that does not run. Its durable folder goes last and in one
 * step, so that what a crash leaves is still known.
 */
export async function removeContainer(
  state: ContainersState,
  id: string,
  signal: AbortSignal,
): Promise<void> {
  const places = state.of(id)
  const life = state.life(id)
  if (lives(life?.process ?? null) || state.cgroups.processes(id).length > 0) {
    throw new CoveyError('container-remove', 'processes of it still run')
  }
  if (life?.supervisor) signalProcess(life.supervisor, 9)
  await clearProcess(state, id, signal)
  await unmountRootfs(places)
  await rm(places.run, { recursive: true, force: true })
  await removeGroups(state, id)
  const object = state.records.record(id)?.object
  if (existsSync(places.durable)) await throwAway(state, places.durable)
  state.records.forget(id)
  state.forget(id)
  const others = state.records.ids()
  // What the runtime makes groups for has a folder before that, and it makes these folders again.
  if (others.length === 0) state.cgroups.removeParents()
  if (object === undefined) return
  const isFollowed = others.some((each) => state.records.record(each)?.object === object)
  state.tell(object, isFollowed ? 'replaced' : 'removed')
}

/** Processes that were killed may be in their groups for a moment longer. */
async function removeGroups({ cgroups }: ContainersState, id: string): Promise<void> {
  const untilMs = performance.now() + groupMsMax
  while (!cgroups.remove(id)) {
    if (performance.now() >= untilMs) {
      const message =
        'its control group cannot be removed: a process that is not visible here uses it'
      throw new CoveyError('container-remove', message)
    }
    await sleep(stopPollMs)
  }
}

/** Removes a volume with all that is in it. Throws `volume-closed`. */
export async function removeVolume(state: ContainersState, object: string): Promise<void> {
  const path = join(state.places.volumes, object)
  await state.gate.using([object], async () => {
    if (existsSync(path)) await throwAway(state, path)
  })
}

/** A rename, so that it is gone at once; emptying takes its own time, beside everything else. */
async function throwAway(state: ContainersState, path: string): Promise<void> {
  const { trash } = state.places
  mkdirSync(trash, { recursive: true, mode: 0o700 })
  await rename(path, join(trash, randomBytes(8).toString('hex')))
  void emptyTrash(state)
}

/** Empties what was thrown away, now or by an earlier agent. */
export async function emptyTrash(state: ContainersState): Promise<void> {
  const { trash } = state.places
  if (!existsSync(trash)) return
  for (const name of readdirSync(trash)) {
    await rm(join(trash, name), { recursive: true, force: true }).catch((error: unknown) => {
      state.log.warn({ error }, 'the folder of a removed container cannot be emptied')
    })
  }
}
