import { join } from 'node:path'
import { CompactSign, calculateJwkThumbprint, compactVerify, importJWK } from 'jose'
import * as z from 'zod'
import { makeFolder, writeWhole } from '../files/write-file.ts'
import type { OperatorFolder } from '../folder/folder.ts'
import { type OperatorKey, privateKeyOf } from '../folder/keys.ts'
import { smallFileBytesMax } from '../limits.ts'
import { keysAtHand } from '../signing/signers.ts'
import { Failure } from '../terminal/failure.ts'
import type { Session } from '../terminal/session.ts'
import { type PublicSealingKey, type SealingKey, sealingKeyOf } from './sealing-key.ts'

/** An operator who can read secrets. */
interface Recipient {
  /** Thumbprint of the signing key that the root lists. */
  readonly operator: string
  readonly name: string
  readonly sealing: PublicSealingKey
  /** Thumbprint of the sealing key. */
  readonly kid: string
}

/** The operators of the newest root, as far as they can read secrets. */
export interface Recipients {
  readonly all: readonly Recipient[]
  /** Names of operators who have no card yet: they run `covey secret list` once in this folder. */
  readonly without: readonly string[]
  /** Sealing keys of the operator who runs this. */
  readonly own: readonly SealingKey[]
}

const typ = 'covey-operator+jwt'
const claimsSchema = z.object({
  cluster_id: z.string(),
  sealing_key: z.object({
    kty: z.literal('OKP'),
    crv: z.literal('X25519'),
    x: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
  }),
})

/**
 * Reads the cards of all operators that the newest root lets sign configs, and writes that of the
 * operator who runs this where it is missing: `operators/KID.card`, a compact JWS of the listed
 * key, so that whoever can write the folder cannot make secrets readable to another key.
 *
 * Throws `Failure` `operator-card` for a card that is not its operator's, `sealing-key`,
 * `key-missing` where this operator has no key of the root.
 */
export async function readRecipients(
  session: Session,
  folder: OperatorFolder,
): Promise<Recipients> {
  const { keys } = await keysAtHand(session)
  const listed = Object.entries(folder.chain.newest.config.keys)
  const own: SealingKey[] = []
  const all: Recipient[] = []
  const without: string[] = []
  for (const [operator, { name, jwk }] of listed) {
    const signing = keys.find(({ kid }) => kid === operator)
    if (signing !== undefined) own.push(await ensureCard(session, folder, signing))
    const sealing = await readCard(session, folder, operator, jwk)
    if (sealing === undefined) without.push(name)
    else all.push({ operator, name, sealing, kid: await calculateJwkThumbprint({ ...sealing }) })
  }
  if (own.length === 0) {
    const message = `none of your keys in ${session.settings.keyDir} signs configs of this cluster`
    throw new Failure(1, 'key-missing', message, {
      hint: 'name the folder of your keys with --key-dir or COVEY_KEY_DIR',
    })
  }
  return { all, without, own }
}

function cardPath({ dir }: OperatorFolder, operator: string): string {
  return join(dir, 'operators', `${operator}.card`)
}

async function ensureCard(
  session: Session,
  folder: OperatorFolder,
  owner: OperatorKey,
): Promise<SealingKey> {
  const sealing = await sealingKeyOf(session, owner)
  const path = cardPath(folder, owner.kid)
  if ((await folder.files.look(path)) !== null) return sealing
  const claims = { cluster_id: folder.chain.clusterId, sealing_key: sealing.jwk }
  const card = await new CompactSign(Buffer.from(JSON.stringify(claims)))
    .setProtectedHeader({ alg: 'Ed25519', typ })
    .sign(await privateKeyOf(owner))
  await makeFolder(folder.files, join(folder.dir, 'operators'))
  await writeWhole(folder.files, path, `${card}\n`)
  return sealing
}

async function readCard(
  { io }: Session,
  folder: OperatorFolder,
  operator: string,
  jwk: object,
): Promise<PublicSealingKey | undefined> {
  const path = cardPath(folder, operator)
  if ((await io.files.look(path)) === null) return undefined
  const text = Buffer.from(await io.files.read(path, smallFileBytesMax))
    .toString()
    .trim()
  try {
    const key = await importJWK({ ...jwk }, 'Ed25519')
    const { payload, protectedHeader } = await compactVerify(text, key, { algorithms: ['Ed25519'] })
    const claims = claimsSchema.parse(JSON.parse(new TextDecoder().decode(payload)))
    if (protectedHeader.typ !== typ || claims.cluster_id !== folder.chain.clusterId) {
      throw new Error('another kind of card, or of another cluster')
    }
    return claims.sealing_key
  } catch (cause) {
    const shown = folder.shown(`operators/${operator}.card`)
    throw new Failure(4, 'operator-card', `${shown} is not signed by its operator's key`, {
      hint: 'take it out of the folder, and let that operator run: covey secret list',
      cause,
    })
  }
}
