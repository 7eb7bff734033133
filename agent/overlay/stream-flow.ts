import type { Stream, StreamMessageEvent } from '@libp2p/interface'

type Chunk = StreamMessageEvent['data']

/**
 * The chunks that a peer sends, until it has written its last one or the stream closes. For one
 * reader.
 *
 * The stream is paused while the reader works, so that Yamux grants no window for more: at most two
 * windows of `streamWindowBytesMax` wait for a slow reader. libp2p's own iterators keep everything
 * that arrives, without a bound.
 */
export async function* chunksOf(stream: Stream): AsyncGenerator<Chunk, void, undefined> {
  const waiting: Chunk[] = []
  let hasEnded = false
  let wake = (): void => {}
  const onMessage = ({ data }: StreamMessageEvent): void => {
    waiting.push(data)
    wake()
  }
  const onEnd = (): void => {
    hasEnded = true
    wake()
  }
  stream.addEventListener('message', onMessage)
  stream.addEventListener('remoteCloseWrite', onEnd)
  stream.addEventListener('close', onEnd)
  try {
    for (;;) {
      const chunk = waiting.shift()
      if (chunk !== undefined) {
        if (stream.readStatus === 'readable') stream.pause()
        yield chunk
        continue
      }
      if (stream.readStatus === 'paused') stream.resume()
      if (waiting.length > 0) continue
      if (hasEnded) return
      await new Promise<void>((resolve) => (wake = resolve))
    }
  } finally {
    stream.removeEventListener('message', onMessage)
    stream.removeEventListener('remoteCloseWrite', onEnd)
    stream.removeEventListener('close', onEnd)
  }
}

/**
 * Writes pieces as fast as the peer takes them, until the stream closes or there are no more; then
 * closes the stream.
 */
export async function writeAll(stream: Stream, pieces: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const piece of pieces) {
    if (stream.writeStatus !== 'writable') break
    if (!stream.send(piece)) await drained(stream)
  }
  await stream.close()
}

/** Waits for the event: `stream.onDrain()` is settled for good after the first time. */
async function drained(stream: Stream): Promise<void> {
  if (stream.writeStatus !== 'writable') return
  await new Promise<void>((resolve) => {
    const settle = (): void => {
      stream.removeEventListener('drain', settle)
      stream.removeEventListener('close', settle)
      resolve()
    }
    stream.addEventListener('drain', settle)
    stream.addEventListener('close', settle)
  })
}
