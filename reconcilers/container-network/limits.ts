/** Bounds of the containers' network, by name, with the unit last. */

/** Namespaces in which processes of covey's work at once. */
export const namespacesAtOnceMax: number = 4

/** Time for a batch, beside that which every command has: removing a link takes the kernel 20 ms. */
export const batchLineMs: number = 100
