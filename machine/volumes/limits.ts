/** Time in which the size of one volume must be known; after it the size is told as unknown. */
export const sizeMsMax: number = 60_000

/** Time in which all that was unpacked must be on the disk. */
export const syncMs: number = 600_000
