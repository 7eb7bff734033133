import { payloadBytesMax } from '../protocol/limits.ts'

/**
 * Bounds of the `covey` command, by name, with the unit last. Those of the protocol are in
 * protocol/limits.ts.
 */

/** A config before it is signed may be indented, so it may be larger than its payload. */
export const configSourceBytesMax: number = 4 * payloadBytesMax
/** A layout, a lock, a card or a key, as a file. */
export const smallFileBytesMax: number = 4 * 1024 * 1024
/** Longest path of a socket, in bytes (unix(7): 108 with the final NUL). */
export const socketPathBytesMax: number = 107
/** One answer of an agent on its socket. */
export const answerBytesMax: number = 16 * 1024 * 1024
/** One request to an agent, from the connect to the end of its answer; then the exit code is 1. */
export const answerMsMax: number = 30_000
/** A host of several that has not answered by then, its connection included, is left out. */
export const hostAnswerMsMax: number = 15_000
/** The same for a question that only completes another answer. */
export const sideQuestionMsMax: number = 2_000
/** Removing images takes the agent as long as the disk needs to forget their files. */
export const adminPruneMsMax: number = 600_000
/** Time between two looks at the status while watching or waiting. */
export const lookMs: number = 500
/** Time between the two looks that make rates of counters, and between tables of a watch. */
export const statsGapMs: number = 1_000
export const statsWatchMs: number = 2_000
/** Tries to take the next free version while others sign at the same time. */
export const versionTriesMax: number = 64
/**
 * Another command that edits the same folder is waited for this long, asking once in `editLockMs`.
 */
export const editLockMsMax: number = 5_000
export const editLockMs: number = 50
/** Faults of one file that are printed; the rest is counted. */
export const faultsShownMax: number = 10_000
/** One event of an agent, which may hold its whole status. */
export const eventBytesMax: number = 16 * 1024 * 1024
/** A line of one of several logs waits this long for an earlier one of the others. */
export const logHoldMs: number = 200
/** A followed log whose host is away is asked for again after this. */
export const logAgainMs: number = 1_000
/** A longer line of a log is printed in pieces with `--json`. */
export const logTextBytesMax: number = 1024 * 1024
/** Characters of one value that a plan shows of a field. */
export const valueTextMax: number = 60
/** One file of a Compose project: a Compose file, an env file, the content of a config. */
export const composeFileBytesMax: number = 4 * 1024 * 1024
/** Files of one project, and how often they may be named by `extends` and `include`. */
export const composeFilesMax: number = 512
export const composeLoadsMax: number = 4_096
/** Services of one project. */
export const composeServicesMax: number = 1_000
/** Nesting of a Compose file, of `include` and of `extends`. */
export const composeDepthMax: number = 64
/** Values of one Compose file and of one project, each alias counted with what it stands for. */
export const composeNodesMax: number = 200_000
/** One value with its variables put in. */
export const composeTextBytesMax: number = 1024 * 1024
/** Variables of one env file. */
export const composeVariablesMax: number = 10_000
/** Ports of one service, ranges spread. */
export const composePortsMax: number = 4_096
/** A file of logins that docker or podman keep. */
export const loginFileBytesMax: number = 1024 * 1024
/** A helper that keeps logins: its time, which may ask a person for a password, and its answer. */
export const helperMs: number = 60_000
export const helperOutputBytesMax: number = 64 * 1024
/** Tags that are looked up at once, and the time of one. */
export const lookUpsAtOnceMax: number = 8
export const lookUpMsMax: number = 60_000
/** Content of one secret: sealed and encoded it has to fit into an object. */
export const secretBytesMax: number = 88 * 1024
/** A command that prints a secret; it may ask a person. */
export const secretCommandMs: number = 120_000
/** Versions that one release is signed in, so that hosts take their turns. */
export const stagesMax: number = 12
/** `apply` and `rollback` wait this long for every host, unless `--timeout` says else. */
export const rolloutMsMax: number = 600_000
/** Longest `--timeout`. */
export const timeoutMsMax: number = 86_400_000
/** Looks in a row at which everything that was started is well, before that is believed. */
export const settledLooks: number = 8
/** Looks in a row at which something has failed, before nobody waits for it any more. */
export const failingLooksMax: number = 60
/** A host that has said nothing for this long is not waited for. */
export const silentSecondsMax: number = 120
/** Objects of one host, and last lines of a container's log, that are shown of what is not well. */
export const unwellObjectsMax: number = 20
export const unwellLogLines: number = 5
/** Versions of the history that a plan or a rollback looks through. */
export const planHistoryMax: number = 64
/** One file of a project that is taken over from a host, and all of them. */
export const remoteFileBytesMax: number = 4 * 1024 * 1024
export const importBytesMax: number = 32 * 1024 * 1024
/** A question to a host over ssh. */
export const remoteAnswerMsMax: number = 60_000
/** Paths of a host that are looked at in one question. */
export const remoteLooksMax: number = 2_000
/** The longest answer of docker about its containers or volumes. */
export const dockerAnswerBytesMax: number = 16 * 1024 * 1024
/** Content of a file that covey cp reads at once. */
export const copyReadBytes: number = 256 * 1024
/** A file of at least this size is not begun where the disk has no room for it. */
export const copyRoomAskedBytes: number = 16 * 1024 * 1024
/** Folders and links of a copied tree, as text: they are settled when all else is written. */
export const copyLinksBytesMax: number = 64 * 1024 * 1024
/** Docker stops or starts a project; some programs take minutes to end. */
export const dockerStopMsMax: number = 900_000
/** All words that are heard of that. */
export const dockerWordsBytesMax: number = 4_096
/** Hosts have taken services back by then, or it is not known. */
export const takeBackMsMax: number = 180_000
/** The value of a variable on the command line, and how many of them. */
export const variableBytesMax: number = 64 * 1024
export const variablesGivenMax: number = 200
/** Time in which a host that a volume moves from takes the version for that and stops its users. */
export const moveStopMsMax: number = 600_000
