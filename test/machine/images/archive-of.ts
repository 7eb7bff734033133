import { createHash } from 'node:crypto'
import { tarOf } from './rich-image.ts'

/** `sha256:` and the hexadecimal digest. */
export function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}

/** One layer of a made archive: its bytes as stored, and the digest that the config claims. */
export interface MadeLayer {
  readonly packed: Buffer
  readonly diffId: string
}

/** A layer stored as it is. */
export function plainLayer(tar: Buffer): MadeLayer {
  return { packed: tar, diffId: digestOf(tar) }
}

/** The config of an image with these layers; `more` stands in it as well. */
export function savedConfig(layers: readonly MadeLayer[], more: object = {}): string {
  return JSON.stringify({
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    os: 'linux',
    config: { Cmd: ['/bin/true'] },
    rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
    ...more,
  })
}

/** The archive that `docker save` writes of one image with these layers. */
export function savedArchive(
  layers: readonly MadeLayer[],
  tags: readonly string[] = [],
  more: object = {},
): Buffer {
  const names = layers.map((_, index) => `layer-${index}/layer.tar`)
  const manifest = JSON.stringify([{ Config: 'config.json', RepoTags: tags, Layers: names }])
  return tarOf(
    ...layers.map(({ packed }, index) => ({ path: names[index] ?? '', content: packed })),
    { path: 'config.json', content: savedConfig(layers, more) },
    { path: 'manifest.json', content: manifest },
  )
}

/** Bytes as a stream of small and uneven pieces. */
export async function* pieces(bytes: Buffer, size = 40_009): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}
