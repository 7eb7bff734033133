import type { DeliveryText } from '../../../protocol/documents/delivery.ts'
import type { Envelope } from '../../../protocol/documents/envelope.ts'
import { faultText } from '../../../protocol/fault.ts'
import { headText } from '../../../protocol/heads.ts'
import { whileEditing } from '../../folder/edit-lock.ts'
import { type OperatorFolder, openFolder } from '../../folder/folder.ts'
import { newestConfig } from '../../folder/history.ts'
import { readRotation, recordRotation, takeDelivery } from '../../folder/rotations.ts'
import { type AssessedDelivery, assessDelivery } from '../../signing/delivery.ts'
import { configFaults } from '../../signing/draft.ts'
import { leavesOut } from '../../signing/lost-branches.ts'
import { expectNewestRoot } from '../../signing/make-config.ts'
import { changesIn } from '../../signing/root-change.ts'
import { missingText } from '../../signing/root-proof.ts'
import { mergedSignatures, withSignatures } from '../../signing/sign.ts'
import { chooseSigners, keysAtHand, warnOfExposed } from '../../signing/signers.ts'
import { parseJsonSource } from '../../sources/json-source.ts'
import { expectNoFaults } from '../../sources/located.ts'
import { Failure } from '../../terminal/failure.ts'
import type { Session } from '../../terminal/session.ts'
import type { Input } from '../definition.ts'
import { expectOutput } from './deliver.ts'
import { readDelivery } from './read-delivery.ts'
import { sayDelivery } from './say-delivery.ts'

/** `covey root sign DELIVERY`. */
export async function signRoot(session: Session, input: Input): Promise<void> {
  const folder = await openFolder(session)
  const [file = '-'] = input.args
  const delivery = await readDelivery(session, file)
  if (delivery.roots.length === 0) {
    throw new Failure(2, 'no-roots', `${file}: a signed config alone, without a root document`, {
      hint: 'covey sign --add FILE adds a signature to a config',
    })
  }
  await expectOutput(session, input)
  await signDelivery(session, folder, delivery, input)
}

/**
 * Adds this operator's signatures to a delivery, and takes it into the folder once it has them all.
 * Throws `Failure` with exit code 4 where it does not follow what this folder holds: the faults of
 * `assessDelivery`, `rotation-other`, `lost-branch`, `hosts-differ`, `nothing-to-add`.
 */
export async function signDelivery(
  session: Session,
  folder: OperatorFolder,
  handed: DeliveryText,
  input: Input,
): Promise<void> {
  const signed = await whileEditing(session.io, folder, async () => {
    await expectNewestRoot(folder)
    const epoch = folder.chain.newest.epoch + 1
    const merged = await withOwnCopy(folder, handed, epoch, input.is('abandon'))
    const assessed = await assess(folder, merged)
    if (assessed.newest === null) return assessed
    for (const change of changesIn(folder.chain.newest, assessed.chain.newest)) session.note(change)
    const fault = await hostsFault(folder, assessed)
    // What has all its signatures is in force whatever this folder thinks of it.
    const binding = assessed.missing.length > 0 && !input.is('force')
    if (fault !== undefined && binding) throw fault
    if (fault !== undefined) session.warn(fault.message)
    const added = await addSignatures(session, folder, assessed, input.text('key'))
    await recordRotation(folder, epoch, added.delivery, true)
    if (added.missing.length === 0) await takeDelivery(folder, added)
    return added
  })
  await sayDelivery(session, folder, input, signed)
}

async function assess(folder: OperatorFolder, delivery: DeliveryText): Promise<AssessedDelivery> {
  const assessed = await assessDelivery(delivery, folder.chain)
  if (!assessed.ok) {
    throw new Failure(4, assessed.fault.code, faultText(assessed.fault), {
      hint: 'sign only what follows the roots of this folder; is it up to date?',
    })
  }
  const { text } = assessed.value.config
  const inner = parseJsonSource({ file: 'config(payload)', text })
  expectNoFaults(inner, configFaults(inner.value))
  return assessed.value
}

/** With the signatures of the copy in this folder; another rotation there must not be joined. */
async function withOwnCopy(
  folder: OperatorFolder,
  handed: DeliveryText,
  epoch: number,
  abandon: boolean,
): Promise<DeliveryText> {
  const own = await readRotation(folder, epoch)
  if (own === undefined) return handed
  const [ours, theirs] = [own.roots.at(-1), handed.roots.at(-1)]
  const isHeld = (one: Envelope | undefined): boolean =>
    folder.chain.envelopes.some(({ payload }) => payload === one?.payload)
  if (ours === undefined || theirs === undefined || isHeld(theirs)) return handed
  const same = ours.payload === theirs.payload && own.config.payload === handed.config.payload
  if (same) {
    const roots = [...handed.roots.slice(0, -1), mergedSignatures(theirs, ours)]
    return { roots, config: mergedSignatures(handed.config, own.config) }
  }
  if (abandon) return handed
  const message = `another root ${epoch} waits in rotations/${epoch}.json: two would be a fork`
  throw new Failure(4, 'rotation-other', message, {
    hint: 'agree on one; --abandon discards the one in this folder',
  })
}

/** A rotation changes who may sign, and nothing else; what else it does is a reason not to sign. */
async function hostsFault(
  folder: OperatorFolder,
  { config: { head, config } }: AssessedDelivery,
): Promise<Failure | undefined> {
  const newest = await newestConfig(folder)
  if (newest === null || newest.head.digest === head.digest) return undefined
  const hint = 'have it made again on the newest config, or use --force'
  if (leavesOut(config, newest.head)) {
    const message = `its config leaves out ${headText(newest.head)}, which was signed here`
    return new Failure(4, 'lost-branch', message, { hint })
  }
  const isBase = config.ancestors[0]?.[2] === newest.head.digest
  if (!isBase || JSON.stringify(newest.config.hosts) === JSON.stringify(config.hosts))
    return undefined
  const message = 'its config has other hosts than the one before it'
  return new Failure(4, 'hosts-differ', message, { hint })
}

async function addSignatures(
  session: Session,
  folder: OperatorFolder,
  assessed: AssessedDelivery,
  file: string | undefined,
): Promise<AssessedDelivery> {
  const { newest, config, delivery, chain, missing } = assessed
  const root = delivery.roots.at(-1)
  if (newest === null || root === undefined || missing.length === 0) return assessed
  const { keys } = await keysAtHand(session, file)
  const role = chain.newest.config
  const daily = [folder.chain.newest.config, role]
  const roles = newest.required.map((one) => one.role)
  const rootSigners = chooseSigners(keys, roles, daily, newest.kids)
  const configSigners = chooseSigners(keys, [role], daily, config.kids)
  if (rootSigners.length + configSigners.length === 0) {
    const message = `none of your keys can add a signature; it waits for ${missingText(missing)}`
    throw new Failure(4, 'nothing-to-add', message, {
      hint: 'send it to them: covey root sign FILE -o FILE',
    })
  }
  await warnOfExposed(session, [...new Set([...rootSigners, ...configSigners])])
  return await assess(folder, {
    roots: [...delivery.roots.slice(0, -1), await withSignatures('root', root, rootSigners)],
    config: await withSignatures('config', delivery.config, configSigners),
  })
}
