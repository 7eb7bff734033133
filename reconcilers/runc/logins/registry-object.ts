import * as z from 'zod'
import { parseRegistryName } from '../../images/registry-name.ts'
import { reference } from '../object/spec-fields.ts'

/** `registry`: the user with which this host pulls from a registry. */
export interface RegistryObject {
  readonly type: 'registry'
  /** Canonical name, as in `parseRegistryName`. */
  readonly server: string
  readonly username: string
  /** Name of the `secret` object that holds the password. */
  readonly secret: string
}

const server: z.ZodType<string> = z
  .string()
  .max(260)
  .superRefine((text, context) => {
    const name = parseRegistryName(text)
    if (!name.ok) context.addIssue(name.fault.message)
  })
  .transform((text) => {
    const name = parseRegistryName(text)
    return name.ok ? name.value : text
  })

/** Schema of `registry`. */
export const registrySchema: z.ZodType<RegistryObject> = z.strictObject({
  type: z.literal('registry'),
  server,
  username: z
    .string()
    .min(1)
    .max(255)
    .regex(/^[^:\p{Cc}]+$/u, 'must hold no colon and no control character'),
  secret: reference,
})
