import type { ServerResponse } from 'node:http'
import { CoveyError } from '../../../protocol/fault.ts'

/** A signal that fires when the client of an answer is gone before it has all of it. */
export function goneSignal(response: ServerResponse): AbortSignal {
  const gone = new AbortController()
  response.once('close', () => {
    if (response.writableFinished) return
    gone.abort(new CoveyError('client-gone', 'the client has disconnected'))
  })
  return gone.signal
}
