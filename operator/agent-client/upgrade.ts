import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type * as z from 'zod'
import { request } from '../../platform/http.ts'
import { stdinWindowBytes } from '../../protocol/exec-frames.ts'
import { answerMsMax } from '../limits.ts'
import { Failure } from '../terminal/failure.ts'
import type { Session } from '../terminal/session.ts'
import { nameOf, nodeFailure } from './client.ts'
import { placeOf } from './place.ts'
import { refusalOf } from './stream.ts'

/** A connection that speaks frames (protocol/exec-frames.ts). */
export interface Upgraded {
  /** The node as people know it. */
  readonly name: string
  readonly socket: Duplex
  /** The bytes that came with the answer. */
  readonly early: Buffer
}

/**
 * Takes a connection to an agent over, for frames. Throws `Failure`: as `ask` does where no agent
 * answers, and the agent's own problem where it refuses.
 */
export async function upgrade(session: Session, path: string): Promise<Upgraded> {
  const place = await placeOf(session)
  const socketPath = place.admin
  const name = nameOf(place, socketPath)
  const headers = { connection: 'upgrade', upgrade: 'covey-stream' }
  return new Promise((fulfil, reject) => {
    const outgoing = request({ socketPath, method: 'POST', path, headers, agent: false })
    outgoing.setTimeout(answerMsMax, () => {
      const message = `the agent at ${name} has not answered within ${answerMsMax / 1000} s`
      reject(new Failure(1, 'no-answer', message, { hint: 'look at the log of the agent' }))
      outgoing.destroy()
    })
    outgoing.on('upgrade', (_response, socket, early) => {
      outgoing.setTimeout(0)
      fulfil({ name, socket, early })
    })
    outgoing.on('response', (incoming: IncomingMessage) => {
      refusalOf(incoming).then(reject, reject)
    })
    outgoing.on('error', (error) => reject(nodeFailure(place, socketPath, error)))
    outgoing.end()
  })
}

/** The text of a frame. */
export function frameText(payload: Uint8Array): string {
  return Buffer.from(payload).toString('utf8')
}

/** The fault that the text of a frame tells. Throws `Failure` `answer-broken` for another form. */
export function faultIn<T>(text: string, schema: z.ZodType<T>): T {
  let value: unknown = null
  try {
    value = JSON.parse(text)
  } catch {
    // An unknown form as well.
  }
  const fault = schema.safeParse(value)
  if (fault.success) return fault.data
  throw new Failure(1, 'answer-broken', 'the agent answered in an unknown form')
}

/** Room for bytes of stdin that the agent has not passed on yet. */
export interface Room {
  /** Resolves to how many bytes may be sent, at least one; to any number once it is closed. */
  next(): Promise<number>
  take(bytes: number): void
  give(bytes: number): void
  close(): void
  isClosed(): boolean
}

/** Room that a whole window has. */
export function createRoom(): Room {
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
      // An agent may say anything; room for no number of bytes would be asked for for ever.
      if (!Number.isSafeInteger(bytes) || bytes < 0) return
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
