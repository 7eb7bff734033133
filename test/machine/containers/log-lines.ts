import { appendFile, mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { readLog } from '../../../machine/containers/logs/read.ts'

/** One record as conmon writes it, `seconds` after midnight. */
export function record(seconds: number, text: string, stream = 'stdout', tag = 'F'): string {
  const time = new Date(seconds * 1000).toISOString().slice(0, -1)
  return `${time}000000+00:00 ${stream} ${tag} ${text}\n`
}

/** Appends records to a log file, whose folder is made. */
export async function write(path: string, ...records: readonly string[]): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  await appendFile(path, records.join(''))
}

/** The text that a reader of a log gets. */
export async function read(
  folder: string,
  query: { readonly sinceMs?: number; readonly tail?: number } = {},
): Promise<string> {
  const chunks: Uint8Array[] = []
  const { sinceMs = null, tail = null } = query
  await readLog(
    folder,
    { sinceMs, tail, follow: false },
    async (records) => void chunks.push(records),
    new AbortController().signal,
  )
  return Buffer.concat(chunks).toString('latin1')
}

/** The texts of records, without their heads. */
export function texts(records: string): readonly string[] {
  return records
    .split('\n')
    .slice(0, -1)
    .map((line) => line.split(' ').slice(3).join(' '))
}

/** The lines of records once partial ones are joined with what follows them in their stream. */
export function wholeLines(records: string): readonly string[] {
  const open: Record<string, string> = {}
  return records
    .split('\n')
    .slice(0, -1)
    .flatMap((line) => {
      const [, stream = '', tag, ...words] = line.split(' ')
      const text = (open[stream] ?? '') + words.join(' ')
      open[stream] = tag === 'P' ? text : ''
      return tag === 'P' ? [] : [text]
    })
}

/** A reader that follows a log, and what it was given so far. */
export interface Follower {
  readonly lines: () => readonly string[]
  readonly wholeLines: () => readonly string[]
  /** Resolves once a line that ends in this text was given. */
  until(end: string): Promise<void>
  stop(): Promise<void>
}

/** Follows a log until it is stopped. */
export function follow(folder: string, tail: number | null = null): Follower {
  const stopping = new AbortController()
  let text = ''
  const waiting = new Set<() => void>()
  const ended = readLog(
    folder,
    { sinceMs: null, tail, follow: true },
    async (records) => {
      text += Buffer.from(records).toString('latin1')
      for (const wake of waiting) wake()
    },
    stopping.signal,
  )
  return {
    lines: () => texts(text),
    wholeLines: () => wholeLines(text),
    async until(end) {
      while (!text.split('\n').some((line) => line.endsWith(end))) {
        await new Promise<void>((resolve) => waiting.add(resolve))
      }
    },
    async stop() {
      stopping.abort()
      await ended
    },
  }
}
