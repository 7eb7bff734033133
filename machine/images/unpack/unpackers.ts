import { setFlagsFromString } from 'node:v8'
import { Worker } from 'node:worker_threads'
import { CoveyError } from '../../../protocol/fault.ts'
import type { LayerSummary } from '../layers/layer-transform.ts'
import {
  packedAheadBytes,
  packedMessageBytes,
  threadHeapMegabytes,
  threadIdleMs,
} from '../limits.ts'
import type { FromThread, ToThread } from './messages.ts'
import type { LayerTask } from './unpack-layer.ts'

/**
 * Unpacks layers in a thread of its own: the agent goes on answering meanwhile, and the garbage of
 * a large image is collected in a small heap. The thread ends when nothing has come for a while.
 */
export interface Unpackers {
  /** Begins the thread while its first layer is still asked for. */
  warm(): void
  /** As `unpackLayer`. */
  unpack(task: LayerTask): Promise<LayerSummary>
  /** Ends the thread. */
  close(): Promise<void>
}

type Send = (message: ToThread) => void

interface Running {
  /** Packed bytes that were sent and not used up yet. */
  ahead: number
  wake: () => void
  readonly onBytes: (bytes: number) => void
  readonly done: (summary: LayerSummary) => void
  readonly failed: (error: unknown) => void
}

/** Makes the unpackers; the thread begins with the first layer. */
export function createUnpackers(sandboxRoot: string): Unpackers {
  return new ThreadUnpackers(sandboxRoot)
}

class ThreadUnpackers implements Unpackers {
  private readonly sandboxRoot: string
  private readonly running = new Map<number, Running>()
  private worker: Worker | null = null
  private idle: NodeJS.Timeout | undefined
  private lastId = 0

  constructor(sandboxRoot: string) {
    this.sandboxRoot = sandboxRoot
  }

  warm(): void {
    this.thread()
    this.rest()
  }

  async unpack(task: LayerTask): Promise<LayerSummary> {
    const { signal, diffId, target, lowerLinks } = task
    signal.throwIfAborted()
    this.lastId++
    const id = this.lastId
    const worker = this.thread()
    clearTimeout(this.idle)
    worker.ref()
    const send: Send = (message) => {
      // The bytes move to the thread: nobody else has them.
      worker.postMessage(message, message.kind === 'packed' ? [message.bytes.buffer] : [])
    }
    const ended = Promise.withResolvers<LayerSummary>()
    let refusal: { readonly error: unknown } | null = null
    const refuse = (error: unknown): void => {
      refusal ??= { error }
      send({ kind: 'abort', id })
    }
    const run: Running = {
      ahead: 0,
      wake: () => {},
      onBytes: (bytes) => void Promise.resolve(task.onBytes(bytes)).catch(refuse),
      done: ended.resolve,
      failed: (error) => ended.reject(refusal === null ? error : refusal.error),
    }
    this.running.set(id, run)
    const abort = (): void => refuse(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    send({ kind: 'begin', id, diffId, target, lowerLinks })
    const feeding = this.feed(id, run, task.packed, send).catch(refuse)
    try {
      return await ended.promise
    } finally {
      signal.removeEventListener('abort', abort)
      this.running.delete(id)
      run.wake()
      await feeding
      this.rest()
    }
  }

  async close(): Promise<void> {
    clearTimeout(this.idle)
    const { worker } = this
    this.worker = null
    await worker?.terminate()
  }

  private async feed(
    id: number,
    run: Running,
    packed: AsyncIterable<Uint8Array>,
    send: Send,
  ): Promise<void> {
    for await (const bytes of gathered(packed)) {
      if (!this.running.has(id)) return
      run.ahead += bytes.length
      send({ kind: 'packed', id, bytes })
      while (run.ahead > packedAheadBytes && this.running.has(id)) {
        await new Promise<void>((resolve) => {
          run.wake = resolve
        })
      }
    }
    send({ kind: 'end', id })
  }

  private thread(): Worker {
    if (this.worker !== null) return this.worker
    // The bundle has it beside the program, as JavaScript.
    const name = import.meta.url.endsWith('.ts') ? './unpack-thread.ts' : './unpack-thread.js'
    // V8 would begin small, and look for garbage so often that a layer takes a third longer.
    setFlagsFromString(`--initial-old-space-size=${threadHeapMegabytes}`)
    const worker = new Worker(new URL(name, import.meta.url), { workerData: this.sandboxRoot })
    worker.on('message', (message: FromThread) => this.hear(message))
    worker.on('error', (error) => this.lost(worker, error))
    worker.on('exit', () => this.lost(worker, null))
    this.worker = worker
    return worker
  }

  private hear(message: FromThread): void {
    const run = this.running.get(message.id)
    if (run === undefined) return
    switch (message.kind) {
      case 'taken':
        run.ahead -= message.bytes
        run.wake()
        break
      case 'unpacked':
        run.onBytes(message.bytes)
        break
      case 'done':
        run.done(message.summary)
        break
      case 'failed':
        run.failed(errorOf(message))
    }
  }

  private lost(worker: Worker, cause: unknown): void {
    if (this.worker === worker) this.worker = null
    else if (this.worker !== null) return
    const error = new CoveyError('unpack', 'the thread that unpacks layers ended', { cause })
    for (const run of this.running.values()) run.failed(error)
  }

  private rest(): void {
    clearTimeout(this.idle)
    if (this.running.size > 0) return
    this.idle = setTimeout(() => this.close(), threadIdleMs).unref()
    this.worker?.unref()
  }
}

/** A network's small chunks as larger ones, in memory of their own. */
async function* gathered(
  packed: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  let bytes = Buffer.allocUnsafeSlow(packedMessageBytes)
  let size = 0
  for await (const chunk of packed) {
    for (let at = 0; at < chunk.length; ) {
      const part = chunk.subarray(at, at + packedMessageBytes - size)
      bytes.set(part, size)
      size += part.length
      at += part.length
      if (size < packedMessageBytes) continue
      yield bytes
      bytes = Buffer.allocUnsafeSlow(packedMessageBytes)
      size = 0
    }
  }
  if (size > 0) yield bytes.subarray(0, size)
}

function errorOf({ code, message, hint }: Extract<FromThread, { kind: 'failed' }>): Error {
  if (code === null) return new Error(message)
  return new CoveyError(code, message, hint === undefined ? {} : { hint })
}
