import { createHash } from 'node:crypto'
import type { Descriptor } from '../../formats/manifest.ts'
import { blobAttemptsMax, progressBytesMin } from '../limits.ts'
import { RegistryError } from '../transport/errors.ts'
import { type Patience, waitAfter } from '../transport/patience.ts'
import { type Source, type Sources, withMirrors } from '../trust/sources.ts'
import { fetchBlob } from './fetch-blob.ts'

/** A blob to download, and from where. */
export interface Download {
  readonly repository: string
  readonly descriptor: Descriptor
  /** At least one; tried in this order. */
  readonly from: readonly Source[]
  readonly sources: Sources
  readonly patience: Patience
}

/** Progress of a download. */
interface Progress {
  offsetBytes: number
  /** Tries in all, and those in a row that brought next to nothing from the present source. */
  attempts: number
  failures: number
}

/**
 * Streams one blob over as many tries as it takes, each from where the last one broke, and proves
 * its digest at the end. Throws a `RegistryError`, or the signal's reason.
 */
export async function* download(wanted: Download, signal: AbortSignal): AsyncGenerator<Buffer> {
  const { descriptor, from, sources } = wanted
  const hash = createHash('sha256')
  const progress: Progress = { offsetBytes: 0, attempts: 0, failures: 0 }
  const mirrorErrors: RegistryError[] = []
  const usedMirrors = new Set<Source>()
  for (const source of from) {
    progress.failures = 0
    try {
      for await (const chunk of fromSource(wanted, source, progress, signal)) {
        if (source.isMirror) usedMirrors.add(source)
        hash.update(chunk)
        yield chunk
      }
      break
    } catch (error) {
      signal.throwIfAborted()
      if (!source.isMirror || !(error instanceof RegistryError)) {
        throw withMirrors(error, mirrorErrors)
      }
      sources.giveUp(source, error)
      mirrorErrors.push(error)
    }
  }
  const found = `sha256:${hash.digest('hex')}`
  if (found === descriptor.digest) return
  const names = [...(usedMirrors.size > 0 ? usedMirrors : from.slice(-1))].map(
    ({ session }) => session.endpoint.name,
  )
  const message = `${names.join(' and ')} served bytes of ${found} as ${descriptor.digest}`
  const error = new RegistryError('digest-mismatch', message, {
    hint: 'do not trust this registry',
    transient: usedMirrors.size > 0,
  })
  for (const mirror of usedMirrors) sources.giveUp(mirror, error)
  throw error
}

/** Bytes of one source, over its number of tries. */
async function* fromSource(
  { repository, descriptor, patience }: Download,
  { session, attemptsMax }: Source,
  progress: Progress,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  const { clock, limits } = patience
  for (;;) {
    const { offsetBytes } = progress
    progress.attempts++
    try {
      const attempt = { session, repository, descriptor, offsetBytes, clock, limits }
      for await (const chunk of fetchBlob(attempt, signal)) {
        progress.offsetBytes += chunk.length
        yield chunk
      }
      return
    } catch (error) {
      const moved = progress.offsetBytes - offsetBytes >= progressBytesMin
      progress.failures = moved ? 1 : progress.failures + 1
      const triesLeft = progress.attempts < blobAttemptsMax
      await waitAfter(patience, error, progress.failures, triesLeft ? attemptsMax : 0, signal)
    }
  }
}
