/** Holds on the containers of one object. */
export const holdsMax: number = 16
/** Containers that are to stop are looked at this often. */
export const holdLookMs: number = 50
/** A container that is to stop has its grace time, and this much more before it is given up. */
export const holdMarginMs: number = 30_000
