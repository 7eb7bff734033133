import { compactDecrypt } from 'jose'
import { CoveyError } from '../../protocol/fault.ts'
import { parseSealedHeader, type SealedFor } from '../../reconcilers/runc/bundle/sealed.ts'

/** X25519 key that secrets are sealed to, with its private part (RFC 8037). */
export interface SealingKey {
  readonly kty: 'OKP'
  readonly crv: 'X25519'
  readonly x: string
  readonly d: string
}

const sealAgain = 'seal it again, to the key that `covey identity --json` shows on this host'

/**
 * Opens a secret that was sealed to this host (docs/OBJECTS.md, secret): ECDH-ES with X25519 and
 * A256GCM, nothing else, and only for the cluster, host and name that its header binds to it.
 *
 * Errors name the secret and hold nothing of it: `secret-form`, `secret-algorithm`,
 * `secret-claims`, `secret-key`.
 */
export async function openSecret(
  jwe: string,
  expected: SealedFor,
  sealing: SealingKey,
): Promise<Uint8Array> {
  const { aud, host, name } = expected
  const header = parseSealedHeader(jwe)
  if (!header.ok) {
    const { code, message } = header.fault
    throw new CoveyError(code, `secret ${name} ${message}`, { hint: sealAgain })
  }
  const claims = header.value
  if (claims.aud !== aud || claims.host !== host || claims.name !== name) {
    const whose = `host ${claims.host}, name ${claims.name}`
    const cluster = claims.aud === aud ? '' : ' of another cluster'
    const message = `secret ${name} is sealed for ${whose}${cluster}, and not for this object`
    throw new CoveyError('secret-claims', message, { hint: sealAgain })
  }
  try {
    const { plaintext } = await compactDecrypt(
      jwe,
      { ...sealing, alg: 'ECDH-ES' },
      {
        keyManagementAlgorithms: ['ECDH-ES'],
        contentEncryptionAlgorithms: ['A256GCM'],
        maxDecompressedLength: 0,
      },
    )
    return plaintext
  } catch {
    // What went wrong in there could tell about the content; which key it was for, nobody knows.
    const message = `secret ${name} cannot be opened: it is sealed to another key, or was changed`
    throw new CoveyError('secret-key', message, { hint: sealAgain })
  }
}
