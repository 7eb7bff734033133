/** Bounds of the containers' network, by name, with the unit last. */

/** Namespaces in which processes of covey's work at once. */
export const namespacesAtOnceMax: number = 4

/** Time for each line of a batch: the kernel takes 20 ms to remove a link. */
export const batchLineMs: number = 100
