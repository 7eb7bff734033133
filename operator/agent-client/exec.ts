import {
  createFrameReader,
  type ExecStart,
  encodeFrame,
  execFaultSchema,
  type Frame,
  type FrameKind,
  type TerminalSize,
} from '../../protocol/exec-frames.ts'
import { oneLine } from '../../protocol/printable.ts'
import { Failure } from '../terminal/failure.ts'
import type { Session } from '../terminal/session.ts'
import { goneFailure } from './stream.ts'
import { createRoom, faultIn, frameText, type Room, type Upgraded, upgrade } from './upgrade.ts'

/** A command that runs in a container. */
export interface RemoteCommand {
  /** Hands bytes to its stdin; resolves once it has room for more, or has ended. */
  input(bytes: Uint8Array): Promise<void>
  endInput(): void
  resize(size: TerminalSize): void
  signal(name: string): void
  /** Leaves it; the agent ends it then. */
  leave(): void
  /**
   * Its exit code, once all of its output was written. Rejects with a `Failure`: `agent-gone` (exit
   * code 5), or the agent's reason why nothing was run.
   */
  readonly ended: Promise<number>
}

/** Takes output in; resolves once it can take more. */
export type RemoteOutput = (stream: 'out' | 'err', bytes: Uint8Array) => Promise<void>

/**
 * Runs a command in the container of an object, or in one like it (`run`). Throws `Failure`: as
 * `ask` does where no agent answers, and the agent's own problem where it refuses.
 */
export async function startRemote(
  session: Session,
  object: string,
  start: ExecStart,
  output: RemoteOutput,
  verb: 'exec' | 'run' = 'exec',
): Promise<RemoteCommand> {
  const path = `/v1/containers/${encodeURIComponent(object)}/${verb}`
  return speak(await upgrade(session, path), start, output)
}

function speak(
  { name, socket, early }: Upgraded,
  start: ExecStart,
  output: RemoteOutput,
): RemoteCommand {
  const reader = createFrameReader()
  const room = createRoom()
  const send = (kind: FrameKind, payload: Uint8Array | string = ''): void => {
    const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload
    if (socket.writable) socket.write(encodeFrame(kind, bytes))
  }
  const ended = (async (): Promise<number> => {
    // One frame after the other: what was not written yet holds the agent up, and so the program.
    const take = async (chunk: Uint8Array): Promise<number | null> => {
      for (const frame of reader.feed(chunk)) {
        const code = await handle(frame, output, room)
        if (code !== null) return code
      }
      return null
    }
    try {
      const first = await take(early)
      if (first !== null) return first
      for await (const chunk of socket) {
        const code = await take(chunk)
        if (code !== null) return code
      }
    } catch (error) {
      throw error instanceof Failure ? error : goneFailure(name, error)
    } finally {
      room.close()
      socket.destroy()
    }
    throw goneFailure(name, undefined)
  })()
  send('start', JSON.stringify(start))
  return {
    async input(bytes) {
      for (let at = 0; at < bytes.length; ) {
        const part = bytes.subarray(at, at + (await room.next()))
        room.take(part.length)
        send('stdin', part)
        at += part.length
        if (room.isClosed()) return
      }
    },
    endInput: () => send('stdin-end'),
    resize: (size) => send('resize', JSON.stringify(size)),
    signal: (name) => send('signal', name),
    leave: () => socket.destroy(),
    ended,
  }
}

async function handle(frame: Frame, output: RemoteOutput, room: Room): Promise<number | null> {
  const { kind, payload } = frame
  if (kind === 'stdout') await output('out', payload)
  else if (kind === 'stderr') await output('err', payload)
  else if (kind === 'taken') room.give(Number(frameText(payload)))
  else if (kind === 'exit') return Number(frameText(payload)) & 0xff
  else if (kind === 'fault') throw faultFailure(frameText(payload))
  return null
}

/** Nothing was run: the exit code is the one that a shell gives for the same. */
function faultFailure(text: string): Failure {
  const { code, message, hint, exit } = faultIn(text, execFaultSchema)
  return new Failure(exit, code, oneLine(message), hint === null ? {} : { hint: oneLine(hint) })
}
