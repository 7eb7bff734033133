import type { Fault } from '../../protocol/fault.ts'
import { compareHeadsOrNone, type Head } from '../../protocol/heads.ts'
import { evidenceMax } from '../../protocol/limits.ts'
import {
  type DurablePart,
  type DurableStart,
  type DurableWrite,
  durableParts,
  type HeldConfig,
  type HeldRoot,
} from '../../protocol/node/durable.ts'
import { between, chance, type World } from './world.ts'

/** The faults that a simulated disk adds to a write. */
export interface DiskFaults {
  /** Longest time of one step of a write (temporary files, each rename, the folder), in ms. */
  stepMsMax: number
  /** Probability that a write finds the disk full. */
  full: number
  /** Probability that an fsync fails, which ends the process. */
  syncFails: number
  /** Probability that the process is killed in the middle of a write, at any step of it. */
  kills: number
}

type Content = HeldConfig | HeldRoot | Head | 'none' | 'damaged'

/** The end of a write, unless the host crashes first. */
interface WriteEnd {
  ok(): void
  failed(fault: Fault): void
  /** The process ends: an fsync failed, or it was killed between two steps. */
  fatal(why: 'failed' | 'killed'): void
}

/**
 * The files of one host: what is durable, as the store writes it. A change goes through its steps
 * one by one, so that a crash finds it between any two; what is renamed is whole, what is not is
 * not there.
 */
export interface SimDisk {
  readonly files: Map<string, Content>
  write(write: DurableWrite, end: WriteEnd): void
  /** The process or the host ended: what is under way never goes on. Whether anything was. */
  crash(): boolean
  /** Reads the state that a start would find. */
  load(self: Pick<DurableStart, 'host' | 'peerId' | 'agentVersion'>): DurableStart
}

/** A disk right after enrolment. */
export function createDisk(world: World, roots: readonly HeldRoot[], faults: DiskFaults): SimDisk {
  const files = new Map<string, Content>()
  for (const root of roots) files.set(`roots/${root.root.epoch}`, root)
  files.set('floor', 'none')
  let life = 0
  let isBusy = false
  const stepMs = (): number => between(world.random, 0, faults.stepMsMax)
  const run = (write: DurableWrite, end: WriteEnd): void => {
    const started = life
    isBusy = true
    const over = (tell: () => void): void => {
      isBusy = false
      tell()
    }
    const steps = durableParts(write)
    const later = (next: () => void): void =>
      world.after(stepMs(), () => started === life && next())
    if (chance(world.random, faults.full)) {
      later(() => over(() => end.failed({ code: 'disk-full', message: 'full' })))
      return
    }
    const failing = chance(world.random, faults.syncFails)
    const killed = !failing && chance(world.random, faults.kills)
    const endsAt = failing || killed ? between(world.random, 0, steps.length) : -1
    const next = (index: number): void => {
      if (index === endsAt) return end.fatal(killed ? 'killed' : 'failed')
      const step = steps[index]
      if (step === undefined) {
        trimEvidence(files)
        return over(end.ok)
      }
      files.set(pathOf(step), step.value)
      later(() => next(index + 1))
    }
    // The temporary files and their fsync come first: until then nothing is visible.
    later(() => next(0))
  }
  return {
    files,
    write: run,
    crash() {
      const wasBusy = isBusy
      isBusy = false
      life++
      return wasBusy
    },
    load(self) {
      const start = loadFrom(files, self)
      // As the store does: a head that is about to be told has its floor first.
      if (start.floorKnown && start.floor !== null) files.set('floor', start.floor)
      return start
    },
  }
}

/** A file of the store, as far as the simulator tells files apart. */
function pathOf({ name, value }: DurablePart): string {
  if (name === 'roots') return `roots/${value.root.epoch}`
  if (name === 'rivals') return `rivals/${value.digest}`
  if (name === 'evidence') return `evidence/${value.head.digest}`
  return name
}

function trimEvidence(files: Map<string, Content>): void {
  const kept = [...files.keys()].filter((path) => path.startsWith('evidence/'))
  for (const path of kept.slice(0, Math.max(0, kept.length - evidenceMax))) files.delete(path)
}

/**
 * The same conclusions as the store's: what does not verify is left out, the floor is at least the
 * head.
 */
function loadFrom(
  files: ReadonlyMap<string, Content>,
  self: Pick<DurableStart, 'host' | 'peerId' | 'agentVersion'>,
): DurableStart {
  const damage: Fault[] = []
  const sound = <T>(path: string): T | null => {
    const content = files.get(path)
    if (content === 'damaged') damage.push({ code: 'state-damaged', message: `${path} is damaged` })
    const isThere = content !== undefined && content !== 'damaged' && content !== 'none'
    return isThere ? (content as T) : null
  }
  const below = <T>(folder: string): readonly T[] =>
    [...files.keys()]
      .filter((path) => path.startsWith(folder))
      .map((path) => sound<T>(path))
      .filter((content) => content !== null)
  const roots: HeldRoot[] = []
  for (let epoch = 1; files.has(`roots/${epoch}`); epoch++) {
    const root = sound<HeldRoot>(`roots/${epoch}`)
    if (root === null) break
    roots.push(root)
  }
  // A config under a root that is not there does not verify.
  const config = (path: string): HeldConfig | null => {
    const held = sound<HeldConfig>(path)
    return held !== null && held.head.epoch <= roots.length ? held : null
  }
  const head = config('head')
  const floor = sound<Head>('floor')
  const highest = compareHeadsOrNone(floor, head?.head ?? null) >= 0 ? floor : (head?.head ?? null)
  const floorFile = files.get('floor')
  return {
    ...self,
    roots,
    rivals: below<HeldRoot>('rivals/'),
    head,
    previous: config('previous'),
    confirmed: config('confirmed'),
    // Evidence is written before the head that replaces it; after a crash between them it is head.
    evidence: below<HeldConfig>('evidence/').filter(
      (held) => held.head.digest !== head?.head.digest,
    ),
    floor: highest,
    floorKnown: floorFile !== undefined && floorFile !== 'damaged',
    damage,
  }
}
