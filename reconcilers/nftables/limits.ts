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
 * A transaction is first checked with so many of the elements that each set gets, then carried out
 * with all. Checking all of a large table takes as long again (docs/decisions/0035).
 */
export const checkedElementsMax: number = 200
/** Zones of conntrack have 16 bits. */
export const zoneMax: number = 65_535
