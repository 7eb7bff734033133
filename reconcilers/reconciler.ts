import type { z } from 'zod'
import type { Config } from '../protocol/documents/config.ts'
import type { Fault } from '../protocol/fault.ts'
import type { HostPorts } from './host-ports.ts'

/** What a config means for one host, as far as one reconciler goes. */
export interface Resolved<Spec> {
  /** What should be: references, on any host, replaced by what they refer to. */
  readonly spec: Spec
  /** Objects that wait for something, with the reason. */
  readonly pending: readonly { readonly object: string; readonly reason: string }[]
  /** Objects that are wrong. They keep their applied form and hold back what refers to them. */
  readonly faulty: readonly { readonly object: string; readonly fault: Fault }[]
}

/** A step of a plan. One step may be a batch for many objects. */
export interface PlanStep {
  /** Names of the objects of this host that the step is for; empty for leftovers that no object wants. */
  readonly objects: readonly string[]
}

/** One kind of machinery on a host. Decisions live in `plan`; `apply` is dumb. docs/ARCHITECTURE.md. */
export interface Reconciler<Spec, Observed, Step extends PlanStep> {
  /** Stable name of the room, as `wireguard`. */
  readonly name: string
  /** Object types that it owns, with their schemas (strict: an unknown field is a fault). */
  readonly types: Readonly<Record<string, z.ZodType>>
  /** Pure. Also judges references: a missing one, one of the wrong type or a circle is a fault. */
  resolve(config: Config, host: string): Resolved<Spec>
  observe(spec: Spec, host: HostPorts, signal: AbortSignal): Promise<Observed>
  /** Pure and synchronous; nothing to do is an empty list. */
  plan(desired: Spec, observed: Observed): readonly Step[]
  apply(step: Step, host: HostPorts, signal: AbortSignal): Promise<void>
  /** One line for a dry run, a log or a test; never a secret. */
  describe(step: Step): string
}

/** State of one object on its host, as `covey status` shows it. */
export interface ObjectStatus {
  readonly name: string
  readonly type: string
  readonly state: 'converged' | 'pending' | 'failed' | 'unsupported'
  readonly reason: string | null
}
