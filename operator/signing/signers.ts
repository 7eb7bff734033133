import type { Role } from '../../protocol/documents/root.ts'
import { isExposed, type KeyFolder, type OperatorKey, readKeys } from '../folder/keys.ts'
import { Failure } from '../terminal/failure.ts'
import type { Session } from '../terminal/session.ts'

/**
 * As many of this operator's keys as a role's threshold asks for. Throws `Failure` `key-missing`
 * where there are fewer. Warns of key files that others can read.
 */
export async function signersFor(session: Session, role: Role): Promise<readonly OperatorKey[]> {
  const folder = await readKeys(session.settings.keyDir)
  const held = folder.keys.filter((key) => Object.hasOwn(role.keys, key.kid))
  const distinct = [...new Map(held.map((key) => [key.kid, key])).values()]
  if (distinct.length < role.threshold) throw tooFew(session, role, distinct, folder)
  const signers = distinct.slice(0, role.threshold)
  for (const key of signers) {
    if (await isExposed(key)) session.warn(`others can read ${key.path}: chmod 600 ${key.path}`)
  }
  return signers
}

function tooFew(
  session: Session,
  role: Role,
  held: readonly OperatorKey[],
  folder: KeyFolder,
): Failure {
  const wanted = Object.entries(role.keys)
    .map(([kid, key]) => `${key.name} (${kid.slice(0, 8)}…)`)
    .join(', ')
  const has = held.length === 0 ? 'none' : `only ${held.length}`
  const broken = folder.broken.map((failure) => `; ${failure.message}`).join('')
  return new Failure(
    1,
    'key-missing',
    `${role.threshold} of the keys ${wanted} must sign, and ` +
      `${session.settings.keyDir} holds ${has} of them${broken}`,
    { hint: 'name the folder of your keys with --key-dir or COVEY_KEY_DIR' },
  )
}
