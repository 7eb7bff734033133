import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import * as z from 'zod'

/** A current log file as it was seen last. */
export interface ExpectedLog {
  readonly key: string
  /** The rotated name that it has beside its own, if it has one. */
  readonly ahead: string | null
}

/** State that an agent leaves for the next one of the same boot: current log files, by path. */
export interface LogMemory {
  read(): Map<string, ExpectedLog>
  write(expected: ReadonlyMap<string, ExpectedLog>): void
}

const schema = z.record(z.string(), z.object({ key: z.string(), ahead: z.string().nullable() }))

/**
 * Opens it at a path in the run folder. What cannot be read or written counts as nothing: then some
 * lines that were lost while no agent ran are not said to be.
 */
export function openMemory(path: string | undefined): LogMemory {
  let written = ''
  return {
    read() {
      try {
        const parsed = schema.safeParse(JSON.parse(readFileSync(path ?? '', 'utf8')))
        return new Map(Object.entries(parsed.data ?? {}))
      } catch {
        return new Map()
      }
    },
    write(expected) {
      const text = JSON.stringify(Object.fromEntries(expected))
      if (path === undefined || text === written) return
      try {
        writeFileSync(`${path}.tmp`, text, { mode: 0o600 })
        renameSync(`${path}.tmp`, path)
        written = text
      } catch {
        // The run folder may have been removed; it is made again by others.
      }
    },
  }
}
