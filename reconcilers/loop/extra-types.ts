import type * as z from 'zod'
import { agentObjectSchema } from '../../protocol/documents/agent-object.ts'
import type { ReferenceField } from '../cluster/references.ts'

/** An object type that something other than a reconciler owns; the loop only judges it. */
export interface ExtraType {
  readonly type: string
  readonly schema: z.ZodType
  /** Fields that name another object of the same host. */
  readonly references: readonly ReferenceField[]
  /** State of an object that is sound and waits for nothing; `converged` where absent or null. */
  readonly state?: (object: string) => ExtraState | null
}

/** The verdict of a type's owner on one object. */
interface ExtraState {
  readonly state: 'converged' | 'pending' | 'failed'
  readonly reason: string | null
}

/** The `agent` object, as every host judges it; the agent adds `state`. */
export const agentType: ExtraType = {
  type: 'agent',
  schema: agentObjectSchema,
  references: [{ field: 'network', type: 'wireguard_network' }],
}
