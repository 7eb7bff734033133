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
  reopenMsMax,
} from './limits.ts'
import { logsFolder } from './places.ts'
import { hasSupervisor, reopenLog, rotateAway } from './rotate.ts'

/** What logs of containers are kept in bounds with. */
export interface LogKeeperInit {
  readonly stateDir: string
  /** Folder of a container's bundle, whether or not it is there. */
  readonly bundleOf: (id: string) => string
  /** Whether the logs of an object must stay, since it is listed or has a container. */
  readonly isKept: (object: string) => boolean
  readonly log: Log
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
 * remembers nothing that must outlive the agent: what an earlier one left half done is finished.
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
      init.log.warn({ error }, 'logs of containers cannot be looked at')
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
}

/** What one look finds and the next one needs. */
interface Memory {
  /** Sizes of current files, by path. */
  readonly sizes: Map<string, Seen>
  /** Since when the current file of a container has been missing, by id. */
  readonly missing: Map<string, number>
}

function createKeeping(init: LogKeeperInit): { look(): Promise<number> } {
  const { stateDir, bundleOf, isKept } = init
  const fileBytesMax = init.fileBytesMax ?? logFileBytesMax
  const budget = { bytesMax: init.bytesMax ?? logBytesMax, filesMax: logFilesMax }
  let before: Memory = { sizes: new Map(), missing: new Map() }

  const lookAt = async (folder: string, now: Memory): Promise<Looked> => {
    const files = listLogFiles(folder)
    await reopenMissing(init, files, before, now)
    let dueMs = logCheckMsMax
    for (const file of files) {
      if (file.number !== null) continue
      if (file.sizeBytes >= fileBytesMax) await rotate(init, file, files)
      else dueMs = Math.min(dueMs, dueOf(file, fileBytesMax, before, now))
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
      const now: Memory = { sizes: new Map(), missing: new Map() }
      const gone: Looked[] = []
      let dueMs = logCheckMsMax
      for (const object of entriesOf(logsFolder(stateDir))) {
        const looked = await lookAt(join(logsFolder(stateDir), object), now)
        dueMs = Math.min(dueMs, looked.dueMs)
        if (!isKept(object)) gone.push(looked)
      }
      await removeGone(gone, Date.now())
      before = now
      return Math.max(logCheckMsMin, dueMs)
    },
  }
}

/** Time until this file may have grown too large, in ms; half of it, to be there before. */
function dueOf(file: LogFile, fileBytesMax: number, before: Memory, now: Memory): number {
  const atMs = performance.now()
  now.sizes.set(file.path, { sizeBytes: file.sizeBytes, atMs })
  const known = before.sizes.get(file.path)
  if (known === undefined || file.sizeBytes <= known.sizeBytes) return logCheckMsMax
  const bytesPerMs = (file.sizeBytes - known.sizeBytes) / Math.max(1, atMs - known.atMs)
  return (fileBytesMax - file.sizeBytes) / bytesPerMs / 2
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
    else if (await reopenLog(bundleOf(id))) log.warn({ id }, 'log opened again: nobody had asked')
  }
}

/** What was found in the folder of an object. */
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
    for (const { path } of each.files) await rm(path, { force: true })
    // Whatever else lies there was put there by somebody else, and stays.
    await rmdir(each.folder).catch(() => {})
  }
}
