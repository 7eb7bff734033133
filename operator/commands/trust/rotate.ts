import { calculateJwkThumbprint } from 'jose'
import { isObject } from '../../../protocol/documents/canonical-json.ts'
import type { PublicJwk } from '../../../protocol/documents/root.ts'
import { type Checked, type Fault, faultText } from '../../../protocol/fault.ts'
import { signaturesMax } from '../../../protocol/limits.ts'
import { isName } from '../../../protocol/names.ts'
import { readSource } from '../../files/read-text.ts'
import { type OperatorFolder, openFolder } from '../../folder/folder.ts'
import { newKey, type OperatorKey } from '../../folder/keys.ts'
import { smallFileBytesMax } from '../../limits.ts'
import {
  type NamedKey,
  namesIn,
  type RoleName,
  type Roles,
  rolesOf,
  withOperator,
  withoutOperator,
  withReplacement,
  withThresholds,
} from '../../signing/root-change.ts'
import { expectNoneWaits, expectVoucher, rotateRoot } from '../../signing/rotate.ts'
import { type KeysAtHand, keysAtHand } from '../../signing/signers.ts'
import { parseJsonSource } from '../../sources/json-source.ts'
import { Failure } from '../../terminal/failure.ts'
import type { Session } from '../../terminal/session.ts'
import { readBase } from '../config/sign.ts'
import type { Input } from '../definition.ts'
import { expectOutput } from './deliver.ts'
import { readRival } from './read-rival.ts'
import { sayDelivery } from './say-delivery.ts'

/** `covey operator add NAME --key FILE`. */
export async function addOperator(session: Session, input: Input): Promise<void> {
  const [name = ''] = input.args
  const file = input.text('key')
  if (!isName(name)) throw new Failure(2, 'name', `"${name}" cannot name an operator`)
  if (file === undefined) {
    throw new Failure(2, 'usage', 'missing the key: --key FILE', {
      hint: 'they make it with covey key new, and print it with covey key show > NAME.jwk.json',
    })
  }
  const key = { name, ...(await readPublicKey(session, file)) }
  await rotateWith(session, input, input.text('signWith'), (roles) => {
    const changed = taken(withOperator(roles, key, roleNames(input)))
    return withThresholds(changed, thresholdsOf(input))
  })
}

/** `covey operator remove NAME`. */
export async function removeOperator(session: Session, input: Input): Promise<void> {
  const [name = ''] = input.args
  await rotateWith(session, input, input.text('signWith'), (roles) => {
    const changed = taken(withoutOperator(roles, name, roleNames(input)))
    return withThresholds(changed, thresholdsOf(input))
  })
}

/** `covey root rotate`. */
export async function rotate(session: Session, input: Input): Promise<void> {
  const thresholds = {
    ...threshold(input, 'root', 'thresholdRoot'),
    ...threshold(input, 'config', 'thresholdConfig'),
  }
  const replaces = input.is('replaceOwnKey')
  await rotateWith(session, input, input.text('key'), async (roles, folder, keys) => {
    const wanted = withThresholds(roles, thresholds)
    if (!replaces) return wanted
    expectVoucher(folder, keys)
    await expectNoneWaits(folder, input.is('abandon'))
    const old = ownKid(wanted, keys, input.text('replace'))
    const key = await newKey(
      session.io.files,
      session.settings.keyDir,
      `${folder.chain.cluster}.operator`,
    )
    session.note(`new key: ${key.path}`)
    return { roles: withReplacement(wanted, old, asNamed(key)), newKey: key }
  })
}

type Change = (
  roles: Roles,
  folder: OperatorFolder,
  keys: KeysAtHand,
) => Roles | Promise<Roles | { readonly roles: Roles; readonly newKey: OperatorKey }>

async function rotateWith(
  session: Session,
  input: Input,
  keyFile: string | undefined,
  change: Change,
): Promise<void> {
  const folder = await openFolder(session)
  const keys = await keysAtHand(session, keyFile)
  const baseFile = input.text('base')
  const base = baseFile === undefined ? undefined : await readBase(session, folder, baseFile)
  const other = input.text('settle')
  const rival = other === undefined ? undefined : await readRival(session, folder, other)
  await expectOutput(session, input)
  const changed = await change(rolesOf(folder.chain.newest), folder, keys)
  const made = 'newKey' in changed ? [changed.newKey] : []
  const assessed = await rotateRoot(session, folder, {
    roles: 'newKey' in changed ? changed.roles : changed,
    keys: { ...keys, keys: [...keys.keys, ...made] },
    rival,
    base,
    force: input.is('force'),
    abandon: input.is('abandon'),
  })
  await sayDelivery(session, folder, input, assessed)
}

/**
 * The key that is replaced: that of the named operator, else the one at hand that signs configs,
 * else the only one there is.
 */
function ownKid(roles: Roles, { keys }: KeysAtHand, name: string | undefined): string {
  const entries = Object.entries(roles.config.keys)
  const named = entries.filter(([, key]) => key.name === name)
  const held = entries.filter(([kid]) => keys.some((key) => key.kid === kid))
  const found = name !== undefined ? named : held.length > 0 ? held : entries
  const [only] = found
  if (only !== undefined && found.length === 1) return only[0]
  const message = name === undefined ? 'whose key is to be replaced' : `whose key is "${name}"`
  throw new Failure(2, 'which-key', `${message}: ${namesIn(roles).join(', ')}`, {
    hint: 'covey root rotate --replace-own-key --replace NAME',
  })
}

function asNamed({ kid, jwk, name }: OperatorKey): NamedKey {
  return { kid, jwk, name }
}

/** Reads a public key. A private one has no business in anybody else's hands. */
async function readPublicKey(
  session: Session,
  file: string,
): Promise<{ readonly kid: string; readonly jwk: PublicJwk }> {
  const options = { bytesMax: smallFileBytesMax, kind: 'a public key (JWK)' }
  const { value } = parseJsonSource(await readSource(session, file, options))
  const jwk = isObject(value) && isObject(value['jwk']) ? value['jwk'] : value
  const wrong = (why: string): Failure =>
    new Failure(2, 'key-file', `${file}: ${why}`, {
      hint: 'the public part of a key is what covey key show prints',
    })
  if (!isObject(jwk)) throw wrong('not a JWK')
  const { kty, crv, x, d, kid } = jwk
  if (d !== undefined) throw wrong('it is a private key, which must stay with its owner')
  if (kty !== 'OKP' || crv !== 'Ed25519' || typeof x !== 'string') {
    throw wrong('not a public Ed25519 key (a JWK with kty, crv and x)')
  }
  const thumbprint = await calculateJwkThumbprint({ kty, crv, x })
  if (kid !== undefined && kid !== thumbprint)
    throw wrong('its kid is not the thumbprint of its key')
  return { kid: thumbprint, jwk: { kty, crv, x } }
}

function roleNames(input: Input): readonly RoleName[] {
  const role = input.text('role') ?? 'both'
  if (role === 'both') return ['root', 'config']
  if (role === 'root' || role === 'config') return [role]
  throw new Failure(2, 'usage', `--role ${role}: must be config, root or both`)
}

function thresholdsOf(input: Input): Partial<Record<RoleName, number>> {
  return Object.assign({}, ...roleNames(input).map((role) => threshold(input, role, 'threshold')))
}

function threshold(
  input: Input,
  role: RoleName,
  option: string,
): Partial<Record<RoleName, number>> {
  const text = input.text(option)
  if (text === undefined) return {}
  if (/^[1-9]\d?$/.test(text) && Number(text) <= signaturesMax) return { [role]: Number(text) }
  throw new Failure(2, 'usage', `a threshold must be 1 to ${signaturesMax}, not "${text}"`)
}

function taken(checked: Checked<Roles>): Roles {
  if (checked.ok) return checked.value
  const { code }: Fault = checked.fault
  throw new Failure(code === 'operator-known' ? 4 : 2, code, faultText(checked.fault), {
    hint: 'covey root show lists who may sign',
  })
}
