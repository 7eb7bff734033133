import * as z from 'zod'
import type { Clock } from '../../../../reconcilers/host-ports.ts'
import type { Challenge } from '../../formats/challenge.ts'
import {
  tokenBytesMax,
  tokenCharactersMax,
  tokenMarginMs,
  tokenSecondsDefault,
  tokenSecondsMax,
  urlCharactersMax,
} from '../limits.ts'
import { readBody, readWords } from '../transport/body.ts'
import { RegistryError } from '../transport/errors.ts'
import { follow } from '../transport/follow.ts'
import { statusFailure } from '../transport/status-failure.ts'
import type { Transport } from '../transport/transport.ts'
import { strangeAnswer } from '../transport/what-came.ts'
import { type Access, shownUrl } from '../trust/access.ts'
import type { Endpoint } from '../trust/endpoints.ts'
import type { Login } from '../types.ts'
import { basicAuthorization, type Credentials, unauthorized } from './credentials.ts'

/** A bearer token, and until when it is used (milliseconds since 1970, by this host's clock). */
export interface Token {
  readonly authorization: string
  readonly untilMs: number
}

/** A Bearer challenge, and the URL that was asked when it came. */
export interface Challenged {
  readonly asked: URL
  readonly challenge: Challenge
}

/** Dependencies of token requests. */
export interface TokenAsker {
  readonly endpoint: Endpoint
  readonly access: Access
  readonly credentials: Credentials
  readonly transport: Transport
  readonly clock: Clock
}

/** More than RFC 6750 section 2.1 allows, and still nothing that ends a header. */
const tokenText: z.ZodType<string> = z
  .string()
  .max(tokenCharactersMax)
  .regex(/^[\x21-\x7e]+$/)
interface RawToken {
  readonly token?: string | undefined
  readonly access_token?: string | undefined
  readonly expires_in?: number | null | undefined
}
const tokenSchema: z.ZodType<RawToken> = z.object({
  token: z.union([tokenText, z.literal('').transform(() => undefined)]).optional(),
  access_token: z.union([tokenText, z.literal('').transform(() => undefined)]).optional(),
  expires_in: z.number().min(0).nullish(),
})

function realmUrl(
  { endpoint, access }: TokenAsker,
  { asked, challenge }: Challenged,
  repository: string,
): URL {
  const text = challenge.parameters.get('realm') ?? ''
  const url = text.length > urlCharactersMax ? null : URL.parse(text)
  if (url === null) {
    const message = `${endpoint.name} names no URL for tokens`
    throw new RegistryError('realm-refused', message, { hint: 'is this a registry?' })
  }
  url.hash = ''
  access.checkUrl(asked, url, 'realm')
  const service = challenge.parameters.get('service')
  if (service !== undefined) url.searchParams.set('service', service)
  // A registry may spell the name differently, but gets no right to more than pulling from it.
  const scope = challenge.parameters.get('scope') ?? ''
  const narrow = /^repository:[^:\s]+:pull$/.test(scope)
  url.searchParams.set('scope', narrow ? scope : `repository:${repository}:pull`)
  return url
}

function authorizationFor(
  { endpoint, access }: TokenAsker,
  login: Login | null,
  asked: URL,
  realm: URL,
): string | null {
  if (login === null) return null
  if (access.mayHoldCredentials(asked, realm)) return basicAuthorization(login)
  const entry = `{"registries": {"${endpoint.name}": {"realm_hosts": ["${realm.host}"]}}}`
  const message = `${endpoint.name} wants its password sent to ${realm.origin}`
  throw new RegistryError('realm-refused', message, {
    hint: `if that is right, allow it in agent.json: ${entry}`,
  })
}

/**
 * Asks the realm of a Bearer challenge for a token to pull one repository with (distribution token
 * authentication). Credentials go along if `agent.json` has some; where the realm may not have
 * them, nothing is asked.
 *
 * Rejects with `realm-refused`, `registry-unauthorized`, and whatever a request may end with.
 */
export async function askForToken(
  asker: TokenAsker,
  challenged: Challenged,
  repository: string,
  signal: AbortSignal,
): Promise<Token> {
  const { endpoint, access, credentials, transport, clock } = asker
  const url = realmUrl(asker, challenged, repository)
  const login = await credentials.read()
  const authorization = authorizationFor(asker, login, challenged.asked, url)
  const headers = { accept: 'application/json', 'accept-encoding': 'identity' }
  const answer = await follow(transport, access, { url, headers, authorization }, 'realm', signal)
  if (answer.status === 401 || answer.status === 403) {
    const words = await readWords(transport, answer, signal)
    throw unauthorized(endpoint, credentials, login, `a token for ${repository}`, words)
  }
  if (answer.status !== 200) throw await statusFailure(transport, answer, clock, signal)
  const bytes = await readBody(transport, answer, tokenBytesMax, signal)
  const raw = parseToken(bytes)
  const token = raw?.token ?? raw?.access_token
  if (token === undefined) {
    const strange = strangeAnswer(answer.url.host, answer.one('content-type'), bytes)
    if (strange !== null) throw strange
    throw new RegistryError('registry-answer', `${shownUrl(answer.url)} answers without a token`)
  }
  const seconds = Math.min(raw?.expires_in || tokenSecondsDefault, tokenSecondsMax)
  const untilMs = clock.now() + Math.max(seconds * 1000 - tokenMarginMs, seconds * 500)
  return { authorization: `Bearer ${token}`, untilMs }
}

function parseToken(bytes: Buffer): RawToken | undefined {
  try {
    return tokenSchema.safeParse(JSON.parse(bytes.toString())).data
  } catch {
    return undefined
  }
}
