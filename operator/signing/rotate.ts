import type { DeliveryText } from '../../protocol/documents/delivery.ts'
import { faultText } from '../../protocol/fault.ts'
import type { HeldRoot } from '../../protocol/node/durable.ts'
import { whileEditing } from '../folder/edit-lock.ts'
import type { OperatorFolder } from '../folder/folder.ts'
import { listUnfinished, newestConfig } from '../folder/history.ts'
import { chainOf } from '../folder/roots.ts'
import { readRotation, recordRotation, takeDelivery } from '../folder/rotations.ts'
import { Failure } from '../terminal/failure.ts'
import type { Session } from '../terminal/session.ts'
import { shellWord } from '../terminal/shell-word.ts'
import { type AssessedDelivery, assessDelivery } from './delivery.ts'
import { unknownMembers } from './draft.ts'
import { expectNewestRoot, payloadFor, signConfig } from './make-config.ts'
import { nextRootText, type Roles } from './root-change.ts'
import { assessRoot, envelopeOf, missingText } from './root-proof.ts'
import { signPayload } from './sign.ts'
import { chooseSigners, type KeysAtHand, warnOfExposed } from './signers.ts'
import type { VerifiedConfig } from './verify.ts'

/** A rotation that is to be. */
export interface Rotation {
  readonly roles: Roles
  readonly keys: KeysAtHand
  /** The other side of a fork of the newest root, which the rotation settles. */
  readonly rival: HeldRoot | undefined
  /** Carries the hosts of this config instead of the newest of the history. */
  readonly base: VerifiedConfig | undefined
  /** Gives up this operator's root keys. */
  readonly force: boolean
  /** Replaces a rotation that waits for signatures. */
  readonly abandon: boolean
}

/**
 * Makes root N+1 and the config (N+1, 1), signs both as far as the keys at hand go, and records
 * them durably before it returns (operator/folder/rotations.ts).
 *
 * Throws `Failure` with exit code 4 and `locks-out`, `rotation-waits`, `too-few-keys`; with 2 and
 * the faults of `parseRoot`; with 1 and `root-rotated`, `history-damaged`, `cannot-write`.
 */
export async function rotateRoot(
  session: Session,
  folder: OperatorFolder,
  rotation: Rotation,
): Promise<AssessedDelivery> {
  expectVoucher(folder, rotation.keys)
  expectNotLockedOut(rotation)
  return await whileEditing(session.io, folder, async () => {
    await expectNewestRoot(folder)
    const { chain } = folder
    const epoch = chain.newest.epoch + 1
    const waiting = await expectNoneWaits(folder, rotation.abandon)
    const root = await makeRoot(session, folder, rotation)
    const delivery = await withConfig(session, folder, rotation, root)
    const assessed = await assessDelivery(delivery, chain)
    if (!assessed.ok) throw new Failure(1, assessed.fault.code, faultText(assessed.fault))
    const { missing } = assessed.value
    if (rotation.rival !== undefined && missing.length > 0) {
      const message = `settling a fork needs more keys: ${missingText(missing)}`
      throw new Failure(4, 'too-few-keys', message, {
        hint: 'bring the keys together in one --key-dir, or name one with --key',
      })
    }
    if (!(await recordRotation(folder, epoch, delivery, waiting !== undefined)))
      throw waits(folder, epoch)
    if (missing.length === 0) await takeDelivery(folder, assessed.value)
    return assessed.value
  })
}

/**
 * The rotation that waits for signatures, if one may be thrown away. Throws `rotation-waits`. A key
 * that is made for a rotation is made after this: refused again and again, it would leave a key
 * behind each time.
 */
export async function expectNoneWaits(
  folder: OperatorFolder,
  abandon: boolean,
): Promise<DeliveryText | undefined> {
  const epoch = folder.chain.newest.epoch + 1
  const waiting = await readRotation(folder, epoch)
  if (waiting !== undefined && !abandon) throw waits(folder, epoch)
  return waiting
}

function waits(folder: OperatorFolder, epoch: number): Failure {
  const path = folder.shown(`rotations/${epoch}.json`)
  const sign = `covey root sign ${shellWord(path)} -o FILE`
  return new Failure(4, 'rotation-waits', `root ${epoch} already exists, and waits in ${path}`, {
    hint: `let the others sign it: ${sign}; or discard it: --abandon`,
  })
}

/** Throws `too-few-keys` where no key at hand may sign the next root document. */
export function expectVoucher({ chain }: OperatorFolder, { keys }: KeysAtHand): void {
  const { root } = chain.newest
  if (keys.some(({ kid }) => Object.hasOwn(root.keys, kid))) return
  const names = Object.values(root.keys).map(({ name }) => name)
  const message = `none of your keys may sign root documents; those of ${names.join(', ')} may`
  throw new Failure(4, 'too-few-keys', message, {
    hint: 'name the folder of your keys with --key-dir, or the recovery key with --key',
  })
}

/** Whoever rotates must still be able to sign: leaving is for those who stay to write down. */
function expectNotLockedOut({ roles, keys, force }: Rotation): void {
  const holds = (role: Roles['root']): boolean =>
    keys.keys.some(({ kid }) => Object.hasOwn(role.keys, kid))
  if (!holds(roles.config)) {
    const message = 'none of your keys could sign configs afterwards, not even this one'
    throw new Failure(4, 'locks-out', message, {
      hint: 'let one of those who stay do it; a lost key is replaced with --replace-own-key',
    })
  }
  if (force || holds(roles.root)) return
  const message = 'none of your keys could sign a root document afterwards'
  throw new Failure(4, 'locks-out', message, {
    hint: 'name a key that could with --key, or use --force',
  })
}

async function makeRoot(
  session: Session,
  { chain }: OperatorFolder,
  { roles, keys, rival }: Rotation,
): Promise<DeliveryText['roots'][number]> {
  const before = [chain.held.at(-1), rival].filter((one) => one !== undefined)
  const text = nextRootText(
    chain.newest,
    roles,
    before.map(({ digest }) => digest),
  )
  if (!text.ok) {
    const hint = text.fault.code === 'root-threshold' ? { hint: thresholdHint } : {}
    throw new Failure(2, text.fault.code, faultText(text.fault), hint)
  }
  const required = [...before.map(({ root }) => root.root), roles.root]
  const signers = chooseSigners(keys.keys, required, [chain.newest.config, roles.config])
  await warnOfExposed(session, signers)
  return await signPayload('root', text.value, signers)
}

const thresholdHint = 'also set it: --threshold 1, or --threshold-root and --threshold-config'

/** The config (N+1, 1): the same hosts, under the new root. */
async function withConfig(
  session: Session,
  folder: OperatorFolder,
  rotation: Rotation,
  root: DeliveryText['roots'][number],
): Promise<DeliveryText> {
  const { chain } = folder
  const { rival, keys } = rotation
  const rivals = rival === undefined ? [] : [...chain.rivals, rival]
  const assessed = await assessRoot(root, chain.held, rivals)
  if (!assessed.ok) throw new Failure(1, assessed.fault.code, faultText(assessed.fault))
  const grown = chainOf([...chain.held, assessed.value.root], rivals)
  const base = rotation.base ?? (await newestConfig(folder))
  for (const { epoch, version } of await listUnfinished(folder)) {
    const waiting = folder.shown(`unfinished/${epoch}.${version}.json`)
    session.warn(`${waiting} waits for signatures, and the new epoch leaves it out`)
  }
  const draft = {
    hosts: base?.config.hosts ?? {},
    others: base === null ? {} : unknownMembers(base.text),
    allowIsolation: [],
    version: undefined,
  }
  const options = { allowGap: false, allowIsolation: false }
  const payload = payloadFor(session, grown, draft, options, { base, taken: 0 })
  const { config: role } = grown.newest
  const config = await signConfig(grown, payload, chooseSigners(keys.keys, [role], [role]))
  const fork = rival === undefined ? [] : [chain.held.at(-1), rival]
  const before = fork.filter((one) => one !== undefined).map(envelopeOf)
  return { roots: [...before, root], config: config.envelope }
}
