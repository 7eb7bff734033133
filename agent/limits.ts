/** Bounds of the agent itself; those of the protocol are in `protocol/limits.ts`. */

/** The node is told the time this often, in ms. */
export const tickMs: number = 500
/** Frames of one peer that wait to be decoded. */
export const decodingFramesMax: number = 512
/** Watchers of the event feed at once, and what may wait for a slow one, in bytes. */
export const watchersMax: number = 32
export const watcherBytesMax: number = 1024 * 1024
/**
 * An ordered stop may take this long, in ms; SIGTERM is promised to end an agent within a second.
 */
export const stopMsMax: number = 900
/** Open connections on one control socket. */
export const controlConnectionsMax: number = 64
/** Time for one request on the control socket to arrive whole, in ms. */
export const controlRequestMsMax: number = 30_000
/** The same on `admin.sock`, where whole images are sent; only root can keep it busy. */
export const adminRequestMsMax: number = 3_600_000
/** How often, and for how long each time, a line of the log waits for a reader, in ms. */
export const logWaitsMax: number = 20
export const logWaitMs: number = 50
/** Packages with reconcilers that one host loads, and the time that each may take for it, in ms. */
export const pluginsMax: number = 16
export const pluginLoadMsMax: number = 10_000
/**
 * Files and folders of one such package and of all that it depends on, which are looked at before
 * it is loaded; and the largest `package.json` that is read.
 */
export const pluginEntriesMax: number = 50_000
export const manifestBytesMax: number = 1024 * 1024
/**
 * The time that such a package may take to look at a host, and for one step. Rounds wait for it, so
 * it is short; several runs of a tool fit into it.
 */
export const pluginLookMsMax: number = 30_000
export const pluginStepMsMax: number = 120_000
/** Names that the hint of an error lists. */
export const namesShownMax: number = 10
/** Largest `agent.json` and `rescue.json`. */
export const hostJsonBytesMax: number = 1024 * 1024
