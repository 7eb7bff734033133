import { archiveEnd } from '../../../platform/tar/tar-writer.ts'
import { withMappedIds } from '../layers/map-ids.ts'
import { copyEntries, marked } from './apply-fixes.ts'
import { fill, startExtraction } from './extraction.ts'
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
  await fill(extraction, signal, async () => {
    await copyEntries(
      sandbox,
      { layer, paths: [''], isDeep: true },
      (entry) => withMappedIds(marked(entry, layer.opaque)),
      extraction,
    )
    await extraction.write([archiveEnd])
    await extraction.end()
  })
}
