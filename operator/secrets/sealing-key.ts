import { join } from 'node:path'
import { calculateJwkThumbprint, exportJWK, generateKeyPair } from 'jose'
import * as z from 'zod'
import { createWhole, makeFolder } from '../files/write-file.ts'
import type { OperatorKey } from '../folder/keys.ts'
import { smallFileBytesMax } from '../limits.ts'
import { Failure, systemCode, systemReason } from '../terminal/failure.ts'
import type { Session } from '../terminal/session.ts'

/** A public X25519 key (RFC 8037 section 2). */
export interface PublicSealingKey {
  readonly kty: 'OKP'
  readonly crv: 'X25519'
  readonly x: string
}

/** An operator's key for reading secrets. It lies beside the signing key whose name it has. */
export interface SealingKey {
  readonly jwk: PublicSealingKey
  /** Base64url of the private part. It is never printed. */
  readonly d: string
  /** RFC 7638 thumbprint. */
  readonly kid: string
}

const part = z.string().regex(/^[A-Za-z0-9_-]{43}$/)
const keySchema = z.object({ kty: z.literal('OKP'), crv: z.literal('X25519'), x: part, d: part })

/**
 * Reads the sealing key that belongs to a signing key, and makes it, mode 0600, where there is
 * none. Throws `Failure` `sealing-key` where the file is damaged.
 */
export async function sealingKeyOf(session: Session, owner: OperatorKey): Promise<SealingKey> {
  const path = keyPath(session, owner)
  const { files } = session.io
  if ((await files.look(path)) === null) {
    await makeFolder(files, session.settings.keyDir, 0o700)
    const pair = await generateKeyPair('ECDH-ES', { crv: 'X25519', extractable: true })
    const { kty, crv, x, d } = await exportJWK(pair.privateKey)
    const text = `${JSON.stringify({ kty, crv, x, d, use: 'enc' }, null, 2)}\n`
    // Where another process made it meanwhile, that one counts.
    await createWhole(files, path, text, 0o600)
  }
  return await readSealingKey(session, path)
}

function keyPath({ settings }: Session, { name }: OperatorKey): string {
  return join(settings.keyDir, `${name}.sealing.json`)
}

async function readSealingKey({ io }: Session, path: string): Promise<SealingKey> {
  const wrong = (why: string): Failure =>
    new Failure(2, 'sealing-key', `${path}: ${why}`, { hint: 'put a whole copy of the key back' })
  let value: unknown
  try {
    value = JSON.parse(Buffer.from(await io.files.read(path, smallFileBytesMax)).toString())
  } catch (error) {
    throw wrong(systemCode(error) === '' ? 'not valid JSON' : systemReason(error))
  }
  const parsed = keySchema.safeParse(value)
  if (!parsed.success) throw wrong('not a private X25519 key (a JWK with kty, crv, x and d)')
  const { d, ...jwk } = parsed.data
  return { jwk, d, kid: await calculateJwkThumbprint(jwk) }
}
