/**
 * What a change of a config does to something that is there: nothing, what is done while it runs,
 * another one in its place, or the same one once more.
 */
export type Effect = 'none' | 'live' | 'replace' | 'restart'

/** What becomes of one object. */
export interface ObjectEffect {
  readonly effect: Effect
  /** True if it is away for a while. */
  readonly gap: boolean
}
