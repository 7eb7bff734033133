/** One file of the kernel's; the rest of a longer one is not read. */
export const counterFileBytesMax: number = 64 * 1024
/** Counters younger than this are told again instead of being read. */
export const sampleMs: number = 200
