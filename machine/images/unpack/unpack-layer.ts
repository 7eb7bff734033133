import { createHash } from 'node:crypto'
import { refuse } from '../../../platform/tar/refuse.ts'
import { CoveyError } from '../../../protocol/fault.ts'
import { createLayerTransform, type LayerSummary } from '../layers/layer-transform.ts'
import { inflateFactorMax, inflateFreeBytes } from '../limits.ts'
import { fill, startExtraction } from './extraction.ts'
import { inflate } from './inflate.ts'
import type { Sandbox } from './sandbox.ts'

/** One layer that is to be unpacked. */
export interface LayerTask {
  /** The layer as stored by a registry. It throws at its end unless its digest is right. */
  readonly packed: AsyncIterable<Uint8Array>
  /** Digest of the unpacked tar stream. */
  readonly diffId: string
  /** An empty folder, which becomes the tree. */
  readonly target: string
  /** Symbolic links of the layers below that entries may go through. */
  readonly lowerLinks: ReadonlyMap<string, string>
  /** Hears of the bytes that come out, before they are written; may wait, and may refuse. */
  readonly onBytes: (bytes: number) => Promise<void> | void
  readonly signal: AbortSignal
}

/**
 * Unpacks a layer while it arrives: inflate, hash, check every entry, `tar` in the sandbox. On an
 * error the target holds a part of it, for the caller to remove.
 *
 * Rejects with `diff-id`, the faults of `LayerFault`, `unpack`, `disk-full`, what the source
 * rejects with, or the signal's reason.
 */
export async function unpackLayer(sandbox: Sandbox, task: LayerTask): Promise<LayerSummary> {
  const { signal, diffId } = task
  signal.throwIfAborted()
  const counted = countBytes(task.packed)
  const transform = createLayerTransform({ lowerLinks: task.lowerLinks })
  const hash = createHash('sha256')
  const extraction = startExtraction(sandbox, task.target)
  return await fill(extraction, signal, async () => {
    let bytes = 0
    for await (const chunk of inflate(counted.stream)) {
      signal.throwIfAborted()
      bytes += chunk.length
      checkFactor(bytes, counted.bytes())
      hash.update(chunk)
      const parts = transform.push(chunk)
      await task.onBytes(chunk.length)
      await extraction.write(parts)
    }
    const found = `sha256:${hash.digest('hex')}`
    if (found !== diffId) {
      const message = `the layer unpacks to ${found}, but the image's config says ${diffId}`
      throw new CoveyError('diff-id', message)
    }
    const { last, summary } = transform.end()
    await extraction.write(last)
    await extraction.end()
    return summary
  })
}

function countBytes(source: AsyncIterable<Uint8Array>): {
  readonly stream: AsyncIterable<Uint8Array>
  bytes(): number
} {
  let count = 0
  async function* stream(): AsyncGenerator<Uint8Array> {
    for await (const chunk of source) {
      count += chunk.length
      yield chunk
    }
  }
  return { stream: stream(), bytes: () => count }
}

function checkFactor(bytes: number, packedBytes: number): void {
  if (bytes <= inflateFreeBytes || bytes <= packedBytes * inflateFactorMax) return
  const megabytes = Math.round(packedBytes / 1024 ** 2)
  const message = `${megabytes} MB of the layer inflate to more than ${inflateFactorMax} times as much`
  refuse('layer-ratio', message)
}
