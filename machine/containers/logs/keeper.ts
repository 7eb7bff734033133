import { rm, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Log } from '../../../reconcilers/reconciler.ts'
import { savingsOf } from './budget.ts'
import { entriesOf, type LogFile, listLogFiles } from './files.ts'
import {
  goneLogsMax,
  goneLogsMsMax,
  logBytesMax,
  logCheckMsMax,
  logCheckMsMin,
  logFileBytesMax,
  logFilesMax,
  lossGapMs,
  reopenMsMax,
} from './limits.ts'
import { type ExpectedLog, openMemory } from './memory.ts'
import { logsFolder } from './places.ts'
import { hasSupervisor, nameAhead, noteLoss, reopenLog, rotateAway } from './rotate.ts'

/** Dependencies of the log keeper, which bounds the logs of containers. */
export interface LogKeeperInit {
  readonly stateDir: string
  /** Folder of a container's bundle, whether or not it is there. */
  readonly bundleOf: (id: string) => string
  /** True if the logs of an object must stay, since it is listed or has a container. */
  readonly isKept: (object: string) => boolean
  readonly log: Log
  /** File in which the next agent of this boot finds what this one saw last. */
  readonly memoryPath?: string
  /** Where absent, those of `limits.ts`. */
  readonly fileBytesMax?: number
  readonly bytesMax?: number
}

/** Keeps logs in bounds until it is stopped. */
export interface LogKeeper {
  /** Looks at all logs once, whatever they were like before. */
  check(): Promise<void>
  stop(): Promise<void>
}

/**
 * Rotates logs of containers that have grown and removes the oldest, on a timer of its own. It
 * remembers nothing that must outlive the boot: what an earlier one left half done is finished.
 * Where a supervisor had to begin another file before this could see to the one before, lines are
 * lost, and the log says so.
 */
export function createLogKeeper(init: LogKeeperInit): LogKeeper {
  const keeping = createKeeping(init)
  let stopped = false
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> = Promise.resolve()
  const round = async (): Promise<void> => {
    let dueMs = logCheckMsMax
    try {
      dueMs = await keeping.look()
    } catch (error) {
      init.log.warn({ error }, 'cannot check the logs of containers')
    }
    if (stopped) return
    timer = setTimeout(begin, dueMs)
    timer.unref()
  }
  const begin = (): void => {
    running = round()
  }
  begin()
  return {
    async check() {
      await running
      await keeping.look()
    },
    async stop() {
      stopped = true
      clearTimeout(timer)
      await running
    },
  }
}

interface Seen {
  readonly sizeBytes: number
  readonly atMs: number
  /** Growth, in bytes a millisecond; files that follow each other grow alike. */
  readonly rate: number
}

/** State that one look leaves for the next one. */
interface Memory {
  /** Sizes of current files, by path. */
  readonly sizes: Map<string, Seen>
  /** Current files that are expected to be there still, by path; see `LogMemory`. */
  readonly expected: Map<string, ExpectedLog>
  /** Since when the current file of a container has been missing, by id. */
  readonly missing: Map<string, number>
}

function createKeeping(init: LogKeeperInit): { look(): Promise<number> } {
  const { stateDir, bundleOf, isKept } = init
  const fileBytesMax = init.fileBytesMax ?? logFileBytesMax
  const budget = { bytesMax: init.bytesMax ?? logBytesMax, filesMax: logFilesMax }
  const memory = openMemory(init.memoryPath)
  let before: Memory = { sizes: new Map(), expected: memory.read(), missing: new Map() }

  const lookAt = async (folder: string, now: Memory): Promise<Looked> => {
    const files = listLogFiles(folder)
    await reopenMissing(init, files, before, now)
    let dueMs = logCheckMsMax
    for (const file of files) {
      if (file.number !== null) continue
      if (hasLost(file, files, before)) {
        // The list is out of date by that; the next look comes soon.
        await sayLoss(init, file, files)
        dueMs = logCheckMsMin
        continue
      }
      if (file.sizeBytes >= fileBytesMax) {
        await rotate(init, file, files)
        continue
      }
      now.expected.set(file.path, { key: file.key, ahead: await nameAhead(file, files) })
      dueMs = Math.min(dueMs, dueOf(file, fileBytesMax, before, now))
    }
    const { remove, rotate: ended } = savingsOf(files, budget)
    for (const file of remove) await rm(file.path, { force: true })
    for (const file of ended) {
      if (!(await hasSupervisor(bundleOf(file.id)))) await rotateAway(file, files)
    }
    return { folder, files, dueMs }
  }

  return {
    async look() {
      const now: Memory = { sizes: new Map(), expected: new Map(), missing: new Map() }
      const gone: Looked[] = []
      let dueMs = logCheckMsMax
      for (const object of entriesOf(logsFolder(stateDir))) {
        const looked = await lookAt(join(logsFolder(stateDir), object), now)
        dueMs = Math.min(dueMs, looked.dueMs)
        if (!isKept(object)) gone.push(looked)
      }
      await removeGone(gone, Date.now())
      before = now
      memory.write(now.expected)
      return Math.max(logCheckMsMin, dueMs)
    },
  }
}

/** Time until this file may have grown too large, in ms; half of it, to be there before. */
function dueOf(file: LogFile, fileBytesMax: number, before: Memory, now: Memory): number {
  const atMs = performance.now()
  const known = before.sizes.get(file.path)
  const grown = file.sizeBytes - (known?.sizeBytes ?? file.sizeBytes)
  const rate = grown > 0 ? grown / Math.max(1, atMs - (known?.atMs ?? 0)) : (known?.rate ?? 0)
  // One that grows no more is forgotten by half each time, one that has just begun is not.
  now.sizes.set(file.path, { sizeBytes: file.sizeBytes, atMs, rate: grown === 0 ? rate / 2 : rate })
  return rate <= 0 ? logCheckMsMax : (fileBytesMax - file.sizeBytes) / rate / 2
}

/**
 * True if lines may be lost before a current file: the one that was seen before it is gone, and
 * nobody here removed it; or its supervisor left that one behind, and began others since.
 */
function hasLost(file: LogFile, files: readonly LogFile[], { expected }: Memory): boolean {
  const before = expected.get(file.path)
  if (before === undefined || before.key === file.key) return false
  const left = files.find((each) => each.key === before.key)
  if (left === undefined) return true
  return left.path === before.ahead && file.bornMs - left.writtenMs > lossGapMs
}

async function sayLoss(
  { log }: LogKeeperInit,
  file: LogFile,
  files: readonly LogFile[],
): Promise<void> {
  log.warn({ path: file.path }, 'lines of a log may be lost: more was written than it can keep')
  await noteLoss(file, files).catch((error) => {
    log.warn({ error, path: file.path }, 'cannot note lost lines in the log of a container')
  })
}

async function rotate(
  { bundleOf, log }: LogKeeperInit,
  file: LogFile,
  files: readonly LogFile[],
): Promise<void> {
  await rotateAway(file, files)
  await reopenLog(bundleOf(file.id))
  log.info({ path: file.path, bytes: file.sizeBytes }, 'log rotated')
}

/** Finishes a rotation that broke off between its two halves: the supervisor was not told. */
async function reopenMissing(
  { bundleOf, log }: LogKeeperInit,
  files: readonly LogFile[],
  before: Memory,
  now: Memory,
): Promise<void> {
  const nowMs = performance.now()
  for (const id of new Set(files.map((file) => file.id))) {
    if (files.some((file) => file.id === id && file.number === null)) continue
    const sinceMs = before.missing.get(id) ?? nowMs
    if (nowMs - sinceMs < reopenMsMax) now.missing.set(id, sinceMs)
    else if (await reopenLog(bundleOf(id))) log.warn({ id }, 'log opened again without a request')
  }
}

/** Files found in the folder of an object. */
interface Looked {
  readonly folder: string
  readonly files: readonly LogFile[]
  readonly dueMs: number
}

/** Removes logs of objects that are neither listed nor have a container, when it is time. */
async function removeGone(gone: readonly Looked[], nowMs: number): Promise<void> {
  const writtenMs = ({ files }: Looked): number =>
    files.reduce((latest, file) => Math.max(latest, file.writtenMs), 0)
  const byAge = gone.toSorted((a, b) => writtenMs(b) - writtenMs(a))
  for (const [index, each] of byAge.entries()) {
    if (index < goneLogsMax && nowMs - writtenMs(each) < goneLogsMsMax) continue
    for (const { path, ahead } of each.files) {
      for (const name of [path, ahead]) if (name !== null) await rm(name, { force: true })
    }
    // Whatever else lies there was put there by somebody else, and stays.
    await rmdir(each.folder).catch(() => {})
  }
}
