import type { Role } from '../../protocol/documents/root.ts'
import { isExposed, type KeyFolder, type OperatorKey, readKey, readKeys } from '../folder/keys.ts'
import { Failure } from '../terminal/failure.ts'
import type { Session } from '../terminal/session.ts'
import { shellWord } from '../terminal/shell-word.ts'

/** The keys that may be signed with in this run. */
export interface KeysAtHand {
  /** Those of the key folder, and the one that was named. */
  readonly keys: readonly OperatorKey[]
  readonly folder: KeyFolder
}

/** Reads the key folder, and the key in `file` where one is named. */
export async function keysAtHand(
  session: Session,
  file: string | undefined = undefined,
): Promise<KeysAtHand> {
  const folder = await readKeys(session.io.files, session.settings.keyDir)
  const named = file === undefined ? [] : [await readKey(session.io.files, session.path(file))]
  const distinct = new Map([...folder.keys, ...named].map((key) => [key.kid, key]))
  return { keys: [...distinct.values()], folder }
}

/**
 * As few of the keys as bring every role to its threshold, or as near to it as they can; `signed`
 * are the keys that have signed already. Keys of a `daily` role come first, so that a recovery key
 * is used only where it is needed; then those of more roles.
 */
export function chooseSigners(
  keys: readonly OperatorKey[],
  roles: readonly Role[],
  daily: readonly Role[],
  signed: readonly string[] = [],
): readonly OperatorKey[] {
  const within = ({ kid }: OperatorKey, all: readonly Role[]): number =>
    all.filter((role) => Object.hasOwn(role.keys, kid)).length
  const weight = (key: OperatorKey): number =>
    (within(key, daily) > 0 ? roles.length + 1 : 0) + within(key, roles)
  const sorted = [...keys].sort((a, b) => weight(b) - weight(a))
  const chosen = new Map<string, OperatorKey>()
  for (const role of roles) {
    const has = ({ kid }: { kid: string }): boolean => Object.hasOwn(role.keys, kid)
    const counted = new Set([...signed, ...chosen.keys()].filter((kid) => has({ kid })))
    for (const key of sorted.filter(has)) {
      if (counted.size >= role.threshold) break
      if (counted.has(key.kid)) continue
      counted.add(key.kid)
      chosen.set(key.kid, key)
    }
  }
  return [...chosen.values()]
}

/**
 * As many of this operator's keys as a role's threshold asks for; fewer, but at least one, where
 * others may add theirs. Throws `Failure` `key-missing` otherwise. Warns of key files that others
 * can read.
 */
export async function signersFor(
  session: Session,
  role: Role,
  options: { readonly withOthers: boolean },
): Promise<readonly OperatorKey[]> {
  const { keys, folder } = await keysAtHand(session)
  const signers = chooseSigners(keys, [role], [role])
  const enough = signers.length >= (options.withOthers ? 1 : role.threshold)
  if (!enough) throw tooFew(session, role, signers, folder)
  await warnOfExposed(session, signers)
  return signers
}

/** Warns of key files that others can read. */
export async function warnOfExposed(
  session: Session,
  signers: readonly OperatorKey[],
): Promise<void> {
  for (const key of signers) {
    const chmod = `chmod 600 ${shellWord(key.path)}`
    if (await isExposed(session.io.files, key))
      session.warn(`others can read ${key.path}: ${chmod}`)
  }
}

/** The failure where too few keys of a role are at hand. */
export function tooFew(
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
  const hint =
    held.length === 0
      ? 'name the folder of your keys with --key-dir or COVEY_KEY_DIR'
      : 'sign without sending (covey apply --offline -o FILE), let the others add their ' +
        'signatures (covey sign --add FILE -o FILE), then covey inject FILE'
  return new Failure(
    1,
    'key-missing',
    `${role.threshold} of the keys ${wanted} must sign, and ` +
      `${session.settings.keyDir} holds ${has} of them${broken}`,
    { hint },
  )
}
