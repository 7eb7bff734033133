import type { HostPorts } from '../../../../reconcilers/host-ports.ts'
import type { ProxyEnvironment } from '../../formats/proxy.ts'
import { type RegistryLimits, schemeMs } from '../limits.ts'
import { readWords, release } from '../transport/body.ts'
import { withDeadline } from '../transport/deadline.ts'
import { RegistryError } from '../transport/errors.ts'
import { follow } from '../transport/follow.ts'
import { statusFailure } from '../transport/status-failure.ts'
import { type Answer, createTransport, type Transport } from '../transport/transport.ts'
import { createAccess } from '../trust/access.ts'
import type { Endpoint, Endpoints } from '../trust/endpoints.ts'
import type { Logins } from '../types.ts'
import { createAuthentication } from './authentication.ts'
import { credentialsFor, unauthorized } from './credentials.ts'

/** Request below `/v2/<repository>/`. */
interface Question {
  readonly repository: string
  readonly kind: 'manifests' | 'blobs'
  readonly digest: string
  readonly headers: Readonly<Record<string, string>>
}

/** One registry: authenticated, redirected, and with each refusal as a `RegistryError`. */
export interface Session {
  readonly endpoint: Endpoint
  readonly transport: Transport
  /**
   * Asks once, without retries. Resolves with status 200, or 206 if a range was asked for. Rejects
   * with a `RegistryError`, or with the signal's reason.
   */
  ask(question: Question, signal: AbortSignal): Promise<Answer>
  /** Takes no more questions; what is under way goes on to its end. */
  retire(): void
  /** Ends what is under way. */
  close(): Promise<void>
}

/** Dependencies of sessions. */
export interface SessionInit {
  readonly endpoint: Endpoint
  readonly endpoints: Endpoints
  readonly environment: ProxyEnvironment
  readonly resolveName: HostPorts['resolveName']
  readonly clock: HostPorts['clock']
  readonly limits: RegistryLimits
  readonly logins?: Logins
}

/** Failures after which an insecure registry is tried over plain HTTP. */
const noTls = new Set([
  'registry-plain-http',
  'registry-tls',
  'registry-refused',
  'registry-unreachable',
])

/** Finds out, and remembers for a while, whether a registry is to be asked over https or http. */
function createBase(
  { endpoint, clock, limits }: SessionInit,
  transport: Transport,
): (signal: AbortSignal) => Promise<URL> {
  const secure = new URL(`https://${endpoint.authority}`)
  const plain = new URL(`http://${endpoint.authority}`)
  let found: { readonly base: URL; readonly untilMs: number } | undefined
  const answers = async (base: URL, outer: AbortSignal): Promise<URL> => {
    await withDeadline(limits.documentMs, endpoint.name, outer, async (signal) => {
      release(await transport.send(new URL('/v2/', base), {}, signal))
    })
    found = { base, untilMs: clock.now() + schemeMs }
    return base
  }
  return async (signal) => {
    if (!endpoint.insecure) return secure
    if (found !== undefined && found.untilMs > clock.now()) return found.base
    try {
      return await answers(secure, signal)
    } catch (error) {
      if (!(error instanceof RegistryError) || !noTls.has(error.code)) throw error
      return await answers(plain, signal)
    }
  }
}

/** Makes the session of one registry. */
export function createSession(init: SessionInit): Session {
  const { endpoint, endpoints, clock, limits } = init
  const access = createAccess(endpoint, endpoints)
  const transport = createTransport({ ...init, access })
  const credentials = credentialsFor(endpoint, init.logins)
  const asker = { endpoint, access, credentials, transport, clock }
  const authentication = createAuthentication(asker, limits)
  const baseOf = createBase(init, transport)

  const judge = async (
    answer: Answer,
    own: boolean,
    { repository, kind, digest, headers }: Question,
    signal: AbortSignal,
  ): Promise<Answer> => {
    const { status } = answer
    if (status === 200 || (status === 206 && headers['range'] !== undefined)) return answer
    if (own && status === 404) {
      const words = await readWords(transport, answer, signal)
      const code = kind === 'manifests' ? 'image-missing' : 'blob-missing'
      const message = `${endpoint.name} has no ${digest} in ${repository}${words}`
      throw new RegistryError(code, message, {
        hint: 'is the name right, and was it pushed there?',
      })
    }
    if (own && (status === 401 || status === 403)) {
      const words = await readWords(transport, answer, signal)
      throw unauthorized(endpoint, credentials, await credentials.read(), repository, words)
    }
    const failure = await statusFailure(transport, answer, clock, signal)
    if (own || failure.transient) throw failure
    // A storage host's URL may have run out; the registry gives a new one.
    throw new RegistryError(failure.code, failure.message, { transient: true, cause: failure })
  }

  return {
    endpoint,
    transport,
    async ask(question, signal) {
      const { repository, kind, digest, headers } = question
      const url = new URL(`/v2/${repository}/${kind}/${digest}`, await baseOf(signal))
      let authorization = authentication.known(repository)
      for (let renewals = 0; ; renewals++) {
        const request = { url, headers, authorization }
        const answer = await follow(transport, access, request, 'redirect', signal)
        const own = answer.url.origin === url.origin
        if (answer.status !== 401 || !own || renewals === 2) {
          return await judge(answer, own, question, signal)
        }
        authorization = await authentication.answer(answer, repository, authorization, signal)
      }
    },
    retire: () => transport.retire(),
    close: () => transport.close(),
  }
}
