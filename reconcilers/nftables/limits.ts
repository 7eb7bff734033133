/** Bounds of the firewall, by name, with the unit last. */

/** Ends of flows in one direction of one policy. */
export const flowEndsMax: number = 1024
/** Ranges of ports of one end. */
export const portsMax: number = 64
/** Elements of all sets of one host; a config that needs more is refused. */
export const elementsMax: number = 200_000
/** The whole table is looked at this often, also where no change of it was announced. */
export const fullLookMs: number = 60_000
/**
 * A table of up to so many elements is first checked and then put in place. A larger one is put
 * there at once: the kernel refuses it whole in any case, and checking takes as long again.
 */
export const checkedElementsMax: number = 2_000
