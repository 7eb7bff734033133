/** Bounds of images on this host, by name, with the unit last. */

/** Entries of one layer; a distribution has about 10 000, the largest images a million. */
export const layerEntriesMax: number = 2_000_000
/** Limit of one unpacked layer, including holes of sparse files. */
export const layerBytesMax: number = 64 * 1024 ** 3
/**
 * Parts of a path, and bytes of a path, of a link's target and of one name (PATH_MAX, NAME_MAX).
 */
export const pathPartsMax: number = 256
export const pathBytesMax: number = 4_000
export const nameBytesMax: number = 255
/** Symbolic links that are followed to the place of one entry, as the kernel has it (ELOOP). */
export const linkHopsMax: number = 40
/** Extended attributes of one entry, all together. */
export const xattrBytesMax: number = 256 * 1024
/**
 * A layer may inflate by this factor at most once it is larger than `inflateFreeBytes`: files of
 * zeros are common, and gzip's best is a factor of about 1030.
 */
export const inflateFactorMax: number = 400
export const inflateFreeBytes: number = 1024 ** 3
/** One read of a decompressor, and how far it works ahead. */
export const inflateChunkBytes: number = 256 * 1024
export const inflateAheadBytes: number = 2 * 1024 * 1024
/** Data that may wait for the `tar` of one layer. */
export const extractAheadBytes: number = 4 * 1024 * 1024

/** Packed bytes of one layer that wait for the thread which unpacks, and how many go at once. */
export const packedAheadBytes: number = 4 * 1024 * 1024
export const packedMessageBytes: number = 256 * 1024
/** Heap of that thread at which a full garbage collection starts. */
export const threadHeapMegabytes: number = 64
/** That thread ends after so long without a layer. */
export const threadIdleMs: number = 5_000

/** Layers that are downloaded and unpacked at once, over all images; the others wait. */
export const layersAtOnceMax: number = 4
/** Images that are pulled at once; the others wait. */
export const imagesAtOnceMax: number = 4
/** References that wait or are being pulled. */
export const pullsMax: number = 1_000
/** First and largest wait after a pull that failed. */
export const retryMsMin: number = 5_000
export const retryMsMax: number = 600_000
/** Progress of a pull is told at most this often. */
export const progressMs: number = 200

/** Limit on the kept stderr of a child in the sandbox. */
export const sandboxStderrBytesMax: number = 4 * 1024
/** A child that takes no more input, or does not end, for this long is killed. */
export const sandboxStallMs: number = 300_000

/** A pull stops while less than this is free on its disk: the host itself needs room as well. */
export const freeBytesMin: number = 64 * 1024 * 1024
/** The free room is looked at again after this much was written. */
export const freeCheckBytes: number = 16 * 1024 * 1024
/** After so much was written the disk is asked to make it durable, beside everything else. */
export const syncAheadBytes: number = 48 * 1024 * 1024
/** Waiting bytes of one blob that are written at once. */
export const blobWriteBytes: number = 1024 * 1024

/** `/etc/passwd` and `/etc/group` of an image; larger ones are not read. */
export const accountsBytesMax: number = 1024 * 1024
/** Text of one record of the store. */
export const recordBytesMax: number = 1024 * 1024
/** References that one image is known by; the oldest are forgotten. */
export const referencesMax: number = 64

/** Entries of an archive that is loaded, and its documents. */
export const archiveEntriesMax: number = 100_000
/** Images in one archive. */
export const archiveImagesMax: number = 256
