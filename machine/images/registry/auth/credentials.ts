import { readRootOwned } from '../../../files/root-owned.ts'
import { passwordFileBytesMax } from '../limits.ts'
import { RegistryError } from '../transport/errors.ts'
import type { Endpoint } from '../trust/endpoints.ts'
import { fileError } from '../trust/trust.ts'
import type { Login, Logins } from '../types.ts'
import { passwordText } from './password-text.ts'

/** Credentials for one registry. */
export interface Credentials {
  /**
   * Those that are valid now, or null where there are none. Read again each time, so that a new
   * password needs no restart. Rejects with `registry-settings` if a file cannot be used.
   */
  read(): Promise<Login | null>
  /** Hint for a registry that refuses them, or wants some. */
  hint(used: Login | null): string
}

/** Credentials of `agent.json`, which win, or of `logins`. */
export function credentialsFor(endpoint: Endpoint, logins: Logins | undefined): Credentials {
  const { name, credentials } = endpoint
  if (credentials === null && logins !== undefined) {
    return { read: () => logins.of(name), hint: (used) => logins.hint(name, used) }
  }
  return {
    async read() {
      if (credentials === null) return null
      const { username, passwordFile } = credentials
      return { username, password: await passwordIn(passwordFile) }
    },
    hint() {
      if (credentials !== null) {
        return `check the username and ${credentials.passwordFile} for ${name} in agent.json`
      }
      const entry = `{"${name}": {"username": "…", "password_file": "/…"}}`
      return `if it exists, give this host a user for it in agent.json: {"registries": ${entry}}`
    },
  }
}

async function passwordIn(passwordFile: string): Promise<string> {
  try {
    const password = passwordText(await readRootOwned(passwordFile, passwordFileBytesMax))
    if (password === '') throw new Error('it is empty')
    if (/\p{Cc}/u.test(password)) throw new Error('it holds more than one line')
    return password
  } catch (cause) {
    throw fileError('password_file', passwordFile, cause)
  }
}

/** The Authorization header of Basic authentication (RFC 7617). */
export function basicAuthorization({ username, password }: Login): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
}

/** The error for a registry that gives `what` not to the login that was used, or not without. */
export function unauthorized(
  { name }: Endpoint,
  credentials: Credentials,
  used: Login | null,
  what: string,
  words: string,
): RegistryError {
  const asked = used === null ? 'without credentials' : `to user ${used.username}`
  return new RegistryError('registry-unauthorized', `${name} refuses ${what} ${asked}${words}`, {
    hint: credentials.hint(used),
  })
}
