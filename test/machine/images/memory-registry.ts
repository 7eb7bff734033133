import { createHash } from 'node:crypto'
import type { ManifestBytes, Registries } from '../../../machine/images/registry/types.ts'
import { CoveyError } from '../../../protocol/fault.ts'
import { digestOf, type MadeLayer } from './archive-of.ts'

/** A registry in memory that counts what is asked of it. */
export interface MemoryRegistry extends Registries {
  readonly content: Map<string, Buffer>
  /** Digests of blobs that were asked for, in order. */
  readonly asked: string[]
  /** Every piece of a blob waits for this. */
  gate: () => Promise<void>
  /** Fails everything while it is set. */
  failure: CoveyError | null
}

/** Makes an empty registry. */
export function memoryRegistry(): MemoryRegistry {
  const registry: MemoryRegistry = {
    content: new Map(),
    asked: [],
    gate: async () => {},
    failure: null,
    async manifest(_reference, { digest }): Promise<ManifestBytes> {
      if (registry.failure !== null) throw registry.failure
      return { bytes: contentOf(registry, digest), mediaType: null }
    },
    async tagged() {
      throw new CoveyError('image-missing', 'it knows no tags')
    },
    async *blob(_reference, { digest, sizeBytes }, signal) {
      registry.asked.push(digest)
      if (registry.failure !== null) throw registry.failure
      const bytes = contentOf(registry, digest)
      for (let at = 0; at < bytes.length; at += 50_000) {
        await Promise.race([registry.gate(), aborted(signal)])
        yield bytes.subarray(at, at + 50_000)
      }
      const found = `sha256:${createHash('sha256').update(bytes).digest('hex')}`
      if (found !== digest) throw new CoveyError('digest-mismatch', `it sent ${found}`)
      if (bytes.length !== sizeBytes) throw new CoveyError('size-mismatch', 'it sent another size')
    },
    async close() {},
  }
  return registry
}

function aborted(signal: AbortSignal): Promise<void> {
  signal.throwIfAborted()
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}

function contentOf(registry: MemoryRegistry, digest: string): Buffer {
  const bytes = registry.content.get(digest)
  if (bytes === undefined) throw new CoveyError('image-missing', `there is no ${digest}`)
  return bytes
}

/** Puts an image there; gives the digest of its manifest. */
export function putImage(
  registry: MemoryRegistry,
  layers: readonly MadeLayer[],
  config: object = { Cmd: ['/bin/true'] },
): string {
  const put = (bytes: Buffer, mediaType: string): object => {
    const digest = digestOf(bytes)
    registry.content.set(digest, bytes)
    return { mediaType, digest, size: bytes.length }
  }
  const document = Buffer.from(
    JSON.stringify({
      architecture: process.arch === 'x64' ? 'amd64' : process.arch,
      os: 'linux',
      config,
      rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
    }),
  )
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      config: put(document, 'application/vnd.oci.image.config.v1+json'),
      layers: layers.map(({ packed }) =>
        put(packed, 'application/vnd.oci.image.layer.v1.tar+gzip'),
      ),
    }),
  )
  registry.content.set(digestOf(manifest), manifest)
  return digestOf(manifest)
}
