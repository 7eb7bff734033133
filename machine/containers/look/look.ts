import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type {
  ContainerProcess,
  ContainerRecord,
  ContainerSeen,
  ExitSeen,
} from '../../../reconcilers/host-containers.ts'
import type { Life } from '../life.ts'
import type { ContainerPlaces } from '../places.ts'
import { isInNamespace, lives } from '../processes.ts'
import { readExit, unseenExit } from './exits.ts'

/** Dependencies of a look at one container. */
export interface LookInit {
  readonly id: string
  readonly places: ContainerPlaces
  readonly record: ContainerRecord | null
  /** Its exit, if that is kept for good; undefined if there is no record that it ran. */
  readonly ran: ExitSeen | null | undefined
  readonly life: Life | null
  readonly log: string
  readonly mounts: ReadonlySet<string>
  /** Processes in its control group, for one that nothing else is known of. */
  readonly strays: readonly number[]
  readonly memory: LookMemory
  readonly nowMs: number
}

/**
 * State that one look leaves for the next one, which need not read again what cannot have changed.
 */
export interface LookMemory {
  exit: ExitSeen | null
  readonly files: Map<string, { readonly stamp: string; readonly text: string }>
  /** Set once the process was seen to run what it is for. */
  isStarted: boolean
  /** Set once it was told that memory ran out. */
  isOomTold: boolean
  /** Start of the process whose mounts were checked last, in ticks. */
  checkedTicks: number | null
  /** Set while a process is being made: what the runtime has begun is not noted yet. */
  isMaking: boolean
  /** The last fault told; null while the container is whole. */
  brokenTold: string | null
}

/** Looks at one container: files and /proc, nothing else. */
export function lookAt(init: LookInit): ContainerSeen {
  const { id, record, life } = init
  const process = processOf(init)
  const isUp = process.state === 'running' || process.state === 'created'
  return {
    id,
    object: record?.object ?? objectOf(id),
    record,
    process,
    broken: isUp ? whyBroken(init) : null,
    stopping: life?.stopping ?? null,
    count: life?.count ?? { restarts: 0, streak: 0 },
    lastExit: life?.lastExit ?? null,
    isPrepared: isPrepared(init),
    health: process.state === 'running' ? (life?.health ?? null) : null,
    ailment: life?.ailment ?? null,
    hosts: textOf('hosts', init),
    resolvConf: textOf('resolv.conf', init),
  }
}

/** The object that an id was made from. */
function objectOf(id: string): string {
  return id.replace(/^covey-/, '').replace(/-[^-]*$/, '')
}

function processOf(init: LookInit): ContainerProcess {
  const { life, ran, strays, nowMs, places, log, memory } = init
  const pid = life?.process?.pid ?? strays[0]
  if (life === null || life.process === null) {
    // No trace but its control group: it runs, and nobody supervises it.
    if (pid !== undefined) return { state: 'running', pid, startedMs: nowMs }
    if (ran) return { state: 'exited', exit: ran, isKept: true }
    return { state: 'absent', wasStarted: ran !== undefined || life?.startedMs != null }
  }
  if (lives(life.process)) {
    memory.exit = null
    memory.isStarted ||= !existsSync(join(places.runtime, 'exec.fifo'))
    if (!memory.isStarted) return { state: 'created', pid: life.process.pid }
    const { pid, startTicks } = life.process
    return { state: 'running', pid, startedMs: life.startedMs ?? nowMs, startTicks }
  }
  if (life.startedMs === null && !memory.isStarted) return { state: 'absent', wasStarted: false }
  // What is kept for good stays said, whichever of the supervisor's files are there.
  if (ran && ran.startedMs === life.startedMs) memory.exit ??= ran
  // Asked first: it may say how the process ended, and be gone, between two questions.
  const isSupervised = lives(life.supervisor)
  memory.exit ??= readExit(places, log, life)
  if (memory.exit === null && isSupervised) {
    // Its supervisor is about to say how it ended.
    return { state: 'running', pid: life.process.pid, startedMs: life.startedMs ?? nowMs }
  }
  memory.exit ??= unseenExit(log, life, nowMs)
  return { state: 'exited', exit: memory.exit, isKept: ran?.exitedMs === memory.exit.exitedMs }
}

/** Nobody reads what it writes any more, or will see how it ends. */
const supervisorGone = 'its supervisor conmon is gone, and with it its output and exit code'

/** Reason that a running container is broken; null if it is whole. */
function whyBroken({ life, places, record, mounts }: LookInit): string | null {
  if (life?.process == null) return "the agent's record of its process is gone"
  if (!lives(life.supervisor)) return supervisorGone
  if (!existsSync(places.life)) return 'its run folder was removed'
  if (!existsSync(join(places.runtime, 'state.json'))) return 'its state in the runtime is gone'
  if (!existsSync(join(places.bundle, 'config.json'))) return 'its bundle was removed'
  if (!mounts.has(places.rootfs)) return 'its root file system was unmounted'
  const namespace = record?.namespace ?? null
  if (namespace !== null && !isInNamespace(life.process.pid, namespace)) {
    return 'its network namespace was replaced'
  }
  return null
}

function isPrepared({ places, mounts, record, life }: LookInit): boolean {
  const known = record !== null && life !== null && mounts.has(places.rootfs)
  return known && existsSync(join(places.bundle, 'config.json'))
}

/** A file that is mounted into the container, read again where it seems to have changed. */
function textOf(name: string, { places, memory }: LookInit): string | null {
  const path = join(places.files, name)
  const stat = statSync(path, { throwIfNoEntry: false })
  if (stat === undefined) return null
  const stamp = `${stat.ino} ${stat.size} ${stat.mtimeMs} ${stat.ctimeMs}`
  const known = memory.files.get(name)
  if (known?.stamp === stamp) return known.text
  const text = readFileSync(path, 'utf8')
  memory.files.set(name, { stamp, text })
  return text
}
