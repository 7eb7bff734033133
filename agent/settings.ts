import * as z from 'zod'
import { readHostJson } from '../machine/files/host-json.ts'
import { type RegistrySettings, registrySchema } from '../machine/images/registry/trust/settings.ts'
import { grantFault } from '../reconcilers/runc/bundle/grants.ts'

/** `/etc/covey/agent.json`: the host's own settings, all optional. No config can change them. */
export interface AgentSettings {
  readonly log_level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent'
  readonly registries: Readonly<Record<string, RegistrySettings>>
  /** Grants to containers on this host: `path:/srv`, `device:/dev/dri`, `host-network`. */
  readonly grants: readonly string[]
  readonly reconcilers: readonly string[]
  readonly image_budget_bytes: number
  readonly trial_seconds: number
}

const grantSchema: z.ZodType<string> = z.string().superRefine((text, context) => {
  const fault = grantFault(text)
  if (fault !== undefined) context.addIssue(fault)
})

const settingsSchema: z.ZodType<AgentSettings> = z.strictObject({
  log_level: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
  registries: z.record(z.string(), registrySchema).default({}),
  grants: z.array(grantSchema).default([]),
  reconcilers: z.array(z.string()).default([]),
  image_budget_bytes: z.int().positive().default(20_000_000_000),
  trial_seconds: z.int().min(10).max(3600).default(120),
})

/** Defaults for settings that the file does not set. */
export const defaultSettings: AgentSettings = settingsSchema.parse({})

/**
 * Reads the settings; a missing file means defaults. Errors: `settings` with every fault as
 * `FILE:LINE:COLUMN: path: why`, one a line; `not-root-owned`.
 */
export async function readSettings(path: string): Promise<AgentSettings> {
  const hint = 'correct the file and start again'
  const read = await readHostJson(path, settingsSchema, { code: 'settings', hint })
  return read === null ? defaultSettings : read.value
}
