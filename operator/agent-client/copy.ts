import { type CopyStart, copyFaultSchema } from '../../protocol/copy-start.ts'
import {
  createFrameReader,
  encodeFrame,
  type Frame,
  framePayloadBytesMax,
} from '../../protocol/exec-frames.ts'
import { oneLine } from '../../protocol/printable.ts'
import { Failure } from '../terminal/failure.ts'
import type { Session } from '../terminal/session.ts'
import { goneFailure } from './stream.ts'
import { createRoom, faultIn, frameText, type Room, type Upgraded, upgrade } from './upgrade.ts'

/** A copy that an agent does. */
interface CopyOrder {
  readonly object: string
  readonly start: CopyStart
  /** Told of what the agent leaves out, a line each. */
  readonly onLeftOut: (line: string) => void
  readonly signal: AbortSignal
}

/**
 * The archive of what is in a container, as it arrives; whole only where this ends without an
 * error. Throws `Failure`: as `upgrade` does, `agent-gone`, `interrupted`, the agent's own fault.
 */
export async function* copyFrom(session: Session, order: CopyOrder): AsyncGenerator<Uint8Array> {
  const upgraded = await begin(session, order)
  for await (const { kind, payload } of framesOf(upgraded, order)) {
    if (kind === 'stdout') yield payload
    else if (kind === 'stderr') order.onLeftOut(frameText(payload))
  }
}

/**
 * Hands an archive to an agent; it counts there only once all of it came. Throws as `copyFrom`, and
 * what `chunks` throws.
 */
export async function copyTo(
  session: Session,
  order: CopyOrder,
  chunks: AsyncIterable<Uint8Array>,
): Promise<void> {
  const upgraded = await begin(session, order)
  const { socket } = upgraded
  const room = createRoom()
  const sending = send(upgraded, room, chunks)
  // What it throws is told below; a fault of the agent comes first.
  const sent = sending.then(
    () => null,
    (error: unknown) => {
      socket.destroy()
      return { error }
    },
  )
  try {
    for await (const { kind, payload } of framesOf(upgraded, order)) {
      if (kind === 'taken') room.give(Number(frameText(payload)))
    }
  } catch (error) {
    room.close()
    const failed = error instanceof Failure && error.code === 'agent-gone' ? await sent : null
    throw failed === null ? error : failed.error
  } finally {
    room.close()
  }
}

async function begin(session: Session, { object, start, signal }: CopyOrder): Promise<Upgraded> {
  if (signal.aborted) throw interrupted()
  const upgraded = await upgrade(session, `/v1/containers/${encodeURIComponent(object)}/copy`)
  upgraded.socket.write(encodeFrame('start', Buffer.from(JSON.stringify(start))))
  return upgraded
}

function interrupted(): Failure {
  return new Failure(1, 'interrupted', 'interrupted; nothing was copied')
}

async function send(
  { socket }: Upgraded,
  room: Room,
  chunks: AsyncIterable<Uint8Array>,
): Promise<void> {
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; ) {
      const bytes = Math.min(await room.next(), framePayloadBytesMax)
      if (room.isClosed()) return
      const part = chunk.subarray(at, at + bytes)
      room.take(part.length)
      socket.write(encodeFrame('stdin', part))
      at += part.length
    }
  }
  socket.write(encodeFrame('stdin-end', new Uint8Array(0)))
}

/** Frames up to the one that says that all of it is done. */
async function* framesOf(
  { name, socket, early }: Upgraded,
  { signal }: CopyOrder,
): AsyncGenerator<Frame> {
  const reader = createFrameReader()
  const leave = (): void => void socket.destroy()
  signal.addEventListener('abort', leave)
  try {
    const chunks = async function* (): AsyncGenerator<Uint8Array> {
      yield early
      yield* socket
    }
    for await (const chunk of chunks()) {
      for (const frame of reader.feed(chunk)) {
        if (frame.kind === 'exit') return
        if (frame.kind === 'fault') throw faultFailure(frameText(frame.payload))
        yield frame
      }
    }
  } catch (error) {
    if (signal.aborted) throw interrupted()
    throw error instanceof Failure ? error : goneFailure(name, error)
  } finally {
    signal.removeEventListener('abort', leave)
    socket.destroy()
  }
  throw signal.aborted ? interrupted() : goneFailure(name, undefined)
}

/** Codes of an agent that say that a path is none that can be copied. */
const ofUsage: readonly string[] = [
  ...['cp-no-such-path', 'cp-not-a-folder', 'cp-path', 'cp-kernel', 'cp-in-the-way'],
]

function faultFailure(text: string): Failure {
  const { code, message, hint } = faultIn(text, copyFaultSchema)
  const known = /^[a-z0-9-]{1,64}$/.test(code) ? code : 'agent-error'
  const exit = ofUsage.includes(known) ? 2 : 1
  return new Failure(exit, known, oneLine(message), hint === null ? {} : { hint: oneLine(hint) })
}
