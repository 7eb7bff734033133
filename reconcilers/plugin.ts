import type { Config } from '../protocol/documents/config.ts'
import type { CommonPorts } from './host-ports.ts'
import type { PlanStep, Resolved, Verdict } from './reconciler.ts'

/**
 * Interface 1 of reconcilers that other packages bring, as docs/PLUGINS.md tells it: what the types
 * of `covey/reconciler` say. It stays as it is when covey's own reconcilers change.
 */
export type { Config } from '../protocol/documents/config.ts'
export type { Fault } from '../protocol/fault.ts'
export type { Command, CommandResult, CommonPorts, HostFiles } from './host-ports.ts'
export type { PlanStep, Resolved, Verdict } from './reconciler.ts'

/** The required interface of a type's schema; zod's have it. */
export interface TypeSchema {
  /** Tries a value, and does not throw where it is none. */
  safeParse(value: unknown): {
    /** True where the value fits the schema. */
    readonly success: boolean
  }
}

/** A reconciler of a package: its export `reconciler`. */
export interface PluginReconciler<
  Spec = unknown,
  Observed = unknown,
  Step extends PlanStep = PlanStep,
> {
  /** A word of its own, as `sysctl`. */
  readonly name: string
  /** Its object types, each with a strict schema. */
  readonly types: Readonly<Record<string, TypeSchema>>
  /** Pure: what the objects of one host mean, and what is wrong with them. */
  resolve(config: Config, host: string): Resolved<Spec>
  /** Looks at the host, and changes nothing. */
  observe(spec: Spec, host: CommonPorts, signal: AbortSignal): Promise<Observed>
  /** Pure: objects that what was seen holds back, with the reason. */
  judge(spec: Spec, observed: Observed): readonly Verdict[]
  /** Pure: the steps, in order; none where all is as it should be. */
  plan(spec: Spec, observed: Observed): readonly Step[]
  /** Carries one step out, and decides nothing. */
  apply(step: Step, host: CommonPorts, signal: AbortSignal): Promise<void>
  /** The step in one line, for people; never a secret. */
  describe(step: Step): string
  /** Pure: when time alone will change the plan, in ms since 1970; null for never. */
  dueAt?(spec: Spec, observed: Observed): number | null
  /** Set where what a step began goes on by itself: it is looked at once more after a round. */
  readonly judgesAfter?: true
}
