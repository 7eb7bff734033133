import { setTimeout as sleep } from 'node:timers/promises'
import { hostAnswerMsMax } from '../limits.ts'
import { Failure } from '../terminal/failure.ts'
import type { Session } from '../terminal/session.ts'
import type { OpenHost } from './open.ts'

/** The answer of a host. */
export interface HostAnswer<T> {
  readonly host: string
  readonly session: Session
  readonly value: T
}

/**
 * Asks all hosts at once, each for at most `hostAnswerMsMax`. One that does not answer is named in
 * a warning and holds nobody up. Throws the first `Failure` where none answers.
 */
export async function askAll<T>(
  session: Session,
  hosts: readonly OpenHost[],
  question: (asked: Session, host: string) => Promise<T>,
): Promise<readonly HostAnswer<T>[]> {
  const faults: Failure[] = []
  const found = await Promise.all(
    hosts.map(async (host): Promise<HostAnswer<T> | undefined> => {
      try {
        return await askHost(host, question)
      } catch (error) {
        if (!(error instanceof Failure)) throw error
        session.warn(`${host.name}: ${error.message}`)
        faults.push(error)
        return undefined
      }
    }),
  )
  const answers = found.filter((each) => each !== undefined)
  const [first] = faults
  if (answers.length > 0 || first === undefined) return answers
  throw faults.length === 1 ? first : noneAnswered(faults, first)
}

function noneAnswered(faults: readonly Failure[], first: Failure): Failure {
  const why = faults.find(({ exit }) => exit === 4) ?? first
  const options = why.hint === undefined ? {} : { hint: why.hint }
  return new Failure(why.exit, why.code, 'no host answers', { ...options, cause: why })
}

/** Asks one host, for at most `hostAnswerMsMax`. Throws `Failure` `no-answer`, as the question. */
export async function askHost<T>(
  host: OpenHost,
  question: (asked: Session, host: string) => Promise<T>,
): Promise<HostAnswer<T>> {
  const over = new AbortController()
  const ask = async (): Promise<HostAnswer<T>> => {
    const session = await host.session()
    return { host: host.name, session, value: await question(session, host.name) }
  }
  const late = async (): Promise<never> => {
    await sleep(hostAnswerMsMax, undefined, { signal: over.signal })
    throw new Failure(1, 'no-answer', `it has not answered within ${hostAnswerMsMax / 1000} s`, {
      hint: 'look at the log of its agent',
    })
  }
  const asked = ask()
  const waiting = late()
  // Whichever comes second is nobody's any more.
  asked.catch(() => undefined)
  waiting.catch(() => undefined)
  try {
    return await Promise.race([asked, waiting])
  } finally {
    over.abort()
  }
}
