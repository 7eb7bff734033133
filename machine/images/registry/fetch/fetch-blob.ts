import type { Clock } from '../../../../reconcilers/host-ports.ts'
import type { Descriptor } from '../../formats/manifest.ts'
import { parseContentLength, parseContentRange } from '../../formats/response-headers.ts'
import type { Session } from '../auth/session.ts'
import { errorBytesMax, type RegistryLimits } from '../limits.ts'
import { chunksOf, discard } from '../transport/body.ts'
import { RegistryError } from '../transport/errors.ts'
import type { Answer } from '../transport/transport.ts'
import { explainLength, strangeAnswer } from '../transport/what-came.ts'

/** One try to get the rest of a blob from one source. */
export interface BlobTry {
  readonly session: Session
  readonly repository: string
  readonly descriptor: Descriptor
  /** Bytes that are there already. */
  readonly offsetBytes: number
  readonly clock: Clock
  readonly limits: RegistryLimits
}

function wrongSize({ session, descriptor }: BlobTry, found: string): RegistryError {
  const { digest, sizeBytes } = descriptor
  const message = `${session.endpoint.name} has ${found} bytes under ${digest}, not ${sizeBytes}`
  return new RegistryError('size-mismatch', message, { hint: 'push the image again' })
}

/**
 * Count of bytes at the start of an answer that are held already. Throws on a wrong answer.
 */
function bytesToSkip(attempt: BlobTry, answer: Answer): number {
  const { session, descriptor, offsetBytes } = attempt
  const length = parseContentLength(answer.one('content-length'))
  if (answer.status === 200) {
    // The server knows no ranges, and starts from the first byte again.
    if (length !== undefined && length !== descriptor.sizeBytes)
      throw wrongSize(attempt, `${length}`)
    return offsetBytes
  }
  const range = parseContentRange(answer.one('content-range') ?? '')
  if (range === undefined || range.firstByte > offsetBytes) {
    const message = `${session.endpoint.name} sent another range of a blob than was requested`
    throw new RegistryError('registry-answer', message, { transient: true })
  }
  if ((range.totalBytes ?? descriptor.sizeBytes) !== descriptor.sizeBytes) {
    throw wrongSize(attempt, `${range.totalBytes}`)
  }
  return offsetBytes - range.firstByte
}

/** Chunks, as long as they come at a bearable pace; only time spent waiting for them counts. */
async function* atPace(
  { session, clock, limits }: BlobTry,
  chunks: AsyncIterable<Buffer>,
): AsyncGenerator<Buffer> {
  let waitedMs = 0
  let windowBytes = 0
  let sinceMs = clock.now()
  for await (const chunk of chunks) {
    waitedMs += clock.now() - sinceMs
    windowBytes += chunk.length
    if (waitedMs >= limits.slowWindowMs) {
      if (windowBytes < limits.slowBytesMin) {
        const pace = `${windowBytes} bytes in ${Math.round(waitedMs / 1000)} s`
        const message = `${session.endpoint.name} sends too slowly: ${pace}`
        throw new RegistryError('registry-timeout', message, {
          hint: 'check that it works, and the network in between',
          transient: true,
        })
      }
      waitedMs = 0
      windowBytes = 0
    }
    yield chunk
    sinceMs = clock.now()
  }
}

/**
 * The bytes of a blob from `offsetBytes` on, from one source and in one try. Ends normally only
 * after the last byte; throws a `RegistryError` (`size-mismatch` for too many bytes or a wrong
 * length), or the signal's reason. The digest is for the caller to check.
 */
export async function* fetchBlob(attempt: BlobTry, signal: AbortSignal): AsyncGenerator<Buffer> {
  const { session, repository, descriptor, offsetBytes } = attempt
  const { digest, sizeBytes } = descriptor
  const range = offsetBytes === 0 ? {} : { range: `bytes=${offsetBytes}-` }
  const headers = { accept: '*/*', 'accept-encoding': 'identity', ...range }
  const answer = await session.ask({ repository, kind: 'blobs', digest, headers }, signal)
  let skipBytes: number
  try {
    skipBytes = bytesToSkip(attempt, answer)
  } catch (error) {
    if (error instanceof RegistryError && error.code === 'size-mismatch') {
      throw await explainLength(session.transport, answer, error, signal)
    }
    discard(answer)
    throw error
  }
  const type = answer.one('content-type')
  let start: Buffer | null = null
  let atBytes = offsetBytes
  for await (const chunk of atPace(attempt, chunksOf(session.transport, answer, signal))) {
    start ??= chunk.subarray(0, errorBytesMax)
    const rest = chunk.subarray(Math.min(skipBytes, chunk.length))
    skipBytes -= chunk.length - rest.length
    atBytes += rest.length
    if (atBytes > sizeBytes) {
      throw strangeAnswer(answer.url.host, type, start) ?? wrongSize(attempt, 'more')
    }
    if (rest.length > 0) yield rest
  }
  if (atBytes === sizeBytes) return
  const strange = start === null ? null : strangeAnswer(answer.url.host, type, start)
  if (strange !== null) throw strange
  // Where an answer has no length, a broken connection looks like its end.
  const message = `${session.endpoint.name} ended ${digest} after ${atBytes} of ${sizeBytes} bytes`
  throw new RegistryError('size-mismatch', message, {
    hint: 'push the image again',
    transient: true,
  })
}
