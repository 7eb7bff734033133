/** Bounds of what a container may ask for, and of its defaults. */

/** Content of all `files` of a container together. */
export const filesBytesMax: number = 256 * 1024
/** Entries of one list or table of a container, such as mounts, files, variables or labels. */
export const entriesMax: number = 256
/** Variables of one secret. */
export const variablesMax: number = 1024
/** Arguments of one command. */
export const argumentsMax: number = 1024
/**
 * One argument, or one variable with its name (MAX_ARG_STRLEN of the kernel, less the final NUL).
 */
export const argumentBytesMax: number = 128 * 1024 - 1
/** A path, as the config writes it. */
export const pathCharactersMax: number = 1024
/** One part of a path (NAME_MAX of the kernel). */
export const nameBytesMax: number = 255
/** The highest number of a user or a group: the runtime refuses higher ones. */
export const accountIdMax: number = 2_147_483_647
/** `/etc/hostname` and uname (HOST_NAME_MAX of the kernel). */
export const hostnameCharactersMax: number = 64
/** Name or value of a label. */
export const labelCharactersMax: number = 1024
/** The value of a setting of the kernel. */
export const settingCharactersMax: number = 1024
/** A sealed secret, encoded. */
export const jweCharactersMax: number = 128 * 1024

/** The least memory in which the runtime itself can start. */
export const memoryBytesMin: number = 4 * 1024 * 1024
/** Size of `/dev/shm`, at least a page; its content counts as memory of the container. */
export const shmBytesMin: number = 64 * 1024
export const shmBytesMax: number = 1024 ** 4
/** A quota below 1 ms for each period is refused by the kernel. */
export const cpuMilliMin: number = 10
export const cpuMilliMax: number = 1_024_000
/** PID_MAX_LIMIT of 64-bit kernels. */
export const pidsMax: number = 4_194_304
/** Processes and threads of a container that names no number. */
export const pidsDefault: number = 2048
/** Length of a period for `cpu_milli`. */
export const cpuPeriodUs: number = 100_000

/** Open files, as far as the machine's own hard limit reaches. */
export const openFilesSoft: number = 65_536
export const openFilesHard: number = 524_288
/**
 * When memory runs out, the kernel ends containers before the host's own services (proc(5),
 * oom_score_adj).
 */
export const oomScoreAdjust: number = 100

/** Lines of an image's passwd or group that are read. */
export const accountLinesMax: number = 10_000
/** Resolvers that a C library asks (MAXNS of resolv.h). */
export const resolversMax: number = 3
/**
 * Domains and characters of a `search` line; C libraries once had limits of 6 and 256, now none.
 */
export const searchDomainsMax: number = 32
export const searchCharactersMax: number = 2048
/** Words of all `options` lines. */
export const resolverOptionsMax: number = 32
/** Pairs of a `sortlist` line (MAXRESOLVSORT of resolv.h). */
export const resolverSortsMax: number = 10
/** Headers of a health check, and characters of one, name and value together. */
export const httpHeadersMax: number = 32
export const httpHeaderCharactersMax: number = 4096
