import { isObject } from '../../../protocol/documents/canonical-json.ts'
import { parseNewEnvelope } from '../../../protocol/documents/envelope.ts'
import { faultText } from '../../../protocol/fault.ts'
import { envelopeBytesMax } from '../../../protocol/limits.ts'
import { readSource, type Source } from '../../files/read-text.ts'
import { type OperatorFolder, openFolder } from '../../folder/folder.ts'
import { configSourceBytesMax } from '../../limits.ts'
import { draftFrom } from '../../signing/draft.ts'
import { type ConfigDraft, makeConfig, type SignOptions } from '../../signing/make-config.ts'
import { type VerifiedConfig, verifyConfig } from '../../signing/verify.ts'
import { parseJsonSource } from '../../sources/json-source.ts'
import { expectNoFaults, type Located } from '../../sources/located.ts'
import { Failure } from '../../terminal/failure.ts'
import type { Session } from '../../terminal/session.ts'
import type { Input } from '../definition.ts'
import { deliver, expectOutput } from '../trust/deliver.ts'
import { addSignature } from './add-signature.ts'
import { warnOfDoubts } from './warn-doubts.ts'

/** `covey sign CONFIG`, or `covey sign --add SIGNED`. */
export async function signFile(session: Session, input: Input): Promise<void> {
  const signed = input.text('add')
  const [named] = input.args
  if (signed !== undefined && named === undefined) return await addSignature(session, input, signed)
  if (signed !== undefined || named === undefined) {
    const why =
      signed === undefined
        ? "missing required argument 'config'"
        : 'give either a CONFIG to sign, or --add SIGNED to add a signature'
    throw new Failure(2, 'usage', why, { hint: 'covey sign --help' })
  }
  const folder = await openFolder(session)
  const draft = await readDraft(session, folder, named)
  warnOfDoubts(session, draft)
  await expectOutput(session, input)
  const options = { ...(await signSwitches(session, folder, input)), withOthers: true }
  await deliver(session, folder, input, await makeConfig(session, folder, draft, options))
}

/** Reads a config to sign: unsigned, or a signed one whose hosts are to be signed again. */
async function readDraft(
  session: Session,
  folder: OperatorFolder,
  file: string,
): Promise<ConfigDraft> {
  const source = await readSource(session, file, {
    bytesMax: configSourceBytesMax,
    kind: 'a config',
    hint: 'a config is JSON: {"hosts": {…}}',
  })
  if (isCompact(source.text)) return await draftOfSigned(folder, source)
  const located = parseJsonSource(source)
  const { value } = located
  if (isObject(value) && 'payload' in value) return await draftOfSigned(folder, source, located)
  const { clusterId, newest } = folder.chain
  return draftFrom(located, { clusterId, epoch: newest.epoch })
}

/**
 * Takes the hosts of a signed config, for example of a lost branch, without its claims and what it
 * allowed.
 */
async function draftOfSigned(
  folder: OperatorFolder,
  source: Source,
  located?: Located,
): Promise<ConfigDraft> {
  const envelope = parseNewEnvelope(source.text)
  if (!envelope.ok) {
    if (located !== undefined) expectNoFaults(located, [envelope.fault])
    throw new Failure(2, envelope.fault.code, `${source.file}: ${faultText(envelope.fault)}`)
  }
  const verified = await verifyConfig(envelope.value, folder.chain)
  if (!verified.ok) {
    throw new Failure(4, verified.fault.code, `${source.file}: ${faultText(verified.fault)}`, {
      hint: 'only a config that operators of this cluster have signed can be signed again',
    })
  }
  const text = { file: `${source.file}(payload)`, text: verified.value.text }
  const { version: _, allowIsolation: __, ...draft } = draftFrom(parseJsonSource(text), null)
  return { ...draft, allowIsolation: [], version: undefined }
}

/** The switches of every command that signs. */
export async function signSwitches(
  session: Session,
  folder: OperatorFolder,
  input: Input,
): Promise<SignOptions> {
  const switches = { allowGap: input.is('allowGap'), allowIsolation: input.is('allowIsolation') }
  const file = input.text('base')
  return file === undefined
    ? switches
    : { ...switches, base: await readBase(session, folder, file) }
}

/** Reads a signed config that another one is to follow. Throws `Failure` if it is not valid. */
export async function readBase(
  session: Session,
  folder: OperatorFolder,
  file: string,
): Promise<VerifiedConfig> {
  const options = { bytesMax: envelopeBytesMax, kind: 'a signed config' }
  const source = await readSource(session, file, options)
  const envelope = parseNewEnvelope(source.text)
  if (!envelope.ok)
    throw new Failure(2, envelope.fault.code, `${file}: ${faultText(envelope.fault)}`)
  const verified = await verifyConfig(envelope.value, folder.chain)
  if (verified.ok) return verified.value
  throw new Failure(4, verified.fault.code, `${file}: ${faultText(verified.fault)}`, {
    hint: 'a base is a config of this cluster, signed by its operators',
  })
}

function isCompact(text: string): boolean {
  return /^\s*[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\s*$/.test(text)
}
