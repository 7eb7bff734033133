/** Time in which the size of one volume must be known; after it the size is told as unknown. */
export const sizeMsMax: number = 60_000

/** Time in which all that was unpacked must be on the disk. */
export const syncMs: number = 600_000

/** Archives that are kept for a while, and for how long after they were last used. */
export const spoolFilesMax: number = 16
export const spoolMsMax: number = 86_400_000
/** Such archives are looked through this often. */
export const spoolLookMs: number = 3_600_000
/** Space that they leave on the disk, and bytes after which that is looked at again. */
export const spoolFreeBytesMin: number = 64 * 1024 * 1024
export const spoolLookBytes: number = 16 * 1024 * 1024
