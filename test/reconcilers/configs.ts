import type { Config, HostSection } from '../../protocol/documents/config.ts'
import { ideaConfig } from '../idea.ts'

/** A config with these hosts and claims that no test here looks at. */
export function configOf(hosts: Record<string, unknown>): Config {
  return {
    aud: `sha256:${'0'.repeat(64)}`,
    epoch: 1,
    version: 1,
    ancestors: [],
    iat: null,
    allowIsolation: [],
    hosts: hosts as Record<string, HostSection>,
  }
}

/** The example of the idea, as it stands there. */
export const ideaExample: Config = configOf(ideaConfig.hosts)
