/** Bounds of a layout, by name, with the unit last. */

/** Containers of one service. */
export const replicasMax: number = 256
/** Pairs of containers of one stack that may talk to each other. */
export const pairsMax: number = 1024
/** Content of files beside a Compose file that one container takes along (as in objects). */
export const besideBytesMax: number = 256 * 1024
/** Files of one folder beside a Compose file. */
export const besideFilesMax: number = 200
