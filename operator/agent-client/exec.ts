import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { request } from '../../platform/http.ts'
import {
  createFrameReader,
  type ExecStart,
  encodeFrame,
  execFaultSchema,
  type Frame,
  type FrameKind,
  stdinWindowBytes,
  type TerminalSize,
} from '../../protocol/exec-frames.ts'
import { oneLine } from '../../protocol/printable.ts'
import { answerMsMax } from '../limits.ts'
import { Failure } from '../terminal/failure.ts'
import type { Session } from '../terminal/session.ts'
import { nameOf, nodeFailure } from './client.ts'
import { placeOf } from './place.ts'
import type { NodePlace } from './sockets.ts'
import { goneFailure, refusalOf } from './stream.ts'

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
 * Runs a command in the container of an object. Throws `Failure`: as `ask` does where no agent
 * answers, and the agent's own problem where it refuses.
 */
export async function startRemote(
  session: Session,
  object: string,
  start: ExecStart,
  output: RemoteOutput,
): Promise<RemoteCommand> {
  const place = await placeOf(session)
  const { socket, early } = await upgrade(place, object)
  return speak(nameOf(place, place.admin), socket, early, start, output)
}

interface Upgraded {
  readonly socket: Duplex
  readonly early: Buffer
}

function upgrade(place: NodePlace, object: string): Promise<Upgraded> {
  const socketPath = place.admin
  const path = `/v1/containers/${encodeURIComponent(object)}/exec`
  const headers = { connection: 'upgrade', upgrade: 'covey-stream' }
  return new Promise((fulfil, reject) => {
    const outgoing = request({ socketPath, method: 'POST', path, headers, agent: false })
    outgoing.setTimeout(answerMsMax, () => {
      const message = `the agent at ${nameOf(place, socketPath)} has not answered within ${answerMsMax / 1000} s`
      reject(new Failure(1, 'no-answer', message, { hint: 'look at the log of the agent' }))
      outgoing.destroy()
    })
    outgoing.on('upgrade', (_response, socket, early) => {
      outgoing.setTimeout(0)
      fulfil({ socket, early })
    })
    outgoing.on('response', (incoming: IncomingMessage) => {
      refusalOf(incoming).then(reject, reject)
    })
    outgoing.on('error', (error) => reject(nodeFailure(place, socketPath, error)))
    outgoing.end()
  })
}

function speak(
  name: string,
  socket: Duplex,
  early: Buffer,
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
  else if (kind === 'taken') room.give(Number(textOf(payload)))
  else if (kind === 'exit') return Number(textOf(payload)) & 0xff
  else if (kind === 'fault') throw faultFailure(textOf(payload))
  return null
}

function textOf(payload: Uint8Array): string {
  return Buffer.from(payload).toString('utf8')
}

/** Nothing was run: the exit code is the one that a shell gives for the same. */
function faultFailure(text: string): Failure {
  const fault = execFaultSchema.safeParse(JSON.parse(text))
  if (!fault.success)
    return new Failure(1, 'answer-broken', 'the agent answered in an unknown form')
  const { code, message, hint, exit } = fault.data
  return new Failure(exit, code, oneLine(message), hint === null ? {} : { hint: oneLine(hint) })
}

/** Room for bytes of stdin that the agent has not passed on yet. */
interface Room {
  /** Resolves to how many bytes may be sent, at least one; to any number once it is closed. */
  next(): Promise<number>
  take(bytes: number): void
  give(bytes: number): void
  close(): void
  isClosed(): boolean
}

function createRoom(): Room {
  let freeBytes = stdinWindowBytes
  let closed = false
  let wake = (): void => {}
  return {
    async next() {
      while (freeBytes <= 0 && !closed) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
      return Math.max(1, freeBytes)
    },
    take(bytes) {
      freeBytes -= bytes
    },
    give(bytes) {
      freeBytes += bytes
      wake()
    },
    close() {
      closed = true
      wake()
    },
    isClosed: () => closed,
  }
}
