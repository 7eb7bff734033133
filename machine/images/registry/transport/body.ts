import { errorBytesMax, wordsCharactersMax } from '../limits.ts'
import { RegistryError } from './errors.ts'
import type { Answer, Transport } from './transport.ts'

/** Lets go of an answer that nobody reads; its connection goes with it. */
export function discard(answer: Answer): void {
  answer.body.on('error', () => {}).destroy()
}

/**
 * Lets go of an answer whose body does not matter. A short one is read to its end, so that the
 * connection can be used again.
 */
export function release(answer: Answer): void {
  answer.body.on('error', () => {})
  answer.body.dump({ limit: errorBytesMax }).catch(() => {})
}

/** Refuses an encoded body: digests are those of bytes as they are stored. */
function refuseEncoding(answer: Answer): void {
  const encoding = answer.all('content-encoding').join(', ')
  if (encoding === '' || encoding.toLowerCase() === 'identity') return
  discard(answer)
  const shown = JSON.stringify(encoding.slice(0, 40))
  throw new RegistryError('registry-answer', `${answer.url.host} encodes its answer: ${shown}`, {
    hint: 'something on the way alters answers; let it pass them unchanged',
  })
}

/** The chunks of a body. Throws a `RegistryError`, or the signal's reason. */
export async function* chunksOf(
  transport: Transport,
  answer: Answer,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  refuseEncoding(answer)
  try {
    yield* answer.body
  } catch (error) {
    signal.throwIfAborted()
    throw transport.explain(error, answer.url)
  } finally {
    discard(answer)
  }
}

/** A whole body of at most `bytesMax`. Throws as above, and `registry-answer` for a larger one. */
export async function readBody(
  transport: Transport,
  answer: Answer,
  bytesMax: number,
  signal: AbortSignal,
): Promise<Buffer> {
  const body = await readStart(transport, answer, bytesMax, signal)
  if (body.length <= bytesMax) return body
  const message = `${answer.url.host} sends more than ${bytesMax} bytes where few are expected`
  throw new RegistryError('registry-answer', message)
}

/** A body, or of a longer one more than `bytesMax` bytes of its start. Throws as `chunksOf`. */
export async function readStart(
  transport: Transport,
  answer: Answer,
  bytesMax: number,
  signal: AbortSignal,
): Promise<Buffer> {
  const chunks: Buffer[] = []
  let sumBytes = 0
  for await (const chunk of chunksOf(transport, answer, signal)) {
    chunks.push(chunk)
    sumBytes += chunk.length
    if (sumBytes > bytesMax) break
  }
  return Buffer.concat(chunks)
}

/** Text of a stranger, made harmless for a terminal and a log line. */
export function wordsOf(text: string): string {
  const plain = text.replace(/[^\x20-\x7e]+/g, ' ').trim()
  return plain.length > wordsCharactersMax ? `${plain.slice(0, wordsCharactersMax)}…` : plain
}

function messageIn(text: string): string | undefined {
  try {
    const value: unknown = JSON.parse(text)
    const errors = value !== null && typeof value === 'object' && 'errors' in value && value.errors
    const first: unknown = Array.isArray(errors) ? errors[0] : value
    if (first === null || typeof first !== 'object') return undefined
    const { message, details } = first as { message?: unknown; details?: unknown }
    if (typeof message === 'string') return message
    return typeof details === 'string' ? details : undefined
  } catch {
    return undefined
  }
}

/**
 * The error text in a refusal (OCI distribution-spec, Error Codes), as ` (it says: …)`, or
 * nothing where it says nothing readable.
 */
export async function readWords(
  transport: Transport,
  answer: Answer,
  signal: AbortSignal,
): Promise<string> {
  const bytes = await readBody(transport, answer, errorBytesMax, signal).catch(() => {
    signal.throwIfAborted()
    return Buffer.alloc(0)
  })
  const words = wordsOf(messageIn(bytes.toString()) ?? '')
  return words === '' ? '' : ` (it says: ${words})`
}
