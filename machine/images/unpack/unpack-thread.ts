import { parentPort, workerData } from 'node:worker_threads'
import { CoveyError } from '../../../protocol/fault.ts'
import type { FromThread, ToThread } from './messages.ts'
import { createSandbox } from './sandbox.ts'
import { unpackLayer } from './unpack-layer.ts'

/**
 * The thread in which layers are unpacked (`unpackers.ts`): it inflates, hashes and checks, and
 * writes to the children that unpack. `workerData` is the root of the sandbox.
 */
interface Running {
  push(bytes: Uint8Array | null): void
  readonly ending: AbortController
}

const running = new Map<number, Running>()
const sandbox = createSandbox(String(workerData))

function tell(message: FromThread): void {
  parentPort?.postMessage(message)
}

/** Packed bytes as they were sent; each is told of when the next is asked for. */
function openFeed(id: number): {
  readonly stream: AsyncIterable<Uint8Array>
  push(bytes: Uint8Array | null): void
} {
  const waiting: (Uint8Array | null)[] = []
  let wake = (): void => {}
  async function* stream(): AsyncGenerator<Uint8Array> {
    for (;;) {
      while (waiting.length === 0) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
      const next = waiting.shift() ?? null
      if (next === null) return
      yield next
      tell({ kind: 'taken', id, bytes: next.length })
    }
  }
  return {
    stream: stream(),
    push(bytes) {
      waiting.push(bytes)
      wake()
    },
  }
}

async function begin(message: Extract<ToThread, { kind: 'begin' }>): Promise<void> {
  const { id, diffId, target, lowerLinks } = message
  const feed = openFeed(id)
  const ending = new AbortController()
  running.set(id, { push: feed.push, ending })
  try {
    const summary = await unpackLayer(await sandbox, {
      packed: feed.stream,
      diffId,
      target,
      lowerLinks,
      onBytes: (bytes) => tell({ kind: 'unpacked', id, bytes }),
      signal: ending.signal,
    })
    tell({ kind: 'done', id, summary })
  } catch (error) {
    const isTold = error instanceof CoveyError
    const text = error instanceof Error ? error.message : String(error)
    const [code, hint] = isTold ? [error.code, error.hint] : [null, undefined]
    tell({ kind: 'failed', id, code, message: text, hint })
  } finally {
    running.delete(id)
  }
}

parentPort?.on('message', (message: ToThread) => {
  const task = running.get(message.id)
  switch (message.kind) {
    case 'begin':
      begin(message)
      break
    case 'packed':
      task?.push(message.bytes)
      break
    case 'end':
      task?.push(null)
      break
    case 'abort':
      task?.ending.abort(new CoveyError('aborted', 'it is no longer wanted'))
      // Whoever waits for more bytes sees that there are none.
      task?.push(null)
  }
})
