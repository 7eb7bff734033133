/** Bounds of the agent itself; those of the protocol are in `protocol/limits.ts`. */

/** The node is told the time this often, in ms. */
export const tickMs: number = 500
/** Frames of one peer that wait to be decoded. */
export const decodingFramesMax: number = 512
/** Watchers of the events on one socket at once, and what may wait for a slow one, in bytes. */
export const watchersMax: number = 32
export const watcherBytesMax: number = 1024 * 1024
/**
 * An ordered stop may take this long, in ms; SIGTERM is promised to end an agent within a second.
 */
export const stopMsMax: number = 900
/**
 * Open connections on one control socket. One more takes the place of the oldest that is idle;
 * there is always one that may go, because the streams of a socket are fewer.
 */
export const controlConnectionsMax: number = 128
/** Time for the head of a request to arrive, and for all of it on the control socket, in ms. */
export const controlHeadMsMax: number = 10_000
export const controlRequestMsMax: number = 30_000
/** Interval between checks of these two, in ms. */
export const controlTimesCheckMs: number = 1_000
/** Interval between checks that the sockets still exist, in ms. */
export const socketCheckMs: number = 1_000
/** Time for whoever listens at a path to be reached, in ms. */
export const socketProbeMsMax: number = 1_000
/** The same on `admin.sock`, where images and volumes are sent; only root can keep it busy. */
export const adminRequestMsMax: number = 86_400_000
/** Waits of one log line for a slow reader, and the length of each, in ms. */
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
/** Largest changelog of a package that the doctor reads, unpacked. */
export const changelogBytesMax: number = 4 * 1024 * 1024

/** Status records that are remembered as verified, of at most 512 bytes each. */
export const verifiedStatusesMax: number = 256
/** Time between two looks at the settings of the host, whose grants count at once. */
export const settingsLookMs: number = 2_000

/** Body of a request to hold a container, and each text in it. */
export const orderBodyBytesMax: number = 4 * 1024
export const orderTextCharactersMax: number = 200
/** A client that sends or takes nothing of an archive for this long, in ms, is given up. */
export const streamStallMsMax: number = 120_000
/** Containers for one command each, at once. */
export const oneOffsMax: number = 8
