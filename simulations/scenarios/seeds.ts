/** A run that once broke an invariant, and is run for ever to show that it does not any more. */
export interface FoundSeed {
  readonly scenario: string
  readonly seed: number
  readonly hosts: number
  /** The fault that it found, in one sentence. */
  readonly found: string
}

/**
 * Seeds that found something, oldest first. Draws change with scenarios, so they are kept as tests
 * of their own.
 */
export const foundSeeds: readonly FoundSeed[] = [
  {
    scenario: 'slow-disk',
    seed: 10,
    hosts: 6,
    found: 'A confirmation whose write failed was never written again, so its host never applied.',
  },
  {
    scenario: 'rotation-under-partition',
    seed: 589,
    hosts: 9,
    found: 'A fetch whose request fell into a cut took its 20 s, which the checker did not allow.',
  },
]
