/** The end of an attack. */
export interface AttackEnd {
  /** True if the attacker got nothing of what it wanted. */
  readonly held: boolean
  /** The evidence, in one line, with the numbers that show that the attack really took place. */
  readonly seen: string
}

/**
 * A script that does what an attacker would do, on virtual hosts or processes of its own, and looks
 * at what came of it. It removes what it made, also when it fails.
 */
export interface Attack {
  /** The word on the command line. */
  readonly name: string
  /** The attacker's means at the beginning: `a container with a granted folder`. */
  readonly from: string
  /** The attacker's aim, completing `The attacker wants …`. */
  readonly wants: string
  /**
   * Carries the attack out.
   * @throws if the attack could not be carried out; that says nothing about the defence.
   */
  run(): Promise<AttackEnd>
}
