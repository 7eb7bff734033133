import { readdir, rm, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Log } from '../../../reconcilers/reconciler.ts'
import { savingsOf } from './budget.ts'
import { type LogFile, listLogFiles } from './files.ts'
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

function createKeeping(init: LogKeeperInit): { look(): Promise<number> } {
  const { stateDir, bundleOf, isKept, log } = init
  const fileBytesMax = init.fileBytesMax ?? logFileBytesMax
  const budget = { bytesMax: init.bytesMax ?? logBytesMax, filesMax: logFilesMax }
  // Sizes at the last look, by path; and since when a current file has been missing, by id.
  let sizes = new Map<string, Seen>()
  let missing = new Map<string, number>()

  /** Time until this file may have grown too large, in ms; half of it, to be there before. */
  const dueOf = (file: LogFile, seen: Map<string, Seen>, nowMs: number): number => {
    const before = sizes.get(file.path)
    seen.set(file.path, { sizeBytes: file.sizeBytes, atMs: nowMs })
    if (before === undefined || file.sizeBytes <= before.sizeBytes) return logCheckMsMax
    const bytesPerMs = (file.sizeBytes - before.sizeBytes) / Math.max(1, nowMs - before.atMs)
    return (fileBytesMax - file.sizeBytes) / bytesPerMs / 2
  }

  const rotate = async (file: LogFile, files: readonly LogFile[]): Promise<void> => {
    await rotateAway(file, files)
    await reopenLog(bundleOf(file.id))
    log.info({ path: file.path, bytes: file.sizeBytes }, 'log rotated')
  }

  /** Finishes a rotation that broke off between its two halves: the supervisor was not told. */
  const reopenMissing = async (files: readonly LogFile[], since: Map<string, number>) => {
    const nowMs = performance.now()
    for (const id of new Set(files.map((file) => file.id))) {
      if (files.some((file) => file.id === id && file.number === null)) continue
      const sinceMs = missing.get(id) ?? nowMs
      since.set(id, sinceMs)
      if (nowMs - sinceMs < reopenMsMax) continue
      if (await reopenLog(bundleOf(id))) log.warn({ id }, 'log opened again: nobody had asked')
      since.delete(id)
    }
  }

  const lookAt = async (folder: string, seen: Map<string, Seen>, since: Map<string, number>) => {
    const files = await listLogFiles(folder)
    let dueMs = logCheckMsMax
    const nowMs = performance.now()
    await reopenMissing(files, since)
    for (const file of files) {
      if (file.number !== null) continue
      if (file.sizeBytes >= fileBytesMax) await rotate(file, files)
      else dueMs = Math.min(dueMs, dueOf(file, seen, nowMs))
    }
    const { remove, rotate: ended } = savingsOf(files, budget)
    for (const file of remove) await rm(file.path, { force: true })
    for (const file of ended) {
      if (!(await hasSupervisor(bundleOf(file.id)))) await rotateAway(file, files)
    }
    return { files, dueMs }
  }

  return {
    async look() {
      const seen = new Map<string, Seen>()
      const since = new Map<string, number>()
      const gone: Gone[] = []
      let dueMs = logCheckMsMax
      for (const object of await readdir(logsFolder(stateDir)).catch(() => [])) {
        const folder = join(logsFolder(stateDir), object)
        const looked = await lookAt(folder, seen, since)
        dueMs = Math.min(dueMs, looked.dueMs)
        if (!isKept(object)) gone.push({ folder, files: looked.files })
      }
      await removeGone(gone, Date.now())
      sizes = seen
      missing = since
      return Math.max(logCheckMsMin, dueMs)
    },
  }
}

/** Logs of an object that is neither listed nor has a container. */
interface Gone {
  readonly folder: string
  readonly files: readonly LogFile[]
}

async function removeGone(gone: readonly Gone[], nowMs: number): Promise<void> {
  const writtenMs = ({ files }: Gone): number =>
    files.reduce((latest, file) => Math.max(latest, file.writtenMs), 0)
  const byAge = gone.toSorted((a, b) => writtenMs(b) - writtenMs(a))
  for (const [index, each] of byAge.entries()) {
    if (index < goneLogsMax && nowMs - writtenMs(each) < goneLogsMsMax) continue
    for (const { path } of each.files) await rm(path, { force: true })
    // Whatever else lies there was put there by somebody else, and stays.
    await rmdir(each.folder).catch(() => {})
  }
}
