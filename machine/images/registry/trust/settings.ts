import * as z from 'zod'

/** A registry that this host's agent may pull from. */
export interface RegistrySettings {
  readonly insecure?: boolean | undefined
  readonly ca_file?: string | undefined
  readonly username?: string | undefined
  readonly password_file?: string | undefined
  readonly mirror_of?: string | undefined
  /** `host[:port]` of token servers, besides the registry itself, that are told the password. */
  readonly realm_hosts?: readonly string[] | undefined
}

/** Schema of the settings of one registry. */
export const registrySchema: z.ZodType<RegistrySettings> = z.strictObject({
  insecure: z.boolean().optional(),
  ca_file: z.string().optional(),
  username: z.string().optional(),
  password_file: z.string().optional(),
  mirror_of: z.string().optional(),
  realm_hosts: z.array(z.string()).optional(),
})
