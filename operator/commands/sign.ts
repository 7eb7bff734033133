import { parseEnvelope } from '../../protocol/documents/envelope.ts'
import { faultText } from '../../protocol/fault.ts'
import { envelopeBytesMax } from '../../protocol/limits.ts'
import { readSource } from '../files/read-text.ts'
import { expectWritable, writeWhole } from '../files/write-file.ts'
import { type OperatorFolder, openFolder } from '../folder/folder.ts'
import { configSourceBytesMax } from '../limits.ts'
import { draftFrom } from '../signing/draft.ts'
import { makeConfig, type SignOptions } from '../signing/make-config.ts'
import { envelopeText } from '../signing/sign.ts'
import { type VerifiedConfig, verifyConfig } from '../signing/verify.ts'
import { parseJsonSource } from '../sources/json-source.ts'
import { Failure } from '../terminal/failure.ts'
import type { Session } from '../terminal/session.ts'
import { counted } from '../terminal/style.ts'
import type { Input } from './definition.ts'

/** `covey sign CONFIG`. */
export async function signFile(session: Session, input: Input): Promise<void> {
  const folder = await openFolder(session)
  const [file = '-'] = input.args
  const source = await readSource(session, file, {
    bytesMax: configSourceBytesMax,
    kind: 'a config',
    hint: 'a config is JSON: {"hosts": {…}}',
  })
  const located = parseJsonSource(source)
  const { clusterId, newest } = folder.chain
  const draft = draftFrom(located, { clusterId, epoch: newest.epoch })
  await expectOutput(session, input)
  const options = await signSwitches(session, folder, input)
  const signed = await makeConfig(session, folder, draft, options)
  await deliver(session, folder, input, signed)
}

/** Checks that `-o` can be written before a version is taken for it. */
export async function expectOutput(session: Session, input: Input): Promise<void> {
  const output = input.text('output')
  if (output !== undefined && output !== '-') await expectWritable(session.path(output))
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

async function readBase(
  session: Session,
  folder: OperatorFolder,
  file: string,
): Promise<VerifiedConfig> {
  const options = { bytesMax: envelopeBytesMax, kind: 'a signed config' }
  const source = await readSource(session, file, options)
  const envelope = parseEnvelope(source.text)
  if (!envelope.ok)
    throw new Failure(2, envelope.fault.code, `${file}: ${faultText(envelope.fault)}`)
  const verified = await verifyConfig(envelope.value, folder.chain)
  if (verified.ok) return verified.value
  throw new Failure(4, verified.fault.code, `${file}: ${faultText(verified.fault)}`, {
    hint: 'a base is a config of this cluster, signed by its operators',
  })
}

/** Writes a signed config to `-o` or stdout, and says what it is. */
export async function deliver(
  session: Session,
  folder: OperatorFolder,
  input: Input,
  signed: VerifiedConfig,
): Promise<void> {
  const { head, kids, envelope } = signed
  const text = envelopeText(envelope)
  const history = folder.shown(`history/${head.epoch}.${head.version}.json`)
  const output = input.text('output')
  const toFile = output !== undefined && output !== '-'
  if (toFile) await writeWhole(session.path(output), text)
  const hosts = counted(Object.keys(signed.config.hosts).length, 'host')
  const said = `version ${head.version} for ${hosts} (${head.digest.slice(0, 19)})`
  const facts = { head, file: toFile ? output : null, history, signed_by: kids }
  if (toFile) session.result(facts, `${output}: ${said}\n`)
  else {
    session.result({ ...facts, envelope }, text)
    session.note(`signed ${said}; also in ${history}`)
  }
}
