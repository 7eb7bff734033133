import { withMappedIds } from '../layers/map-ids.ts'
import { archiveEnd } from '../layers/tar-writer.ts'
import { copyEntries, marked } from './apply-fixes.ts'
import { startExtraction } from './extraction.ts'
import type { LayerFolder } from './merged-view.ts'
import type { Sandbox } from './sandbox.ts'

/**
 * Copies the whole tree of a layer into an empty folder, with owners for user namespaces. On an
 * error the folder holds a part of it, for the caller to remove.
 *
 * Rejects with `layer-refused`, `unpack`, `disk-full`, or the signal's reason.
 */
export async function mapTree(
  sandbox: Sandbox,
  layer: LayerFolder,
  target: string,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted()
  const mayMarkOverlay = layer.opaque.size > 0
  const extraction = startExtraction(sandbox, target, { mayMarkOverlay })
  const abort = (): void => extraction.abort()
  signal.addEventListener('abort', abort, { once: true })
  try {
    const source = { layer, paths: [''], isDeep: true }
    await copyEntries(
      sandbox,
      source,
      (entry) => withMappedIds(marked(entry, layer.opaque)),
      extraction,
    )
    await extraction.write([archiveEnd])
    await extraction.end()
  } catch (error) {
    extraction.abort()
    signal.throwIfAborted()
    throw error
  } finally {
    signal.removeEventListener('abort', abort)
  }
}
