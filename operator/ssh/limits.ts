/** Bounds of connections by ssh, by name, with the unit last. */

/** Longest folder of temporary files below which the socket of a connection still fits. */
export const controlPathBytesMax: number = 60
/** A host whose ssh server has not answered by then is away. */
export const connectSecondsMax: number = 5
/** All of a connection, with logging in; then it is given up. */
export const openMsMax: number = 12_000
/** A connection that says nothing for three times as long is lost. */
export const aliveSeconds: number = 5
/** The first answer over a new connection. */
export const probeMsMax: number = 8_000
/** The most that is kept of the output of ssh, or of covey there. */
export const wordsBytesMax: number = 16 * 1024
/** Seconds after which ssh ends a connection that nobody uses and nobody has ended. */
export const idleSecondsMax: number = 60
/** Words that a script of a host is given at once; a command line of Linux has 128 KiB. */
export const argumentBytesMax: number = 64 * 1024
