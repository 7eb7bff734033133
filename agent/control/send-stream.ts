import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { pipeline } from 'node:stream/promises'
import { faultTrailer } from '../../protocol/api/problem.ts'
import { CoveyError } from '../../protocol/fault.ts'
import { keepStream } from './connections.ts'
import { Problem } from './problem.ts'

/** Bytes to send: a source, and what each chunk of it goes through. */
export interface Packed {
  readonly source: () => AsyncIterable<Uint8Array>
  readonly packer: NodeJS.ReadWriteStream
}

/**
 * Answers with bytes as they are made. What fails after the first of them is said in the trailer
 * `covey-fault`: a problem, percent-encoded.
 */
export async function sendPacked(
  response: ServerResponse,
  contentType: string,
  { source, packer }: Packed,
): Promise<void> {
  const gone = new AbortController()
  const leave = (): void => gone.abort()
  response.once('close', leave)
  if (response.socket !== null) keepStream(response.socket)
  response.writeHead(200, {
    ...{ 'content-type': contentType, 'cache-control': 'no-store', trailer: faultTrailer },
  })
  const write = async (chunks: AsyncIterable<Uint8Array>): Promise<void> => {
    for await (const chunk of chunks) {
      if (!response.write(chunk)) await once(response, 'drain', { signal: gone.signal })
    }
  }
  try {
    await pipeline(source, packer, write, { signal: gone.signal })
    response.end()
  } catch (error) {
    if (gone.signal.aborted || !(error instanceof CoveyError)) throw error
    const members = error.hint === undefined ? {} : { hint: error.hint }
    const problem = new Problem(500, error.code, error.message, members).body()
    response.addTrailers({ [faultTrailer]: encodeURIComponent(JSON.stringify(problem)) })
    response.end()
  } finally {
    response.off('close', leave)
  }
}
