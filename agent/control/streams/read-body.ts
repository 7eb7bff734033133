import type { IncomingMessage } from 'node:http'

/** The body of a request; null where it is longer than `bytesMax`. */
export async function readBody(request: IncomingMessage, bytesMax: number): Promise<Buffer | null> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request) {
    const part: Buffer = chunk
    bytes += part.length
    // The rest is read and thrown away, so that the sender hears the answer instead of a broken
    // pipe.
    if (bytes <= bytesMax) chunks.push(part)
    if (bytes > 4 * bytesMax) break
  }
  return bytes > bytesMax ? null : Buffer.concat(chunks)
}
