/** Bounds of talking to registries, by name, with the unit last. */

/** Bounds that a test shortens. */
export interface RegistryLimits {
  /** Time for a connection to stand, with its name resolved and TLS agreed on. */
  readonly connectMs: number
  /** Time from a request to the end of its answer's headers. */
  readonly headersMs: number
  /** Longest silence within an answer's body. */
  readonly bodyIdleMs: number
  /** Time for a whole manifest or token. */
  readonly documentMs: number
  /** A blob that brings less than `slowBytesMin` in this time of waiting has stalled. */
  readonly slowWindowMs: number
  readonly slowBytesMin: number
  /** First and largest wait before a question is asked again. */
  readonly retryMsMin: number
  readonly retryMsMax: number
  /** A registry that asks to wait for longer is left to whoever pulls. */
  readonly retryAfterMsMax: number
}

/** The bounds in use. */
export const registryLimits: RegistryLimits = {
  connectMs: 10_000,
  headersMs: 30_000,
  bodyIdleMs: 30_000,
  documentMs: 60_000,
  slowWindowMs: 60_000,
  slowBytesMin: 16 * 1024,
  retryMsMin: 500,
  retryMsMax: 15_000,
  retryAfterMsMax: 30_000,
}

/** Attempts of a request before its error counts, and if another source follows. */
export const attemptsMax: number = 5
export const mirrorAttemptsMax: number = 2
/** Tries of one blob in all, however far each of them came. */
export const blobAttemptsMax: number = 100
/** A try that brought at least this much was not a failure in a row. */
export const progressBytesMin: number = 64 * 1024
/** Share of a wait by which it may be shorter, so that hosts do not retry in step. */
export const retryJitter: number = 0.5

/** Redirects of one request, and characters of a URL. */
export const redirectsMax: number = 5
export const urlCharactersMax: number = 8 * 1024
/** All headers of one answer. */
export const headerBytesMax: number = 32 * 1024
/** Body of a token or of an error, which is read for its message. */
export const tokenBytesMax: number = 256 * 1024
export const errorBytesMax: number = 16 * 1024
/** Characters of a registry's own words that are passed on. */
export const wordsCharactersMax: number = 160
/** Connections to one origin, and origins of one registry with open connections. */
export const connectionsMax: number = 16
export const originsMax: number = 16
/** Registries whose connections and tokens are kept; the one used longest ago goes first. */
export const sessionsMax: number = 64
/** An idle connection is kept for this long. */
export const keepAliveMs: number = 10_000

/** Tokens that are kept for one registry, and characters of one. */
export const tokensMax: number = 256
export const tokenCharactersMax: number = 64 * 1024
/** A token without `expires_in` is good for this long (distribution token authentication). */
export const tokenSecondsDefault: number = 60
/** Longest time for which a token is believed to be good. */
export const tokenSecondsMax: number = 24 * 3600
/** A token is not used in the last seconds of its life. */
export const tokenMarginMs: number = 5_000
/** Largest `ca_file` and `password_file`. */
export const caFileBytesMax: number = 4 * 1024 * 1024
export const passwordFileBytesMax: number = 64 * 1024
/** A mirror that failed or lied is left out for this long. */
export const mirrorRestMs: number = 60_000
/** The scheme of an insecure registry, http or https, is probed again after this time. */
export const schemeMs: number = 300_000

const relations: readonly (readonly [boolean, string])[] = [
  [registryLimits.connectMs < registryLimits.headersMs, 'an answer needs a connection first'],
  [registryLimits.headersMs < registryLimits.documentMs, 'a document needs its headers first'],
  [registryLimits.retryMsMin < registryLimits.retryMsMax, 'backoff grows'],
  [mirrorAttemptsMax < attemptsMax, 'a mirror is given up sooner than the origin'],
  [attemptsMax < blobAttemptsMax, 'a blob that moves on is tried for longer'],
  [tokenMarginMs < tokenSecondsDefault * 1000, 'a token is used before it ends'],
]
for (const [holds, reason] of relations) {
  if (!holds) throw new Error(`limits contradict each other: ${reason}`)
}
