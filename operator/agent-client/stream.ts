import type { IncomingMessage } from 'node:http'
import { pipeline } from 'node:stream/promises'
import { request } from '../../platform/http.ts'
import { faultTrailer } from '../../protocol/api/problem.ts'
import { answerBytesMax, answerMsMax } from '../limits.ts'
import { Failure, systemReason } from '../terminal/failure.ts'
import type { Session } from '../terminal/session.ts'
import { nameOf, nodeFailure, problemFailure, type Question } from './client.ts'
import { placeOf } from './place.ts'

/** A question whose answer comes bit by bit, and whose body may as well. */
export interface StreamQuestion extends Omit<Question, 'body' | 'timeoutMs'> {
  readonly body?: AsyncIterable<Uint8Array>
  readonly contentType?: string
}

/**
 * Asks an agent and gives its answer as it arrives, for as long as it takes. Ends without an error
 * when `signal` fires. Throws `Failure`: as `ask` does where nothing is answered, the agent's own
 * problem where it refuses, `agent-gone` (exit code 5) where the agent ends in the middle.
 */
export async function* askStream(
  session: Session,
  question: StreamQuestion,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  const place = await placeOf(session)
  const socket = question.admin === true ? place.admin : place.covey
  const name = nameOf(place, socket)
  let incoming: IncomingMessage
  try {
    incoming = await open(socket, name, question, signal)
  } catch (error) {
    if (signal.aborted) return
    throw error instanceof Failure ? error : nodeFailure(place, socket, error)
  }
  if (incoming.statusCode !== 200) throw await refusalOf(incoming)
  try {
    for await (const chunk of incoming) yield chunk
  } catch (error) {
    if (!signal.aborted) throw goneFailure(name, error)
    return
  }
  const fault = incoming.trailers[faultTrailer]
  if (fault !== undefined) throw faultFailure(fault)
}

/** The failure that an agent reports where it could not end an answer. */
function faultFailure(text: string): Failure {
  try {
    return problemFailure(JSON.parse(decodeURIComponent(text)), 200)
  } catch {
    return new Failure(1, 'answer-broken', 'the agent broke its answer off, for an unknown reason')
  }
}

/** The agent ended, or was ended, before its answer did. */
export function goneFailure(name: string, cause: unknown): Failure {
  return new Failure(5, 'agent-gone', `the agent at ${name} went away`, {
    hint: 'containers go on; try again once it is back (systemctl status covey)',
    cause,
  })
}

function open(
  socketPath: string,
  name: string,
  question: StreamQuestion,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const { method, path, body, contentType } = question
  const headers = contentType === undefined ? {} : { 'content-type': contentType }
  return new Promise((fulfil, reject) => {
    const options = { socketPath, method, path, headers, signal, agent: false }
    const outgoing = request(options, fulfil)
    outgoing.on('error', reject)
    if (body === undefined) {
      outgoing.setTimeout(answerMsMax, () => reject(silence(name)))
      outgoing.on('response', () => outgoing.setTimeout(0))
      outgoing.end()
      return
    }
    // An agent that refuses answers before all of the body is sent; then only the answer counts.
    pipeline(body, outgoing).catch(reject)
  })
}

function silence(name: string): Failure {
  const message = `the agent at ${name} has not answered within ${answerMsMax / 1000} s`
  return new Failure(1, 'no-answer', message, { hint: 'look at the log of the agent' })
}

/** The agent's own words on why it does not do what it was asked. */
export async function refusalOf(incoming: IncomingMessage): Promise<Failure> {
  const status = incoming.statusCode ?? 0
  try {
    const chunks: Buffer[] = []
    let size = 0
    for await (const chunk of incoming) {
      size += chunk.length
      if (size > answerBytesMax) break
      chunks.push(chunk)
    }
    return problemFailure(JSON.parse(Buffer.concat(chunks).toString('utf8')), status)
  } catch (error) {
    return new Failure(
      1,
      'answer-broken',
      `the agent answered with ${status}, and then broke off`,
      {
        hint: systemReason(error),
        cause: error,
      },
    )
  }
}
