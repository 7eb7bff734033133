import { createHash } from 'node:crypto'
import { imageDocumentBytesMax } from '../../../../reconcilers/images/limits.ts'
import { manifestMediaTypes, mediaTypeOf } from '../../formats/media-types.ts'
import { parseContentLength } from '../../formats/response-headers.ts'
import type { Session } from '../auth/session.ts'
import { errorBytesMax, type RegistryLimits } from '../limits.ts'
import { readStart } from '../transport/body.ts'
import { withDeadline } from '../transport/deadline.ts'
import { RegistryError } from '../transport/errors.ts'
import { explainLength, strangeAnswer } from '../transport/what-came.ts'
import type { ManifestBytes, ManifestTarget } from '../types.ts'

/** The digest of bytes, as documents spell it. */
function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}

/**
 * Fetches one manifest from one source, once, and proves its size and digest. Rejects with a
 * `RegistryError`, or with the signal's reason.
 */
export function fetchManifest(
  session: Session,
  repository: string,
  { digest, sizeBytes }: ManifestTarget,
  limits: RegistryLimits,
  outer: AbortSignal,
): Promise<ManifestBytes> {
  const { name } = session.endpoint
  const headers = { accept: manifestMediaTypes.join(', '), 'accept-encoding': 'identity' }
  const wrongSize = (found: string): RegistryError => {
    const wanted = sizeBytes === undefined ? `${imageDocumentBytesMax} at most` : `${sizeBytes}`
    const message = `${name} has ${found} bytes under ${digest}, not ${wanted}`
    return new RegistryError('size-mismatch', message, { hint: 'push the image again' })
  }
  const bytesMax = sizeBytes ?? imageDocumentBytesMax
  return withDeadline(limits.documentMs, name, outer, async (signal) => {
    const answer = await session.ask({ repository, kind: 'manifests', digest, headers }, signal)
    const type = answer.one('content-type')
    const length = parseContentLength(answer.one('content-length'))
    if (length !== undefined && (length > bytesMax || (sizeBytes ?? length) !== length)) {
      throw await explainLength(session.transport, answer, wrongSize(String(length)), signal)
    }
    const bytes = await readStart(session.transport, answer, bytesMax, signal)
    const found = digestOf(bytes)
    if (found === digest) return { bytes, mediaType: mediaTypeOf(type) }
    const start = bytes.subarray(0, errorBytesMax)
    const strange = strangeAnswer(answer.url.host, type, start)
    if (strange !== null) throw strange
    if (bytes.length > bytesMax) throw wrongSize(`more than ${bytesMax}`)
    if (sizeBytes !== undefined && bytes.length !== sizeBytes) throw wrongSize(`${bytes.length}`)
    const message = `${name} serves bytes of ${found} as ${digest}`
    throw new RegistryError('digest-mismatch', message, { hint: 'do not trust this registry' })
  })
}

/**
 * Fetches the manifest or index that a tag names, and works out its digest. Rejects with a
 * `RegistryError`, or with the signal's reason.
 */
export function fetchTagged(
  session: Session,
  repository: string,
  tag: string,
  limits: RegistryLimits,
  outer: AbortSignal,
): Promise<ManifestBytes & { digest: string }> {
  const { name } = session.endpoint
  const headers = { accept: manifestMediaTypes.join(', '), 'accept-encoding': 'identity' }
  return withDeadline(limits.documentMs, name, outer, async (signal) => {
    const question = { repository, kind: 'manifests', digest: tag, headers } as const
    const answer = await session.ask(question, signal)
    const type = answer.one('content-type')
    const bytes = await readStart(session.transport, answer, imageDocumentBytesMax, signal)
    if (bytes.length > imageDocumentBytesMax) {
      const message = `${name} has more than ${imageDocumentBytesMax} bytes under ${tag}`
      throw new RegistryError('size-mismatch', message, { hint: 'push the image anew' })
    }
    const strange = strangeAnswer(answer.url.host, type, bytes.subarray(0, errorBytesMax))
    if (strange !== null) throw strange
    return { bytes, mediaType: mediaTypeOf(type), digest: digestOf(bytes) }
  })
}
