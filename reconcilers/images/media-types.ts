/** Media types of images: OCI image-spec media-types.md, and Docker's image manifest schema 2. */

/** What a document that names other parts of an image is. */
export type DocumentKind = 'index' | 'manifest'

const documentKinds: ReadonlyMap<string, DocumentKind> = new Map([
  ['application/vnd.oci.image.index.v1+json', 'index'],
  ['application/vnd.docker.distribution.manifest.list.v2+json', 'index'],
  ['application/vnd.oci.image.manifest.v1+json', 'manifest'],
  ['application/vnd.docker.distribution.manifest.v2+json', 'manifest'],
])

/** What a registry is asked for, in the order of preference. */
export const manifestMediaTypes: readonly string[] = [...documentKinds.keys()]

const configMediaTypes = new Set([
  'application/vnd.oci.image.config.v1+json',
  'application/vnd.docker.container.image.v1+json',
])

/** How a layer's tar stream is packed. */
export type Compression = 'none' | 'gzip' | 'zstd'

const compressions: ReadonlyMap<string, Compression> = new Map([
  ['application/vnd.oci.image.layer.v1.tar', 'none'],
  ['application/vnd.oci.image.layer.v1.tar+gzip', 'gzip'],
  ['application/vnd.oci.image.layer.v1.tar+zstd', 'zstd'],
  ['application/vnd.docker.image.rootfs.diff.tar', 'none'],
  ['application/vnd.docker.image.rootfs.diff.tar.gzip', 'gzip'],
  ['application/vnd.docker.image.rootfs.diff.tar.zstd', 'zstd'],
])

/** Whether a media type is an index's or a manifest's; undefined for anything else. */
export function documentKind(mediaType: string): DocumentKind | undefined {
  return documentKinds.get(mediaType)
}

/** Whether a config descriptor is that of a container image, not of some other artifact. */
export function isImageConfig(mediaType: string): boolean {
  return configMediaTypes.has(mediaType)
}

/** How a layer of that type is packed, or why covey does not take it, as the end of a sentence. */
export function layerCompression(
  mediaType: string,
): { readonly compression: Compression } | { readonly refusal: string } {
  const compression = compressions.get(mediaType)
  if (compression !== undefined) return { compression }
  if (mediaType.includes('nondistributable') || mediaType.includes('.foreign.')) {
    return {
      refusal: 'is kept elsewhere by its publisher (a foreign layer), which is not supported',
    }
  }
  if (mediaType.endsWith('+encrypted')) return { refusal: 'is encrypted, which is not supported' }
  const shown = JSON.stringify(mediaType.slice(0, 100))
  return { refusal: `has the media type ${shown}, which is no layer that covey can unpack` }
}

/** A Content-Type without its parameters, in lower case; null where there is none. */
export function mediaTypeOf(contentType: string | null | undefined): string | null {
  const bare = contentType?.split(';', 1)[0]?.trim().toLowerCase() ?? ''
  return bare === '' ? null : bare
}
