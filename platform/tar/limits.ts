/** Bounds of tar archives, by name, with the unit last. */

/** One pax header or GNU long name. */
export const extensionBytesMax: number = 1024 * 1024
/** Zeros after the end of an archive: programs fill up records, of 10 KiB mostly. */
export const endPaddingBytesMax: number = 64 * 1024 * 1024
/** Pieces of one sparse file. */
export const sparsePiecesMax: number = 100_000
