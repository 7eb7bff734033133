/** Bounds of the machine side of containers, by name, with the unit last. */

/** The supervisor may take this long to make a process; a busy machine makes many at once. */
export const createMs: number = 30_000
/** One run of `runc start` or `runc delete`. */
export const runtimeMs: number = 20_000
/** One mount or unmount. */
export const mountMs: number = 10_000
/** Least and largest time between two looks whether a process that was signalled has ended. */
export const stopPollMs: number = 5
/** Supervisors are looked at this often: nothing announces the end of another's child. */
export const supervisorCheckMs: number = 1_000
/** Groups of a container whose processes have ended are gone after this time. */
export const groupMsMax: number = 1_000
/** Limit on the supervisor's report of a failed start; the rest is not read. */
export const syncBytesMax: number = 64 * 1024
/** Output of a tool that is kept for a reason. */
export const toolOutputBytesMax: number = 64 * 1024
/** Tail of a log that is read for its last line, and that line in a reason. */
export const logTailBytes: number = 8 * 1024
export const lastLineCharactersMax: number = 160
/** Layers of one image: what the kernel takes for one overlay (OVL_MAX_STACK). */
export const layersMax: number = 500
/** Options of one mount, as the kernel takes them: a page with its end. */
export const mountOptionsBytesMax: number = 4_095
/** Health checks that run at once on a host; further ones wait for their turn. */
export const checksMax: number = 8
/** Limit on the output of a health check; the rest is cut off. */
export const checkOutputBytesMax: number = 4 * 1024
/** Device nodes that one path may stand for. */
export const deviceNodesMax: number = 1024
/** Folders within each other that such a path is looked through. */
export const deviceFoldersMax: number = 16
/** Devices that containers ask for are looked for this often between rounds. */
export const deviceCheckMs: number = 1_000
/** A device whose node changed within this time may still be given its owner. */
export const deviceSettleMs: number = 500
/** Time between two checks of a container that has not passed one yet. */
export const startingCheckMs: number = 1_000
/** Containers whose checks are due are looked for this often. */
export const checkTickMs: number = 250
/** Output of a health check in a reason. */
export const checkReasonCharactersMax: number = 160
/** A process that waits to be started answers at once; after this time the runtime is asked. */
export const fifoMsMax: number = 1_000
export const fifoPollMs: number = 1
/** systemd makes a unit. */
export const unitMs: number = 30_000
/** At a shutdown of the host containers get SIGTERM, and SIGKILL after this time. */
export const unitStopSeconds: number = 20
/** Copy of an image's content into an empty volume. */
export const seedMs: number = 600_000
/** A copy of `/etc/localtime`; time zones take a few kilobytes. */
export const timeFileBytesMax: number = 64 * 1024
/** Links that are followed on the way of one grant, as the kernel does it (path_resolution(7)). */
export const linksMax: number = 40
