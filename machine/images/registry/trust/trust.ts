import { X509Certificate } from 'node:crypto'
import tls from 'node:tls'
import { CoveyError } from '../../../../protocol/fault.ts'
import { systemReason } from '../../../../protocol/system-reason.ts'
import { readRootOwned } from '../../../files/root-owned.ts'
import { caFileBytesMax } from '../limits.ts'
import { RegistryError } from '../transport/errors.ts'

let publicAuthorities: readonly string[] | undefined
let publicTrust: tls.SecureContext | undefined

/** Certificates that Node brings, those of NODE_EXTRA_CA_CERTS, and those of this machine. */
function knownAuthorities(): readonly string[] {
  publicAuthorities ??= [
    ...new Set(
      [...tls.getCACertificates('default'), ...tls.getCACertificates('system')].map((pem) => {
        return pem.trim()
      }),
    ),
  ]
  return publicAuthorities
}

/** An error of `agent.json`'s files: which, and why. */
export function fileError(field: string, path: string, cause: unknown): RegistryError {
  const isOurs = cause instanceof CoveyError
  const isSystem = cause instanceof Error && 'errno' in cause
  const why = isSystem ? systemReason(cause) : cause instanceof Error ? cause.message : cause
  const hint = isOurs ? cause.hint : undefined
  return new RegistryError('registry-settings', `${field} ${path} cannot be used: ${why}`, {
    hint: hint ?? `correct the file, or ${field} in agent.json`,
    cause,
  })
}

const pemPattern = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g

/**
 * CA certificates: everything that this machine trusts, and `ca_file` if
 * the registry has one. Rejects with `registry-settings` if that file cannot be used.
 */
export async function trustOf(caFile: string | null): Promise<tls.SecureContext> {
  if (caFile === null) {
    publicTrust ??= tls.createSecureContext({ ca: [...knownAuthorities()] })
    return publicTrust
  }
  try {
    const text = (await readRootOwned(caFile, caFileBytesMax)).toString()
    const own = text.match(pemPattern) ?? []
    if (own.length === 0) throw new Error('it holds no PEM certificate')
    // TLS itself would pass over a damaged one in silence.
    for (const pem of own) new X509Certificate(pem)
    return tls.createSecureContext({ ca: [...knownAuthorities(), ...own] })
  } catch (cause) {
    throw fileError('ca_file', caFile, cause)
  }
}
