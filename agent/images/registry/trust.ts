import { X509Certificate } from 'node:crypto'
import { open } from 'node:fs/promises'
import tls from 'node:tls'
import { RegistryError } from './errors.ts'
import { caFileBytesMax } from './limits.ts'

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

/** Reads a small file of the administrator's. `bytesMax` is the largest that is taken. */
export async function readSmallFile(path: string, bytesMax: number): Promise<Buffer> {
  const file = await open(path)
  try {
    const buffer = Buffer.alloc(bytesMax + 1)
    let filled = 0
    while (filled < buffer.length) {
      const { bytesRead } = await file.read(buffer, filled, buffer.length - filled)
      if (bytesRead === 0) return buffer.subarray(0, filled)
      filled += bytesRead
    }
    throw new Error(`it is larger than ${bytesMax} bytes`)
  } finally {
    await file.close()
  }
}

/** An error of `agent.json`'s files: which, and why. */
export function fileError(field: string, path: string, cause: unknown): RegistryError {
  const why = cause instanceof Error ? ('code' in cause && cause.code) || cause.message : cause
  return new RegistryError('registry-settings', `${field} ${path} cannot be used: ${why}`, {
    hint: `mend the file, or ${field} in agent.json`,
    cause,
  })
}

const pemPattern = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g

/**
 * What certificates are proven against: everything that this machine trusts, and `ca_file` where
 * the registry has one. Rejects with `registry-settings` if that file cannot be used.
 */
export async function trustOf(caFile: string | null): Promise<tls.SecureContext> {
  if (caFile === null) {
    publicTrust ??= tls.createSecureContext({ ca: [...knownAuthorities()] })
    return publicTrust
  }
  try {
    const text = (await readSmallFile(caFile, caFileBytesMax)).toString()
    const own = text.match(pemPattern) ?? []
    if (own.length === 0) throw new Error('it holds no PEM certificate')
    // TLS itself would pass over a damaged one in silence.
    for (const pem of own) new X509Certificate(pem)
    return tls.createSecureContext({ ca: [...knownAuthorities(), ...own] })
  } catch (cause) {
    throw fileError('ca_file', caFile, cause)
  }
}
