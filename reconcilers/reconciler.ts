import type * as z from 'zod'
import type { Config } from '../protocol/documents/config.ts'
import { CoveyError, type Fault } from '../protocol/fault.ts'
import type { HostPorts } from './host-ports.ts'

/** The part of a config for one host that one reconciler handles. */
export interface Resolved<Spec> {
  /** The wanted state, with references, on any host, resolved. */
  readonly spec: Spec
  /** Objects that wait for something, with the reason. */
  readonly pending: readonly {
    /** Name of the object. */
    readonly object: string
    /** One line for people: the thing that it waits for. */
    readonly reason: string
  }[]
  /** Objects that are wrong. They keep their applied form and hold back what refers to them. */
  readonly faulty: readonly {
    /** Name of the object. */
    readonly object: string
    /** The fault, with the path of its field. */
    readonly fault: Fault
  }[]
  /**
   * For each object that refers to others of this host, their names. Order and holding back rest on
   * it.
   */
  readonly references: Readonly<Record<string, readonly string[]>>
}

/** The verdict of an observation on an object, beyond the steps for it. */
export interface Verdict {
  /** Name of the object that is judged. */
  readonly object: string
  /** `converged`: it is as it should be, and there is something to say of it all the same. */
  readonly state: 'pending' | 'failed' | 'converged'
  /** One line for people: why it is in that state. */
  readonly reason: string
  /**
   * Set where it says no more than that a step is still to be taken: it holds nothing back, and
   * counts only if none of the reconciler's steps was taken.
   */
  readonly untilActed?: true | undefined
}

/** A step of a plan. One step may be a batch for many objects. */
export interface PlanStep {
  /**
   * Names of the objects of this host that the step is for; empty for leftovers that no object
   * wants.
   */
  readonly objects: readonly string[]
  /** Set where the step only removes what no object wants; it runs after everything that adds. */
  readonly takesDown?: true
  /** Name of what the step is about, for a status, where it is for no object and fails. */
  readonly about?: string
  /**
   * Set where the step takes long and touches nothing that a step of another lane does. Steps of
   * one reconciler that follow each other and all have a lane run side by side; those of one lane
   * in their order.
   */
  readonly lane?: string
  /**
   * Names of objects that are not gone on with where the step fails: it is what keeps them, or
   * others from them. Unlike `objects` they do not come into its order.
   */
  readonly protects?: readonly string[]
  /**
   * The pace at which the step may be needed again; `usual` if absent. `usual`: somebody undoes it,
   * so its objects fail, and it waits longer each time. `recurring`: the need is no such sign, as
   * for a process that ends by itself; the plan knows how long to wait. `urgent`: as `usual`, but
   * the step does not wait, since every moment without it may do harm. A step that fails waits
   * whatever its pace.
   */
  readonly pace?: 'usual' | 'recurring' | 'urgent'
}

/** A step that reached some of its objects and not others; `apply` rejects with it. */
export class StepError extends CoveyError {
  readonly failed: readonly { readonly object: string; readonly reason: string }[]

  /** `failed` names the objects that were not reached; the step's others were. */
  constructor(failed: readonly { readonly object: string; readonly reason: string }[]) {
    super('step-partial', failed.map((each) => `${each.object}: ${each.reason}`).join('; '))
    this.failed = failed
  }
}

/**
 * One kind of machinery on a host. Decisions live in `plan`; `apply` is dumb. docs/ARCHITECTURE.md.
 */
export interface Reconciler<Spec, Observed, Step extends PlanStep> {
  /** Stable name of the room, as `wireguard`. */
  readonly name: string
  /** Object types that it owns, with their schemas (strict: an unknown field is a fault). */
  readonly types: Readonly<Record<string, z.ZodType>>
  /** Pure. Also judges references: a missing one, one of the wrong type or a circle is a fault. */
  resolve(config: Config, host: string): Resolved<Spec>
  observe(spec: Spec, host: HostPorts, signal: AbortSignal): Promise<Observed>
  /**
   * Pure. Objects that what was observed holds back, as a link of that name that is not covey's.
   */
  judge(desired: Spec, observed: Observed): readonly Verdict[]
  /** Pure and synchronous, in the order to apply; nothing to do is an empty list. */
  plan(desired: Spec, observed: Observed): readonly Step[]
  /**
   * Pure. When time alone will change the plan or the verdicts, in ms since 1970; null for never.
   * Nothing changes by time where absent.
   */
  dueAt?(desired: Spec, observed: Observed): number | null
  /**
   * Set where what a step has begun goes on by itself, as a process that starts or ends: after the
   * steps of a round the host is looked at once more, and what is judged then is what is told.
   */
  readonly judgesAfter?: true
  apply(step: Step, host: HostPorts, signal: AbortSignal): Promise<void>
  /** One line for a dry run, a log or a test; never a secret. */
  describe(step: Step): string
}

/** Any reconciler, for who drives several of them and hands each only what it made itself. */
export type AnyReconciler = Reconciler<unknown, unknown, PlanStep>

/** A log for the loop; pino fits. */
export interface Log {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** State of one object on its host, as `covey status` shows it. */
export interface ObjectStatus {
  readonly name: string
  readonly type: string
  readonly state: 'converged' | 'pending' | 'failed' | 'unsupported'
  readonly reason: string | null
}
