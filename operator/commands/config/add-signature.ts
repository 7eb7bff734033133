import type { Envelope } from '../../../protocol/documents/envelope.ts'
import { faultText } from '../../../protocol/fault.ts'
import { compareHeads, headText } from '../../../protocol/heads.ts'
import { isolatedHosts } from '../../../reconcilers/mesh.ts'
import { whileEditing } from '../../folder/edit-lock.ts'
import { type OperatorFolder, openFolder } from '../../folder/folder.ts'
import {
  envelopeIn,
  listHistory,
  newestConfig,
  recordConfig,
  recordUnfinished,
  unfinishedPath,
} from '../../folder/history.ts'
import { configFaults } from '../../signing/draft.ts'
import { leavesOut } from '../../signing/lost-branches.ts'
import { mergedSignatures, withSignatures } from '../../signing/sign.ts'
import { chooseSigners, keysAtHand, tooFew, warnOfExposed } from '../../signing/signers.ts'
import { type AssessedConfig, assessConfig } from '../../signing/verify.ts'
import { parseJsonSource } from '../../sources/json-source.ts'
import { expectNoFaults } from '../../sources/located.ts'
import { Failure } from '../../terminal/failure.ts'
import type { Session } from '../../terminal/session.ts'
import type { Input } from '../definition.ts'
import { deliver, expectOutput } from '../trust/deliver.ts'
import { readDelivery } from '../trust/read-delivery.ts'
import { signDelivery } from '../trust/root-sign.ts'

/**
 * `covey sign --add SIGNED`: adds this operator's signature to what another one has signed. A
 * delivery with a root is handled like `covey root sign`.
 */
export async function addSignature(session: Session, input: Input, file: string): Promise<void> {
  const folder = await openFolder(session)
  const delivery = await readDelivery(session, file)
  await expectOutput(session, input)
  if (delivery.roots.length > 0) return await signDelivery(session, folder, delivery, input)
  const signed = await whileEditing(session.io, folder, async () => {
    const envelope = await withOwnCopy(folder, delivery.config)
    const assessed = await assess(folder, envelope, file)
    await expectFit(folder, assessed, file)
    const complete = await sign(session, folder, assessed)
    const { head } = complete
    if (complete.missing > 0) await recordUnfinished(folder, head, complete.envelope, true)
    else if (!(await recordConfig(folder, head, complete.envelope))) {
      await expectSame(folder, complete)
    }
    return complete
  })
  await deliver(session, folder, input, signed)
}

async function assess(
  folder: OperatorFolder,
  envelope: Envelope,
  file: string,
): Promise<AssessedConfig> {
  const assessed = await assessConfig(envelope, folder.chain)
  if (assessed.ok) return assessed.value
  throw new Failure(4, assessed.fault.code, `${file}: ${faultText(assessed.fault)}`, {
    hint: 'sign only what an operator of this cluster has signed; is this folder up to date?',
  })
}

/** Adds the signatures of the unfinished copy in this folder. */
async function withOwnCopy(folder: OperatorFolder, envelope: Envelope): Promise<Envelope> {
  const assessed = await assessConfig(envelope, folder.chain)
  if (!assessed.ok) return envelope
  const own = await envelopeIn(folder, unfinishedPath(folder, assessed.value.head))
  return own?.payload === envelope.payload ? mergedSignatures(envelope, own) : envelope
}

/** Applies the rules for everything that is signed here to a config of others. */
async function expectFit(
  folder: OperatorFolder,
  { text, head, envelope, config }: AssessedConfig,
  file: string,
): Promise<void> {
  const inner = parseJsonSource({ file: `${file}(payload)`, text })
  expectNoFaults(inner, configFaults(inner.value))
  const { epoch } = folder.chain.newest
  if (head.epoch !== epoch) {
    throw new Failure(4, 'other-epoch', `it has epoch ${head.epoch}, but the newest is ${epoch}`)
  }
  const waiting = await envelopeIn(folder, unfinishedPath(folder, head))
  if (waiting !== undefined && waiting.payload !== envelope.payload) throw taken(head.version)
  const newest = await newestConfig(folder)
  if (newest === null || newest.head.digest === head.digest) return
  if (newest.head.epoch === epoch && newest.head.version === head.version) throw taken(head.version)
  if (compareHeads(newest.head, head) > 0) {
    const message = `it is ${headText(head)}, but ${headText(newest.head)} is already signed`
    throw new Failure(4, 'older', message)
  }
  if (leavesOut(config, newest.head)) {
    const message = `it does not follow ${headText(newest.head)}, which was signed here`
    throw new Failure(4, 'lost-branch', message, {
      hint: 'have it signed again on top of that one, with --base',
    })
  }
  const cut = isolatedHosts(newest.config, config)
  if (cut.length === 0) return
  throw new Failure(4, 'isolation', `it cuts off ${cut.join(', ')}, and does not allow that`, {
    hint: 'have it signed again with --allow-isolation, if that is intended',
  })
}

function taken(version: number): Failure {
  const message = `another config of version ${version} was signed here: two of them are a fork`
  return new Failure(4, 'fork', message, { hint: 'sign a higher version instead' })
}

async function sign(
  session: Session,
  { chain }: OperatorFolder,
  assessed: AssessedConfig,
): Promise<AssessedConfig> {
  if (assessed.missing === 0) return assessed
  const role = chain.newest.config
  const { keys, folder } = await keysAtHand(session)
  const signers = chooseSigners(keys, [role], [role], assessed.kids)
  if (signers.length === 0) {
    const own = keys.filter(({ kid }) => assessed.kids.includes(kid))
    if (own.length === 0) throw tooFew(session, role, [], folder)
    throw new Failure(
      4,
      'signed-already',
      'your keys have already signed it; others must sign it now',
      {
        hint: 'send it to them: covey sign --add FILE -o FILE',
      },
    )
  }
  await warnOfExposed(session, signers)
  const envelope = await withSignatures('config', assessed.envelope, signers)
  const again = await assessConfig(envelope, chain)
  if (again.ok) return again.value
  throw new Failure(1, again.fault.code, faultText(again.fault))
}

/** A file for this version exists: expects the same document, otherwise it would be a fork. */
async function expectSame(
  folder: OperatorFolder,
  { head, envelope }: AssessedConfig,
): Promise<void> {
  const entries = await listHistory(folder)
  const entry = entries.find(({ epoch, version }) => {
    return epoch === head.epoch && version === head.version
  })
  const recorded = entry === undefined ? undefined : await envelopeIn(folder, entry.path)
  if (recorded?.payload !== envelope.payload) throw taken(head.version)
}
