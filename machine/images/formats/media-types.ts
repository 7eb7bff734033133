/** Media types of images: OCI image-spec media-types.md, and Docker's image manifest schema 2. */

/** Kind of a document that names other parts of an image. */
export type DocumentKind = 'index' | 'manifest'

const documentKinds: ReadonlyMap<string, DocumentKind> = new Map([
  ['application/vnd.oci.image.index.v1+json', 'index'],
  ['application/vnd.docker.distribution.manifest.list.v2+json', 'index'],
  ['application/vnd.oci.image.manifest.v1+json', 'manifest'],
  ['application/vnd.docker.distribution.manifest.v2+json', 'manifest'],
])

/** Media types that a registry is asked for, in order of preference. */
export const manifestMediaTypes: readonly string[] = [...documentKinds.keys()]

const configMediaTypes = new Set([
  'application/vnd.oci.image.config.v1+json',
  'application/vnd.docker.container.image.v1+json',
])

const layerTypes = new Set([
  'application/vnd.oci.image.layer.v1.tar',
  'application/vnd.oci.image.layer.v1.tar+gzip',
  'application/vnd.oci.image.layer.v1.tar+zstd',
  'application/vnd.docker.image.rootfs.diff.tar',
  'application/vnd.docker.image.rootfs.diff.tar.gzip',
  'application/vnd.docker.image.rootfs.diff.tar.zstd',
])

/** Media types that servers and builders use as a default. */
const genericTypes = new Set([
  '',
  'application/octet-stream',
  'binary/octet-stream',
  'application/json',
  'text/json',
  'text/plain',
  'text/html',
])

/** Packed or plain tar archives, as others than image builders call them. */
const archiveTypes = new Set([
  'application/tar',
  'application/x-tar',
  'application/gzip',
  'application/x-gzip',
  'application/tar+gzip',
  'application/zstd',
])

/** Other things that registries hold, by the start of the type of their config. */
const artifacts: readonly (readonly [start: string, name: string])[] = [
  ['application/vnd.cncf.helm.', 'a Helm chart'],
  ['application/vnd.docker.plugin.', 'a plugin for Docker'],
  ['application/vnd.dev.cosign.', 'a signature'],
  ['application/vnd.dev.sigstore.', 'a signature'],
  ['application/vnd.cncf.notary.', 'a signature'],
  ['application/vnd.in-toto', 'an attestation'],
  ['application/vnd.wasm.', 'a WebAssembly module'],
  ['application/vnd.cncf.flux.', 'an artifact of Flux'],
  ['application/vnd.buildkit.cacheconfig.', 'a cache of a builder'],
]

/** A media type without its parameters, in lower case. */
export function bareMediaType(mediaType: string): string {
  return mediaType.split(';', 1)[0]?.trim().toLowerCase() ?? ''
}

/** True if a media type says nothing of what it is about. */
export function isGeneric(mediaType: string): boolean {
  return genericTypes.has(bareMediaType(mediaType))
}

/** Kind of document that a media type names; undefined for anything else. */
export function documentKind(mediaType: string): DocumentKind | undefined {
  return documentKinds.get(bareMediaType(mediaType))
}

/**
 * True if a config descriptor may be that of a container image, and not of some other artifact: its
 * type says so, or nothing.
 */
export function isImageConfig(mediaType: string): boolean {
  return configMediaTypes.has(bareMediaType(mediaType)) || isGeneric(mediaType)
}

/** Name of an artifact that is not an image, by a media type: `a Helm chart`; null if unknown. */
export function artifactName(mediaType: string): string | null {
  const bare = bareMediaType(mediaType)
  return artifacts.find(([start]) => bare.startsWith(start))?.[1] ?? null
}

/**
 * Reason that covey refuses a layer of that type, as the end of a sentence; null if it takes it.
 * the layer is packed is told by its bytes.
 */
export function layerRefusal(mediaType: string): string | null {
  const bare = bareMediaType(mediaType)
  if (layerTypes.has(bare) || isGeneric(bare) || archiveTypes.has(bare)) return null
  if (bare.includes('nondistributable') || bare.includes('.foreign.')) {
    return 'is kept elsewhere by its publisher (a foreign layer), which is not supported'
  }
  if (bare.endsWith('+encrypted')) return 'is encrypted, which is not supported'
  const shown = JSON.stringify(mediaType.slice(0, 100))
  return `has the media type ${shown}, which is not a layer that covey can unpack`
}

/** A Content-Type without its parameters, in lower case; null where there is none. */
export function mediaTypeOf(contentType: string | null | undefined): string | null {
  const bare = bareMediaType(contentType ?? '')
  return bare === '' ? null : bare
}
