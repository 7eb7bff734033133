/** Bounds of images and their documents, by name, with the unit last. */

/** Largest manifest, index or image config (the OCI distribution spec asks for at least this). */
export const imageDocumentBytesMax: number = 4 * 1024 * 1024
/** Nesting of arrays and objects in such a document. */
export const documentDepthMax: number = 32
/** Layers of one image; overlayfs of older kernels takes no more than this either. */
export const layersMax: number = 128
/** Manifests in one index. */
export const indexManifestsMax: number = 256
/** Indexes above a manifest. */
export const indexDepthMax: number = 2
/** Largest blob of one image, and of all its layers together, as stored by the registry. */
export const blobBytesMax: number = 64 * 1024 ** 3
export const imageBytesMax: number = 128 * 1024 ** 3
/** Longest image reference, repository name and tag (OCI distribution spec, Pulling manifests). */
export const referenceCharactersMax: number = 512
export const repositoryCharactersMax: number = 255
export const tagCharactersMax: number = 128
/** Longest WWW-Authenticate value that is looked at, and the challenges and parameters in it. */
export const challengeCharactersMax: number = 8 * 1024
export const challengesMax: number = 16
export const challengeParametersMax: number = 32
/** Entries in a list of an image config, as environment or volumes, and characters of one. */
export const imageConfigEntriesMax: number = 4096
export const imageConfigTextCharactersMax: number = 128 * 1024

const relations: readonly (readonly [boolean, string])[] = [
  [blobBytesMax <= imageBytesMax, 'an image of one layer may hold the largest blob'],
  [challengeCharactersMax < imageDocumentBytesMax, 'a header is shorter than a document'],
]
for (const [holds, reason] of relations) {
  if (!holds) throw new Error(`limits contradict each other: ${reason}`)
}
