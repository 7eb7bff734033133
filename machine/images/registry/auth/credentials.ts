import { readRootOwned } from '../../../files/root-owned.ts'
import { passwordFileBytesMax } from '../limits.ts'
import { RegistryError } from '../transport/errors.ts'
import type { Endpoint } from '../trust/endpoints.ts'
import { fileError } from '../trust/trust.ts'

/**
 * The Authorization header of Basic authentication (RFC 7617) with the credentials of `agent.json`,
 * or null where it has none. The file is read again each time, so that a new password needs no
 * restart. Rejects with `registry-settings` if it cannot be used.
 */
export async function basicAuthorization({ credentials }: Endpoint): Promise<string | null> {
  if (credentials === null) return null
  const { username, passwordFile } = credentials
  let password: string
  try {
    const text = (await readRootOwned(passwordFile, passwordFileBytesMax)).toString()
    password = text.replace(/\r?\n$/, '')
    if (password === '') throw new Error('it is empty')
    if (/\p{Cc}/u.test(password)) throw new Error('it holds more than one line')
  } catch (cause) {
    throw fileError('password_file', passwordFile, cause)
  }
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
}

/** Hint for a registry that wants credentials, or other ones. */
function credentialsHint({ name, credentials }: Endpoint): string {
  if (credentials !== null) {
    return `check the username and ${credentials.passwordFile} for ${name} in agent.json`
  }
  const entry = `{"${name}": {"username": "…", "password_file": "/…"}}`
  return `if it exists, give this host a user for it in agent.json: {"registries": ${entry}}`
}

/** The error for a registry that gives `what` not to these credentials, or not without any. */
export function unauthorized(endpoint: Endpoint, what: string, words: string): RegistryError {
  const { name, credentials } = endpoint
  const asked = credentials === null ? 'without credentials' : `to user ${credentials.username}`
  return new RegistryError('registry-unauthorized', `${name} refuses ${what} ${asked}${words}`, {
    hint: credentialsHint(endpoint),
  })
}
