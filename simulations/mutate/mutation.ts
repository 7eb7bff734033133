/** Who must notice a mutation: a scenario of the simulator, or where none can, a test file. */
export type Catcher =
  | {
      readonly scenario: string
      /** Seeds 1 to this are tried until one finds it. */
      readonly seeds: number
      /** Number of the invariant that it is expected to break. */
      readonly invariant: number
    }
  | { readonly test: string }

/** A fault put into the code on purpose. Who does not notice it would not notice a real one. */
export interface Mutation {
  readonly name: string
  /** The damage that it does, in one sentence. */
  readonly breaks: string
  readonly file: string
  /** Exact text, which stands in the file once. */
  readonly find: string
  readonly replace: string
  readonly caughtBy: Catcher
}
