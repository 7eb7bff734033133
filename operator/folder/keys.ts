import { basename, join } from 'node:path'
import { type CryptoKey, calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK } from 'jose'
import type { FileCalls } from '../../platform/files/calls.ts'
import { inspect } from '../../protocol/documents/canonical-json.ts'
import type { PublicJwk } from '../../protocol/documents/root.ts'
import { createWhole, makeFolder } from '../files/write-file.ts'
import { smallFileBytesMax } from '../limits.ts'
import { Failure, systemCode, systemReason } from '../terminal/failure.ts'

/** A private Ed25519 key of an operator, as its file holds it (RFC 8037 section 2). */
export interface OperatorKey {
  readonly path: string
  /** Name of the file without `.jwk.json`, as `home.operator`. */
  readonly name: string
  /** RFC 7638 thumbprint. */
  readonly kid: string
  readonly jwk: PublicJwk
  /** Base64url of the private seed. It is never printed. */
  readonly d: string
}

const suffix = '.jwk.json'

/**
 * Makes a key and its file, `NAME.jwk.json`, mode 0600. Where that name is taken, part of the
 * thumbprint is added to it: a key is never overwritten.
 */
export async function newKey(files: FileCalls, keyDir: string, name: string): Promise<OperatorKey> {
  await makeFolder(files, keyDir, 0o700)
  const { jwk, kid, d } = await makePair()
  const text = `${JSON.stringify({ ...jwk, d, kid, alg: 'Ed25519', use: 'sig' }, null, 2)}\n`
  for (const stem of [name, `${name}.${kid.replace(/[^A-Za-z0-9]/g, '').slice(0, 8)}`]) {
    const path = join(keyDir, `${stem}${suffix}`)
    if (await createWhole(files, path, text, 0o600)) return { path, name: stem, kid, jwk, d }
  }
  throw new Failure(1, 'key-exists', `there is already a key named ${name} in ${keyDir}`)
}

/** A pair whose thumbprint people can name: one of 64 begins as a switch of a command does. */
async function makePair(): Promise<Pick<OperatorKey, 'jwk' | 'kid' | 'd'>> {
  for (;;) {
    const { privateKey } = await generateKeyPair('Ed25519', { extractable: true })
    const { x = '', d = '' } = await exportJWK(privateKey)
    const jwk: PublicJwk = { kty: 'OKP', crv: 'Ed25519', x }
    const kid = await calculateJwkThumbprint({ ...jwk })
    if (!kid.startsWith('-')) return { jwk, kid, d }
  }
}

/** The content of a folder of keys. */
export interface KeyFolder {
  /** By name. */
  readonly keys: readonly OperatorKey[]
  /** Files that should be keys and are not; they hold nobody up who does not need them. */
  readonly broken: readonly Failure[]
}

/** All keys of a folder; one that is not there holds none. */
export async function readKeys(files: FileCalls, keyDir: string): Promise<KeyFolder> {
  let names: readonly string[]
  try {
    const all = await files.list(keyDir)
    names = all.filter((name) => name.endsWith(suffix) && !name.startsWith('.'))
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return { keys: [], broken: [] }
    throw new Failure(1, 'keys-unreadable', `cannot read ${keyDir}: ${systemReason(error)}`, {
      hint: 'name the folder of your keys with --key-dir',
    })
  }
  const keys: OperatorKey[] = []
  const broken: Failure[] = []
  for (const name of [...names].sort()) {
    try {
      keys.push(await readKey(files, join(keyDir, name)))
    } catch (error) {
      if (!(error instanceof Failure)) throw error
      broken.push(error)
    }
  }
  return { keys, broken }
}

/**
 * Reads one key file. Throws `Failure` `key-file` if it is no private Ed25519 JWK, or if its kid is
 * not its own.
 */
export async function readKey(files: FileCalls, path: string): Promise<OperatorKey> {
  const wrong = (why: string, cause?: unknown): Failure =>
    new Failure(2, 'key-file', `${path}: ${why}`, {
      hint: 'put a whole copy of the key back',
      cause,
    })
  let value: Record<string, unknown>
  try {
    const text = await files.read(path, smallFileBytesMax + 1)
    if (text.length > smallFileBytesMax) throw wrong('too large for a key')
    // A byte order mark is taken off, as from every file of the user's.
    const json = new TextDecoder('utf-8', { fatal: true }).decode(text)
    if (json.trim() === '') throw wrong('it is empty')
    value = Object(JSON.parse(json))
    const finding = inspect(json)
    if (finding !== undefined) throw wrong(`${finding.path ?? 'the file'}: ${finding.message}`)
  } catch (error) {
    if (error instanceof Failure) throw error
    // The parser's own message would quote the file, which may be a damaged private key.
    const isText = error instanceof SyntaxError || error instanceof TypeError
    throw wrong(isText ? 'not valid JSON' : systemReason(error))
  }
  const { kty, crv, x, d, kid } = value
  const isSeed = (text: unknown): text is string =>
    typeof text === 'string' && /^[A-Za-z0-9_-]{43}$/.test(text)
  if (kty !== 'OKP' || crv !== 'Ed25519' || !isSeed(x) || !isSeed(d)) {
    throw wrong('not a private Ed25519 key (a JWK with kty, crv, x and d)')
  }
  const jwk: PublicJwk = { kty, crv, x }
  const thumbprint = await calculateJwkThumbprint({ ...jwk })
  if (kid !== undefined && kid !== thumbprint)
    throw wrong('its kid is not the thumbprint of its key')
  return { path, name: basename(path, suffix), kid: thumbprint, jwk, d }
}

/** The key, ready to sign. Throws `Failure` `key-file` where `d` and `x` are not one pair. */
export async function privateKeyOf(key: OperatorKey): Promise<CryptoKey> {
  try {
    return (await importJWK({ ...key.jwk, d: key.d }, 'Ed25519')) as CryptoKey
  } catch (error) {
    throw new Failure(
      2,
      'key-file',
      `${key.path}: its private and public parts do not belong together`,
      {
        hint: 'put a whole copy of the key back',
        cause: error,
      },
    )
  }
}

/** True if others could read the file of a key. */
export async function isExposed(files: FileCalls, key: OperatorKey): Promise<boolean> {
  return (((await files.look(key.path))?.mode ?? 0) & 0o077) !== 0
}
