import type { RegistryLogin } from '../../reconcilers/host-images.ts'
import { passwordText } from '../images/registry/auth/password-text.ts'
import type { Login, Logins } from '../images/registry/types.ts'
import { openSecret, type SealingKey } from './open.ts'

/** Users of registries that a config gives this host, with their passwords in memory only. */
export interface RegistryLogins extends Logins {
  /** Those of the last `use`. */
  used(): readonly RegistryLogin[]
  /** Opens the passwords and uses them. Rejects with `secret-…` and changes nothing then. */
  use(logins: readonly RegistryLogin[]): Promise<void>
}

/** Makes the users of registries; there are none before the first `use`. */
export function createRegistryLogins(
  clusterId: string,
  identity: { readonly host: string; readonly sealing: SealingKey },
): RegistryLogins {
  let used: readonly RegistryLogin[] = []
  let opened: ReadonlyMap<string, Login> = new Map()
  return {
    used: () => used,
    async use(logins) {
      const entries = logins.map(async ({ server, username, secret, jwe }) => {
        const expected = { aud: clusterId, host: identity.host, name: secret }
        const password = passwordText(await openSecret(jwe, expected, identity.sealing))
        return [server, { username, password }] as const
      })
      opened = new Map(await Promise.all(entries))
      used = logins
    },
    of: async (registry) => opened.get(registry) ?? null,
    hint(registry, login) {
      if (login !== null) return `give ${registry} another password in the layout: registries`
      return `if it is there, give hosts a user of it in the layout: registries: {"${registry}": …}`
    },
  }
}
