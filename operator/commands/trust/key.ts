import { flattenedVerify, importJWK } from 'jose'
import { isName } from '../../../protocol/names.ts'
import { findFolder, openFolder } from '../../folder/folder.ts'
import { newKey, type OperatorKey, readKey, readKeys } from '../../folder/keys.ts'
import { type RootChain, readRoots } from '../../folder/roots.ts'
import { signPayload } from '../../signing/sign.ts'
import { Failure } from '../../terminal/failure.ts'
import { jsonText, type Session } from '../../terminal/session.ts'
import { type Cell, table } from '../../terminal/style.ts'
import type { Input } from '../definition.ts'

/** `covey key new [NAME]`. */
export async function makeKey(session: Session, input: Input): Promise<void> {
  const [name = 'operator'] = input.args
  if (!name.split('.').every(isName)) {
    throw new Failure(2, 'name', `"${name}" cannot name a key`, {
      hint: 'for example: covey key new alice',
    })
  }
  const key = await newKey(session.io.files, session.settings.keyDir, name)
  session.result(
    { name: key.name, kid: key.kid, file: key.path, jwk: key.jwk },
    `${key.name}: a new key, ${key.kid}\nits private part stays in ${key.path}\n`,
  )
}

/** `covey key list`. */
export async function listKeys(session: Session): Promise<void> {
  const { keys, broken } = await readKeys(session.io.files, session.settings.keyDir)
  const chain = await chainIfAny(session)
  for (const failure of broken) session.warn(failure.message)
  const rows = keys.map((key) => ({
    name: key.name,
    kid: key.kid,
    file: key.path,
    roles: rolesOf(key.kid, chain),
  }))
  const cells = rows.map(({ name, kid, roles }): readonly Cell[] => [
    name,
    kid,
    roles.join(', ') || (chain === undefined ? '' : '-'),
  ])
  const none = `no keys in ${session.settings.keyDir}: covey init or covey key new makes one\n`
  const heads = [
    'NAME',
    'KID',
    chain === undefined ? '' : `SIGNS IN ${chain.cluster.toUpperCase()}`,
  ]
  session.result({ keys: rows }, rows.length === 0 ? none : table(heads, cells, session.paint))
}

/** `covey key show KEY`: never more than the public part. */
export async function showKey(session: Session, input: Input): Promise<void> {
  const [asked = ''] = input.args
  const { keys } = await readKeys(session.io.files, session.settings.keyDir)
  const named = keys.filter((key) => key.name === asked || key.kid === asked)
  const found = named.length > 0 ? named : keys.filter((key) => key.kid.startsWith(asked))
  const [key] = found
  if (key === undefined || found.length > 1) {
    const why = key === undefined ? 'no key' : `${found.length} keys`
    throw new Failure(2, 'no-such-key', `${why} in ${session.settings.keyDir} for "${asked}"`, {
      hint: `covey key list`,
    })
  }
  session.result(
    publicFacts(key, await chainIfAny(session)),
    jsonText({ ...key.jwk, kid: key.kid }),
  )
}

function publicFacts(key: OperatorKey, chain: RootChain | undefined): object {
  return {
    name: key.name,
    kid: key.kid,
    file: key.path,
    jwk: key.jwk,
    roles: rolesOf(key.kid, chain),
  }
}

/** `covey key check-recovery [FILE]`: whole, and in the newest root's root role. */
export async function checkRecovery(session: Session, input: Input): Promise<void> {
  const { chain } = await openFolder(session)
  const [file] = input.args
  const key =
    file === undefined
      ? await keptRecovery(session, chain)
      : await readKey(session.io.files, session.path(file))
  const envelope = await signPayload('root', 'covey key check-recovery', [key])
  const [signature] = envelope.signatures
  const verified =
    signature !== undefined &&
    (await flattenedVerify(
      { payload: envelope.payload, ...signature },
      await importJWK({ ...key.jwk }, 'Ed25519'),
      { algorithms: ['Ed25519'] },
    ).then(
      () => true,
      () => false,
    ))
  if (!verified) {
    const message = `${key.path}: its signatures do not verify`
    throw new Failure(1, 'key-file', message, { hint: 'put a whole copy of the key back' })
  }
  if (!Object.hasOwn(chain.newest.root.keys, key.kid)) {
    const message = `${key.path}: this key may not sign root documents of ${chain.cluster}`
    throw new Failure(4, 'key-role', message, {
      hint: 'covey key list shows what each key may sign',
    })
  }
  const kept = key.path.startsWith(`${session.settings.keyDir}/`)
  if (kept) session.warn(`the recovery key is still in ${session.settings.keyDir}: move it offline`)
  if (Object.hasOwn(chain.newest.config.keys, key.kid)) {
    session.warn('this key also signs configs: it is in daily use, so it is not a recovery key')
  }
  session.result(
    { ...publicFacts(key, chain), whole: true, offline: !kept },
    `${key.name}: whole, and may sign the next root document of ${chain.cluster}\n`,
  )
}

async function keptRecovery(session: Session, chain: RootChain): Promise<OperatorKey> {
  const { keys } = await readKeys(session.io.files, session.settings.keyDir)
  const { root, config } = chain.newest
  const found = keys.find(
    (key) => Object.hasOwn(root.keys, key.kid) && !Object.hasOwn(config.keys, key.kid),
  )
  if (found !== undefined) return found
  const message = `there is no recovery key of ${chain.cluster} in ${session.settings.keyDir}`
  throw new Failure(2, 'key-missing', message, {
    hint: 'name its file: covey key check-recovery /media/usb/home.recovery.jwk.json',
  })
}

async function chainIfAny(session: Session): Promise<RootChain | undefined> {
  const dir = await findFolder(session)
  return dir === undefined ? undefined : await readRoots({ dir, files: session.io.files })
}

function rolesOf(kid: string, chain: RootChain | undefined): readonly string[] {
  if (chain === undefined) return []
  const { root, config } = chain.newest
  return [
    ...(Object.hasOwn(config.keys, kid) ? ['configs'] : []),
    ...(Object.hasOwn(root.keys, kid) ? ['root documents'] : []),
  ]
}
