/** Bounds of the containers' network, by name, with the unit last. */

/** Namespaces in which processes of covey's work at once. */
export const namespacesAtOnceMax: number = 4
