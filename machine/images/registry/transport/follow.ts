import { redirectsMax } from '../limits.ts'
import type { Access, Purpose } from '../trust/access.ts'
import { release } from './body.ts'
import { RegistryError } from './errors.ts'
import type { Answer, Transport } from './transport.ts'

const redirects = new Set([301, 302, 303, 307, 308])

/** One request, and where it may go. */
export interface Request {
  readonly url: URL
  /** Headers for whoever answers in the end. */
  readonly headers: Readonly<Record<string, string>>
  /** For the URL's own origin, and no other. */
  readonly authorization: string | null
}

/**
 * Sends a request and follows redirects, each of which `access` must allow. Credentials stay with
 * the origin that they are for (RFC 9110 section 15.4). Rejects with a `RegistryError`, or the
 * signal's reason.
 */
export async function follow(
  transport: Transport,
  access: Access,
  { url: start, headers, authorization }: Request,
  purpose: Purpose,
  signal: AbortSignal,
): Promise<Answer> {
  let url = start
  for (let hops = 0; hops <= redirectsMax; hops++) {
    const own = authorization !== null && url.origin === start.origin ? { authorization } : {}
    const answer = await transport.send(url, { ...headers, ...own }, signal)
    if (!redirects.has(answer.status)) return answer
    release(answer)
    const location = URL.parse(answer.one('location') ?? '', url)
    if (answer.one('location') === undefined || location === null) {
      throw new RegistryError('redirect-refused', `${url.host} redirects without a location`)
    }
    location.hash = ''
    access.checkUrl(url, location, purpose)
    url = location
  }
  const message = `${start.host} redirects more than ${redirectsMax} times`
  throw new RegistryError('redirect-refused', message)
}
