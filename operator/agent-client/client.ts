import { request } from '../../platform/http.ts'
import { problemSchema } from '../../protocol/api/problem.ts'
import { oneLine } from '../../protocol/printable.ts'
import { answerBytesMax, answerMsMax } from '../limits.ts'
import { Failure, systemCode, systemReason } from '../terminal/failure.ts'
import type { Session } from '../terminal/session.ts'
import { heard } from './heard.ts'
import { placeOf } from './place.ts'
import type { NodePlace } from './sockets.ts'

/** One question to an agent. */
export interface Question {
  readonly method: 'GET' | 'POST' | 'DELETE'
  /** Path and query, as `/v1/status`. */
  readonly path: string
  readonly body?: string
  /** From the connect to the end of the answer. */
  readonly timeoutMs?: number
  /** True to ask on `admin.sock`, which is root's alone. */
  readonly admin?: boolean
  /** Ends the question. */
  readonly signal?: AbortSignal
}

/** The answer of an agent. */
export interface Answer {
  readonly status: number
  readonly text: string
}

/**
 * Asks an agent over its socket. Throws `Failure`: `no-agent` (exit code 5) where nobody listens,
 * `no-answer` (1) where none comes in time, `socket-denied`, `answer-broken`, `answer-too-large`
 * (1).
 */
export async function ask(session: Session, question: Question): Promise<Answer> {
  const place = await placeOf(session)
  const socket = question.admin === true ? place.admin : place.covey
  const timeoutMs = question.timeoutMs ?? answerMsMax
  const late = AbortSignal.timeout(timeoutMs)
  const signal = question.signal === undefined ? late : AbortSignal.any([late, question.signal])
  try {
    return await exchange(socket, question, signal)
  } catch (error) {
    if (error instanceof Failure) throw error
    if (question.signal?.aborted) throw new Failure(1, 'interrupted', 'interrupted')
    if (signal.aborted) {
      const message = `the agent at ${nameOf(place, socket)} has not answered within ${timeoutMs / 1000} s`
      throw new Failure(1, 'no-answer', message, {
        hint: 'look at the log of the agent',
        cause: error,
      })
    }
    throw nodeFailure(place, socket, error)
  }
}

/** The failure where an agent does not know a route: it is older than this covey. */
export function agentTooOld(cause?: unknown): Failure {
  return new Failure(4, 'agent-too-old', 'its agent does not know this yet', {
    hint: 'put the covey of this version on that host',
    cause,
  })
}

/**
 * The name of a node in messages: the socket that was asked, or the address where it was reached.
 */
export function nameOf({ remote }: NodePlace, socket: string): string {
  return remote ?? socket
}

/**
 * Translates a broken connection to a node into a failure: as `connectFailure`, and `ssh-lost` (5).
 */
export function nodeFailure(place: NodePlace, socket: string, error: unknown): Failure {
  const { remote } = place
  if (remote === undefined) return connectFailure(socket, error)
  // The socket of this machine is there as long as the connection is; the agent ends what it takes.
  const isLost = ['ENOENT', 'ECONNREFUSED'].includes(systemCode(error))
  if (isLost) {
    return new Failure(5, 'ssh-lost', `the connection to ${remote} is lost`, {
      hint: 'try again: it is made anew then',
      cause: error,
    })
  }
  return new Failure(5, 'no-agent', `no agent answers at ${remote}`, {
    hint: 'start it there: systemctl start covey',
    cause: error,
  })
}

function exchange(socketPath: string, question: Question, signal: AbortSignal): Promise<Answer> {
  const { method, path, body } = question
  const headers = body === undefined ? {} : { 'content-type': 'application/jose+json' }
  return new Promise((fulfil, reject) => {
    const outgoing = request(
      { socketPath, method, path, headers, signal, agent: false },
      (incoming) => {
        const chunks: Buffer[] = []
        let size = 0
        incoming.on('data', (chunk: Buffer) => {
          chunks.push(chunk)
          size += chunk.length
          if (size <= answerBytesMax) return
          reject(new Failure(1, 'answer-too-large', 'the answer of the agent is too large'))
          incoming.destroy()
        })
        incoming.on('error', reject)
        incoming.on('end', () => {
          fulfil({ status: incoming.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') })
        })
      },
    )
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}

/**
 * Translates a broken connection to an agent into a failure: `no-agent` (5), `socket-denied`,
 * `socket-unusable`, `answer-broken` (1).
 */
export function connectFailure(socket: string, error: unknown): Failure {
  const code = systemCode(error)
  if (
    [
      'ENOENT',
      'ECONNREFUSED',
      'ENOTSOCK',
      'ENOTDIR',
      'EPROTOTYPE',
      'ELOOP',
      'ENAMETOOLONG',
    ].includes(code)
  ) {
    return new Failure(5, 'no-agent', `no agent answers at ${socket}`, {
      hint: "start it (systemctl start covey), name it with --to, or change to the operator's folder",
      cause: error,
    })
  }
  if (code === 'EACCES' || code === 'EPERM') {
    return new Failure(
      1,
      'socket-denied',
      `may not talk to the agent at ${socket}: ${systemReason(error)}`,
      {
        hint: socket.endsWith('admin.sock')
          ? 'use sudo: only root may do this'
          : 'use sudo, or join the group covey',
        cause: error,
      },
    )
  }
  if (error instanceof Error && 'syscall' in error && error.syscall === 'connect') {
    const message = `cannot connect to ${socket}: ${systemReason(error)}`
    return new Failure(1, 'socket-unusable', message, {
      hint: 'name the socket of an agent with --run-dir or --to',
      cause: error,
    })
  }
  const message = `the agent at ${socket} broke off: ${systemReason(error)}`
  return new Failure(1, 'answer-broken', message, {
    hint: 'look at the log of the agent',
    cause: error,
  })
}

/**
 * The JSON of an answer, as `heard` gives it. Throws `Failure` `agent-error` for a problem (RFC
 * 9457), `answer-broken`.
 */
export function documentOf(session: Session, answer: Answer): unknown {
  let value: unknown
  try {
    value = heard(session, answer.text)
  } catch {
    throw new Failure(1, 'answer-broken', `the agent answered with ${answer.status} and no JSON`)
  }
  if (answer.status === 200) return value
  throw problemFailure(value, answer.status)
}

/** A problem (RFC 9457) of the agent as the failure of a command, with exit code 1. */
export function problemFailure(value: unknown, status: number): Failure {
  const { code = '', detail, title, hint } = problemSchema.safeParse(value).data ?? {}
  const message = oneLine(detail ?? title ?? `the agent answered with ${status}`)
  const options = hint === undefined ? {} : { hint: oneLine(hint) }
  const known = /^[a-z0-9-]{1,64}$/.test(code)
  return new Failure(1, known ? code : 'agent-error', message, options)
}
