/** Bounds of what is copied into containers and out of them, by name, with the unit last. */

/** Copies at once, over all containers. */
export const copiesMax: number = 4
/** Symbolic links that are followed to one place, as the kernel has it (ELOOP). */
export const copyHopsMax: number = 40
/** Content that is read of a file at once. */
export const copyChunkBytes: number = 256 * 1024
/** Lines that a client is told of what is left out; the rest is counted. */
export const leftOutLinesMax: number = 20
/** Time after which what is not whole, and was not touched, is nobody's any more. */
export const partMsMax: number = 86_400_000
/** So many of these are removed by one copy. */
export const oldPartsMax: number = 16
