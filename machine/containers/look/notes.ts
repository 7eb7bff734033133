import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { ContainerSeen } from '../../../reconcilers/host-containers.ts'
import type { ContainersState } from '../state.ts'
import { lookAtAll, lookAtOne } from './look-at-all.ts'

/** News of containers, kept and told once. */
export interface Notes {
  /** Looks at all, as a round does. */
  notice(): readonly ContainerSeen[]
  /** The end of one that was stopped, which may be removed before the next round. */
  noticeEnd(id: string): void
}

/** Notes of what an agent sees of its containers. */
export function createNotes(state: ContainersState): Notes {
  let isFirst = true
  const noticeEnd = (id: string): void => noteEnd(state, lookAtOne(state, id))
  const notice = (): readonly ContainerSeen[] => {
    const { places } = state
    // Somebody may have emptied the run folder; what comes next needs its top.
    for (const path of [places.runs, places.exits]) {
      if (!existsSync(path)) mkdirSync(path, { recursive: true, mode: 0o700 })
    }
    const all = lookAtAll(state)
    for (const seen of all) {
      // What ran before this agent did, and goes on.
      if (isFirst && seen.process.state === 'running') state.tell(seen.object, 'adopted')
      noteMemory(state, seen)
      noteBroken(state, seen)
      noteEnd(state, seen)
    }
    isFirst = false
    return all
  }
  return { notice, noticeEnd }
}

/** Tells once that the kernel ended a process of a container, even if not its first. */
function noteMemory(state: ContainersState, seen: ContainerSeen): void {
  const [memory, life] = [state.memory(seen.id), state.life(seen.id)]
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
function noteEnd(state: ContainersState, seen: ContainerSeen): void {
  const life = state.life(seen.id)
  if (seen.process.state !== 'exited' || life === null) return
  const { exit } = seen.process
  if (life.lastExit?.exitedMs === exit.exitedMs) return
  if (!existsSync(state.of(seen.id).life)) return
  // One that ends by itself has another reason to be started again.
  const ailment = seen.stopping?.hadFailed === true ? life.ailment : null
  state.setLife(seen.id, { lastExit: exit, health: null, ailment })
  const code = exit.exitCode === null ? 'unknown exit code' : `exit code ${exit.exitCode}`
  state.tell(seen.object, seen.stopping === null ? 'exited' : 'stopped', code)
}
