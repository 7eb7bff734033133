/**
 * The effect of a change of a config on something that is there: nothing, a change while it runs,
 * another one in its place, or a restart of the same one.
 */
export type Effect = 'none' | 'live' | 'replace' | 'restart'

/** The effect on one object. */
export interface ObjectEffect {
  readonly effect: Effect
  /** True if it is away for a while. */
  readonly gap: boolean
}
