import type { Duplex } from 'node:stream'
import {
  createFrameReader,
  encodeFrame,
  type Frame,
  type FrameKind,
  framePayloadBytesMax,
} from '../../../protocol/exec-frames.ts'

/** A connection that speaks frames. */
export interface ExecChannel {
  /** Fires once the other side is gone, or has sent an invalid frame. */
  readonly gone: AbortSignal
  /** Called with each frame that arrives; those that came before are given at once. */
  listen(onFrame: (frame: Frame) => void): void
  /** Sends a payload of any length; resolves once more can be sent, or nobody is there. */
  send(kind: FrameKind, payload: Uint8Array | string): Promise<void>
  /**
   * Ends the connection once everything is sent. What comes after that is taken in, and nothing is
   * answered any more: a client that still sends has to read the last frame first.
   */
  end(): void
}

/** Speaks frames on a connection that was taken over; `early` came ahead of the others. */
export function createExecChannel(socket: Duplex, early: Uint8Array): ExecChannel {
  const gone = new AbortController()
  const reader = createFrameReader()
  const waiting: Frame[] = []
  let onFrame = (frame: Frame): void => void waiting.push(frame)
  const take = (chunk: Uint8Array): void => {
    try {
      for (const frame of reader.feed(chunk)) onFrame(frame)
    } catch {
      socket.destroy()
    }
  }
  const leave = (): void => gone.abort()
  // A client that ends its half is gone as well: it has nobody left to hear an answer.
  socket.on('data', take).on('end', leave).on('close', leave)
  socket.on('error', () => socket.destroy())
  take(early)
  return {
    gone: gone.signal,
    listen(listener) {
      onFrame = listener
      for (const frame of waiting.splice(0)) listener(frame)
    },
    async send(kind, payload) {
      // A write after the end would break the connection off, with what was not read yet.
      if (socket.writableEnded) return
      const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload
      for (let at = 0; at === 0 || at < bytes.length; at += framePayloadBytesMax) {
        const frame = encodeFrame(kind, bytes.subarray(at, at + framePayloadBytesMax))
        if (socket.write(frame)) continue
        await drained(socket, gone.signal)
      }
    },
    end() {
      if (!socket.writableEnded) socket.end()
    },
  }
}

/** Resolves once a stream takes more, or nobody is there any more. */
function drained(socket: Duplex, gone: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      socket.off('drain', end)
      gone.removeEventListener('abort', end)
      resolve()
    }
    if (gone.aborted) return resolve()
    socket.once('drain', end)
    gone.addEventListener('abort', end)
  })
}

/** The payload of a frame as JSON; null where it is none. */
export function payloadJson(payload: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(payload).toString('utf8'))
  } catch {
    return null
  }
}
