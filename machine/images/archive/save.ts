import { archiveEnd, entryHeaders, padding } from '../../../platform/tar/tar-writer.ts'
import { CoveyError } from '../../../protocol/fault.ts'
import { plainEntry } from '../layers/layer-transform.ts'
import { blobsOf, hexOf, type ImageRecord } from '../store/records.ts'
import type { Store } from '../store/store.ts'

const indexType = 'application/vnd.oci.image.index.v1+json'
const manifestType = 'application/vnd.oci.image.manifest.v1+json'

/**
 * An image as an OCI archive (image-spec image-layout.md): the very bytes that its digests are of,
 * so that `load` on another host makes the same references good. Of an index only this host's
 * platform is in it. Error: `blob-missing` before anything is given, `blob-damaged` in the middle.
 */
export async function saveArchive(
  store: Store,
  record: ImageRecord,
  digest: string,
): Promise<AsyncGenerator<Uint8Array>> {
  const digests = [...new Set(blobsOf(record))]
  for (const each of digests) if (store.blobs.size(each) === null) throw missing(each)
  const top = await store.blobs.get(digest)
  if (top === null) throw missing(digest)
  return archive(store, digests, indexOf(record, digest, top))
}

function missing(digest: string): CoveyError {
  return new CoveyError('blob-missing', `${digest} of the image is no longer stored`, {
    hint: 'covey image prune, then pull it again',
  })
}

function indexOf(record: ImageRecord, digest: string, top: Buffer): Buffer {
  const { mediaType } = Object(JSON.parse(top.toString('utf8'))) as { readonly mediaType?: unknown }
  const usual = digest === record.manifest ? manifestType : indexType
  const descriptor = {
    mediaType: typeof mediaType === 'string' ? mediaType : usual,
    digest,
    size: top.length,
  }
  const names = record.references.filter((each) => each.endsWith(`@${digest}`))
  const shown = names.length === 0 ? [null] : names.map((each) => each.split('@')[0] ?? '')
  const manifests = shown.map((name) => {
    if (name === null) return descriptor
    return { ...descriptor, annotations: { 'org.opencontainers.image.ref.name': name } }
  })
  return Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: indexType, manifests }))
}

async function* archive(
  store: Store,
  digests: readonly string[],
  index: Buffer,
): AsyncGenerator<Uint8Array> {
  yield* small('oci-layout', Buffer.from('{"imageLayoutVersion":"1.0.0"}'))
  yield* small('index.json', index)
  for (const folder of ['blobs', 'blobs/sha256']) {
    yield entryHeaders({ ...plainEntry, path: `${folder}/` })
  }
  for (const digest of digests) {
    const size = store.blobs.size(digest) ?? 0
    yield fileHeaders(`blobs/sha256/${hexOf(digest)}`, size)
    yield* store.blobs.read(digest)
    yield padding(size)
  }
  yield archiveEnd
}

function fileHeaders(path: string, dataBytes: number): Buffer {
  return entryHeaders({ ...plainEntry, kind: 'file', path, mode: 0o644, dataBytes })
}

function* small(path: string, bytes: Buffer): Generator<Uint8Array> {
  yield fileHeaders(path, bytes.length)
  yield bytes
  yield padding(bytes.length)
}
