import { gossipFrameBytesMax, gossipQueueFramesMax } from '../../protocol/limits.ts'
import { gossipBatchBytes, gossipQueueBytesMax } from './limits.ts'

/**
 * Frames that wait to be written to one peer: bounded in number and in bytes, read in batches by
 * the one writer of the stream, which asks for more only when the stream can take more.
 */
export class FrameQueue {
  #frames: Uint8Array[] = []
  #bytes = 0
  #taken = 0
  #ended = false
  #wake: (() => void) | undefined

  /** False if the frame does not fit; nothing is queued then. */
  push(frame: Uint8Array): boolean {
    if (frame.byteLength > gossipFrameBytesMax) {
      throw new RangeError(`a gossip frame of ${frame.byteLength} bytes is too large`)
    }
    const full = this.#frames.length >= gossipQueueFramesMax
    if (this.#ended || full || this.#bytes + frame.byteLength > gossipQueueBytesMax) return false
    this.#frames.push(frame)
    this.#bytes += frame.byteLength
    this.#signal()
    return true
  }

  /** Lets the writer take what is queued and then finish. */
  end(): void {
    this.#ended = true
    this.#signal()
  }

  /** Ends without what is queued. */
  clear(): void {
    this.#frames = []
    this.#bytes = 0
    this.end()
  }

  /** Frames that still wait. */
  get waiting(): number {
    return this.#frames.length
  }

  /** Frames that the writer has taken since the start. */
  get taken(): number {
    return this.#taken
  }

  /** Batches in order, until `end`. For one reader. */
  async *batches(): AsyncGenerator<readonly Uint8Array[], void, undefined> {
    for (;;) {
      const batch = this.#take()
      if (batch.length > 0) yield batch
      else if (this.#ended) return
      else await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }

  #take(): readonly Uint8Array[] {
    let count = 0
    let bytes = 0
    for (const frame of this.#frames) {
      if (bytes >= gossipBatchBytes) break
      bytes += frame.byteLength
      count += 1
    }
    this.#bytes -= bytes
    this.#taken += count
    return this.#frames.splice(0, count)
  }

  #signal(): void {
    this.#wake?.()
    this.#wake = undefined
  }
}
