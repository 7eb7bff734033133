import { request } from '../../platform/http.ts'
import { probeMsMax } from './limits.ts'

/** Resolves to true if somebody who speaks HTTP answers at a socket, whatever the answer is. */
export function probe(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const signal = AbortSignal.timeout(probeMsMax)
    const outgoing = request({ socketPath, path: '/', agent: false, signal }, (incoming) => {
      incoming.resume()
      incoming.on('error', () => undefined)
      resolve(true)
    })
    outgoing.on('error', () => resolve(false))
    outgoing.end()
  })
}
