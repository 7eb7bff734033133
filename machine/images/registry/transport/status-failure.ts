import type { Clock } from '../../../../reconcilers/host-ports.ts'
import { parseRetryAfter } from '../../formats/response-headers.ts'
import { readWords } from './body.ts'
import { RegistryError } from './errors.ts'
import type { Answer, Transport } from './transport.ts'
import { portalHint } from './what-came.ts'

const passing = new Set([408, 500, 502, 503, 504])

/**
 * The error for a status that is neither success nor about authentication or absence:
 * `registry-busy`, `registry-failing`, or `registry-answer`. Reads the body for its message.
 */
export async function statusFailure(
  transport: Transport,
  answer: Answer,
  clock: Clock,
  signal: AbortSignal,
): Promise<RegistryError> {
  const { host } = answer.url
  const words = await readWords(transport, answer, signal)
  const retryAfterMs = parseRetryAfter(answer.one('retry-after'), clock.now())
  if (answer.status === 429) {
    return new RegistryError('registry-busy', `${host} accepts no more requests for now${words}`, {
      hint: 'wait, or give this host a user of the registry, or a mirror, in agent.json',
      transient: true,
      retryAfterMs,
    })
  }
  // RFC 6585 section 6: Network Authentication Required.
  if (answer.status === 511) {
    const message = `the network requires a login to reach ${host}`
    return new RegistryError('registry-answer', message, { hint: portalHint, transient: true })
  }
  if (answer.status >= 500) {
    const message = `${host} fails with status ${answer.status}${words}`
    return new RegistryError('registry-failing', message, {
      hint: 'check its log',
      transient: passing.has(answer.status),
      retryAfterMs,
    })
  }
  const message = `${host} answers with status ${answer.status}${words}`
  return new RegistryError('registry-answer', message, {
    hint: 'is this a registry?',
    transient: passing.has(answer.status),
  })
}
