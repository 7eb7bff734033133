import { createHash } from 'node:crypto'
import type { Descriptor } from '../formats/manifest.ts'
import { hexOf } from '../store/records.ts'

/** One layer of an image that is pulled. */
export interface WantedLayer {
  readonly descriptor: Descriptor
  readonly diffId: string
  /** Digest of this layer and all below it (OCI image-spec config.md, Layer ChainID). */
  readonly chainId: string
  /** Folder name if it needs nothing of the layers below. */
  readonly ownName: string
  /** Folder name if it was corrected after the layers below. */
  readonly chainName: string
}

/** The layers of an image, the lowest first. */
export function wantedLayers(
  descriptors: readonly Descriptor[],
  diffIds: readonly string[],
): readonly WantedLayer[] {
  const wanted: WantedLayer[] = []
  for (const [index, descriptor] of descriptors.entries()) {
    const diffId = diffIds[index] ?? ''
    const below = wanted.at(-1)?.chainId
    const chainId = below === undefined ? diffId : `sha256:${sha256(`${below} ${diffId}`)}`
    // Another name than that of the lowest layer, whose chain id is its diff id.
    const chainName = sha256(`corrected ${chainId}`)
    wanted.push({ descriptor, diffId, chainId, ownName: hexOf(diffId), chainName })
  }
  return wanted
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
