import { parseChallenges } from '../../formats/challenge.ts'
import { type RegistryLimits, tokensMax } from '../limits.ts'
import { readWords } from '../transport/body.ts'
import { withDeadline } from '../transport/deadline.ts'
import { RegistryError } from '../transport/errors.ts'
import type { Answer } from '../transport/transport.ts'
import { basicAuthorization, unauthorized } from './credentials.ts'
import { askForToken, type Challenged, type Token, type TokenAsker } from './tokens.ts'

/** Authentication of one registry, learned from its challenges and remembered. */
export interface Authentication {
  /** The Authorization header for a repository as far as it is known, or null. */
  known(repository: string): string | null
  /**
   * Credentials that answer a 401, after `rejected` was sent. Reads or discards the answer. Rejects
   * with `registry-unauthorized` where nothing is left to try, and as `askForToken` does.
   */
  answer(
    answer: Answer,
    repository: string,
    rejected: string | null,
    signal: AbortSignal,
  ): Promise<string>
}

/** Settles as `shared` does, unless the signal fires first; `shared` goes on for the others. */
function orAborted<T>(shared: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason)
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    shared.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}

/** Makes the authentication of one registry. */
export function createAuthentication(asker: TokenAsker, limits: RegistryLimits): Authentication {
  const { endpoint, credentials, transport, clock } = asker
  const tokens = new Map<string, Token>()
  const asked = new Map<string, Promise<string>>()
  let usesBasic = false
  let basic: string | null = null

  const keep = (repository: string, token: Token): string => {
    const [oldest] = tokens.keys()
    if (tokens.size >= tokensMax && oldest !== undefined) tokens.delete(oldest)
    tokens.set(repository, token)
    return token.authorization
  }
  const known = (repository: string): string | null => {
    const token = tokens.get(repository)
    if (token !== undefined && token.untilMs > clock.now()) return token.authorization
    tokens.delete(repository)
    return usesBasic ? basic : null
  }
  /** Layers that are pulled at once share one question; who gives up leaves it to the others. */
  const freshToken = (challenged: Challenged, repository: string): Promise<string> => {
    const underWay = asked.get(repository)
    if (underWay !== undefined) return underWay
    const never = new AbortController().signal
    const question = withDeadline(limits.documentMs, endpoint.name, never, (signal) => {
      return askForToken(asker, challenged, repository, signal)
    })
      .then((token) => keep(repository, token))
      .finally(() => asked.delete(repository))
    asked.set(repository, question)
    return question
  }

  return {
    known,
    async answer(answer, repository, rejected, signal) {
      const challenges = parseChallenges(answer.all('www-authenticate'))
      const words = await readWords(transport, answer, signal)
      const bearer = challenges.find(({ scheme }) => scheme === 'bearer')
      const held = known(repository)
      if (held !== null && held !== rejected) return held
      tokens.delete(repository)
      if (bearer !== undefined)
        return orAborted(freshToken({ asked: answer.url, challenge: bearer }, repository), signal)
      if (!challenges.some(({ scheme }) => scheme === 'basic')) {
        const offered = challenges.map(({ scheme }) => scheme).join(', ') || 'none'
        const message = `${endpoint.name} wants an unknown kind of authentication: ${offered}`
        throw new RegistryError('registry-answer', message, { hint: 'is this a registry?' })
      }
      const login = await credentials.read()
      basic = login === null ? null : basicAuthorization(login)
      usesBasic = true
      if (basic === null || basic === rejected) {
        throw unauthorized(endpoint, credentials, login, repository, words)
      }
      return basic
    },
  }
}
