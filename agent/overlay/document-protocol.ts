import type { Connection, Stream } from '@libp2p/interface'
import { lpStream } from '@libp2p/utils'
import { CoveyError } from '../../protocol/fault.ts'
import { envelopeBytesMax, streamBufferBytesMax } from '../../protocol/limits.ts'
import type { Meters } from './admission/meters.ts'
import { answerMsMax, requestBytesMax, requestsPerPeerMax } from './limits.ts'
import { prefixBytes, type Traffic } from './traffic.ts'

/** The protocol name: one request and one response, each after its length as an unsigned varint. */
export const documentProtocol: string = '/covey/document/1'

/** Dependencies of both sides of the protocol. */
export interface DocumentContext {
  readonly traffic: Traffic
  readonly meters: Meters
  /** Called when bytes of a peer have arrived: it lives. */
  heard(peerId: string): void
}

/**
 * Asks over a stream of its own. Rejects when `signal` fires, the stream breaks, or the peer
 * answers nothing or too much; the stream is gone then.
 */
export async function ask(
  context: DocumentContext,
  connection: Connection,
  request: Uint8Array,
  signal: AbortSignal,
): Promise<Uint8Array> {
  if (request.byteLength > requestBytesMax) {
    throw new CoveyError('request-too-large', `a request of ${request.byteLength} bytes`)
  }
  const stream = await connection.newStream(documentProtocol, { signal })
  try {
    count(context, connection, stream)
    const messages = lpStream(stream, {
      maxDataLength: envelopeBytesMax,
      maxBufferSize: streamBufferBytesMax,
    })
    await messages.write(request, { signal })
    context.traffic.bytesOut += prefixBytes(request.byteLength) + request.byteLength
    await stream.close({ signal })
    return (await messages.read({ signal })).subarray()
  } finally {
    // A stream that both sides have closed is unaffected; one that the peer keeps open ends here.
    stream.abort(new Error('the exchange is over'))
  }
}

/** The answering side. */
export class DocumentServer {
  readonly #context: DocumentContext
  readonly #serve: (peerId: string, request: Uint8Array) => Promise<Uint8Array>
  readonly #busy: Map<string, number> = new Map()

  constructor(
    context: DocumentContext,
    serve: (peerId: string, request: Uint8Array) => Promise<Uint8Array>,
  ) {
    this.#context = context
    this.#serve = serve
  }

  /** Answers one stream of an admitted peer, or aborts it. Never rejects. */
  async answer(stream: Stream, connection: Connection): Promise<void> {
    const peerId = connection.remotePeer.toString()
    const busy = this.#busy.get(peerId) ?? 0
    if (busy >= requestsPerPeerMax) {
      stream.abort(new Error('too many requests at once'))
      return
    }
    this.#busy.set(peerId, busy + 1)
    try {
      await this.#exchange(stream, connection, peerId, AbortSignal.timeout(answerMsMax))
    } catch (error) {
      stream.abort(error instanceof Error ? error : new Error(String(error)))
    } finally {
      const left = (this.#busy.get(peerId) ?? 1) - 1
      if (left === 0) this.#busy.delete(peerId)
      else this.#busy.set(peerId, left)
    }
  }

  async #exchange(
    stream: Stream,
    connection: Connection,
    peerId: string,
    signal: AbortSignal,
  ): Promise<void> {
    count(this.#context, connection, stream)
    const messages = lpStream(stream, {
      maxDataLength: requestBytesMax,
      maxBufferSize: 2 * requestBytesMax,
    })
    const request = (await messages.read({ signal })).subarray()
    const waitMs = this.#context.meters.request(peerId)
    if (waitMs > 0) await before(signal, afterMs(waitMs))
    const response = await before(signal, this.#serve(peerId, request))
    if (response.byteLength > envelopeBytesMax) throw new Error('the answer is too large')
    // `write` may return before the last byte is out; `close` waits for all of them.
    await messages.write(response, { signal })
    await stream.close({ signal })
    this.#context.traffic.bytesOut += prefixBytes(response.byteLength) + response.byteLength
  }
}

/** Counts what arrives, and notes that its sender lives. */
function count(context: DocumentContext, connection: Connection, stream: Stream): void {
  const peerId = connection.remotePeer.toString()
  stream.addEventListener('message', (event) => {
    context.traffic.bytesIn += event.data.byteLength
    context.heard(peerId)
  })
}

function afterMs(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms).unref())
}

/** Settles as `work` does, or rejects when `signal` fires first. */
function before<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
    work.then(resolve, reject)
  })
}
