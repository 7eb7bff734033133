import * as z from 'zod'
import { reference } from '../object/spec-fields.ts'
import { afterMax } from './limits.ts'

/** A state of another container of the host that a new container waits for. */
export interface AfterObject {
  readonly container: string
  readonly condition: 'started' | 'healthy' | 'completed'
}

const entry: z.ZodType<AfterObject> = z.strictObject({
  container: reference,
  condition: z.enum(['started', 'healthy', 'completed']),
})

/** States of other containers that a new container waits for. */
export const after: z.ZodType<readonly AfterObject[]> = z.array(entry).max(afterMax)
