import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { pipeline } from 'node:stream/promises'
import { faultTrailer } from '../../../protocol/api/problem.ts'
import { CoveyError } from '../../../protocol/fault.ts'
import { streamStallMsMax } from '../../limits.ts'
import { keepStream } from '../connections.ts'
import { Problem } from '../problem.ts'

/** Bytes to send: a source, and what each chunk of it goes through. */
export interface Packed {
  readonly source: () => AsyncIterable<Uint8Array>
  readonly packer: NodeJS.ReadWriteStream
}

/**
 * Answers with bytes as they are made. What fails after the first of them is said in the trailer
 * `covey-fault`: a problem, percent-encoded. A client that takes nothing for a while is given up.
 */
export async function sendPacked(
  response: ServerResponse,
  { source, packer }: Packed,
  signal: AbortSignal,
): Promise<void> {
  if (response.socket !== null) keepStream(response.socket)
  response.writeHead(200, {
    ...{ 'content-type': 'application/zstd', 'cache-control': 'no-store', trailer: faultTrailer },
  })
  const write = async (chunks: AsyncIterable<Uint8Array>): Promise<void> => {
    for await (const chunk of chunks) if (!response.write(chunk)) await drained(response, signal)
  }
  try {
    await pipeline(source, packer, write, { signal })
    response.end()
  } catch (error) {
    if (signal.aborted || !(error instanceof CoveyError)) throw error
    const problem = JSON.stringify(Problem.of(error, 500).body())
    response.addTrailers({ [faultTrailer]: encodeURIComponent(problem) })
    response.end()
  }
}

async function drained(response: ServerResponse, signal: AbortSignal): Promise<void> {
  const late = AbortSignal.timeout(streamStallMsMax)
  try {
    await once(response, 'drain', { signal: AbortSignal.any([signal, late]) })
  } catch (error) {
    if (!late.aborted) throw error
    throw new CoveyError('client-stalled', 'the client has taken nothing for too long')
  }
}
