import type { IncomingMessage } from 'node:http'
import type { SaveOrder } from '../../../machine/volumes/volumes.ts'
import { CoveyError } from '../../../protocol/fault.ts'
import { streamStallMsMax } from '../../limits.ts'
import { keepStream } from '../connections.ts'
import { Problem } from '../problem.ts'

/** Throws the answer to what the machine refused. */
export function refused(error: unknown): never {
  if (!(error instanceof CoveyError)) throw error
  const isMissing = ['no-such-volume', 'no-such-archive'].includes(error.code)
  throw Problem.of(error, isMissing ? 404 : 409)
}

/** A checksum in a path or a query. Throws `bad-query`. */
export function checksumIn(text: string | null | undefined): string {
  if (text != null && /^[0-9a-f]{64}$/.test(text)) return text
  throw new Problem(400, 'bad-query', 'sha256 must be the checksum of the archive')
}

/** An offset in a query; 0 where none is named. Throws `bad-query`. */
export function offsetIn(url: URL): number {
  const text = url.searchParams.get('from') ?? '0'
  if (/^\d{1,15}$/.test(text)) return Number(text)
  throw new Problem(400, 'bad-query', 'from must be a number of bytes')
}

/** The treatment of those who use a volume, by a query. Throws `bad-query`. */
export function usersIn(url: URL): SaveOrder['users'] {
  const text = url.searchParams.get('users') ?? 'refuse'
  if (text === 'stop' || text === 'refuse' || text === 'live') return text
  throw new Problem(400, 'bad-query', 'users must be stop, refuse or live')
}

/**
 * The body of a request as it arrives. Whoever stops reading early does not cut the sender off, for
 * it would hear no answer. Throws `client-stalled`.
 */
export async function* bodyOf(request: IncomingMessage): AsyncGenerator<Uint8Array> {
  keepStream(request.socket)
  const stalled = (): void => {
    request.destroy(new CoveyError('client-stalled', 'the client has sent nothing for too long'))
  }
  const timer = setTimeout(stalled, streamStallMsMax)
  try {
    const chunks: AsyncIterable<Uint8Array> = request.iterator({ destroyOnReturn: false })
    for await (const chunk of chunks) {
      yield chunk
      timer.refresh()
    }
  } finally {
    clearTimeout(timer)
  }
}
