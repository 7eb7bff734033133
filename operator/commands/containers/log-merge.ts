import { logHoldMs } from '../../limits.ts'
import type { SourceRecord } from './log-source.ts'

/** A record, and the number of the source that it is from. */
export interface MergedRecord {
  readonly source: number
  readonly record: SourceRecord
}

interface Queue {
  records: readonly SourceRecord[]
  at: number
  /** When the batch arrived, in ms. */
  arrivedMs: number
  hasEnded: boolean
  /** Lets the source read its next batch. */
  more: () => void
}

/**
 * Merges logs by the time of their records, in batches. A record waits until every source has a
 * later one, or has ended, but for `logHoldMs` at most: a silent container holds nobody up. Of each
 * source one batch is held. Throws what a source throws.
 */
export async function* mergeLogs(
  sources: readonly AsyncIterable<readonly SourceRecord[]>[],
  signal: AbortSignal,
): AsyncGenerator<readonly MergedRecord[]> {
  let wake = (): void => {}
  let fault: { readonly error: unknown } | undefined
  const queues = sources.map((source) => {
    const queue: Queue = { records: [], at: 0, arrivedMs: 0, hasEnded: false, more: () => {} }
    const fill = async (): Promise<void> => {
      for await (const records of source) {
        Object.assign(queue, { records, at: 0, arrivedMs: performance.now() })
        const taken = new Promise<void>((resolve) => {
          queue.more = resolve
        })
        wake()
        await taken
      }
    }
    const end = (): void => {
      queue.hasEnded = true
      wake()
    }
    fill().then(end, (error: unknown) => {
      fault ??= { error }
      end()
    })
    return queue
  })
  while (!signal.aborted) {
    const batch = take(queues)
    if (batch.length > 0) yield batch
    if (fault !== undefined) throw fault.error
    if (queues.every((queue) => queue.hasEnded && isEmpty(queue))) return
    if (batch.length > 0) continue
    await new Promise<void>((resolve) => {
      // Whoever waits for a later record of others does so until its time is over.
      const timer = queues.every(isEmpty) ? undefined : setTimeout(resolve, logHoldMs / 4)
      const stop = (): void => resolve()
      signal.addEventListener('abort', stop, { once: true })
      wake = () => {
        clearTimeout(timer)
        signal.removeEventListener('abort', stop)
        resolve()
      }
    })
    wake = () => {}
  }
}

function isEmpty({ records, at }: Queue): boolean {
  return at >= records.length
}

/** All records whose turn it is. */
function take(queues: readonly Queue[]): readonly MergedRecord[] {
  const batch: MergedRecord[] = []
  const nowMs = performance.now()
  for (;;) {
    let first: Queue | undefined
    let isWaiting = false
    for (const queue of queues) {
      const record = queue.records[queue.at]
      if (record === undefined) isWaiting ||= !queue.hasEnded
      else if (first === undefined || record.time < timeOf(first)) first = queue
    }
    if (first === undefined) return batch
    if (isWaiting && nowMs - first.arrivedMs < logHoldMs) return batch
    const record = first.records[first.at]
    if (record === undefined) return batch
    batch.push({ source: queues.indexOf(first), record })
    first.at++
    if (isEmpty(first)) first.more()
  }
}

function timeOf({ records, at }: Queue): string {
  return records[at]?.time ?? ''
}
