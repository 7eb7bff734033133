import { expectWritable, writeWhole } from '../../files/write-file.ts'
import type { OperatorFolder } from '../../folder/folder.ts'
import { envelopeText } from '../../signing/sign.ts'
import type { VerifiedConfig } from '../../signing/verify.ts'
import type { Session } from '../../terminal/session.ts'
import { shellWord } from '../../terminal/shell-word.ts'
import { counted } from '../../terminal/style.ts'
import type { Input } from '../definition.ts'

/** Checks that `-o` can be written before a version is taken for it. */
export async function expectOutput(session: Session, input: Input): Promise<void> {
  const output = input.text('output')
  if (output !== undefined && output !== '-')
    await expectWritable(session.io.files, session.path(output))
}

/** Writes a signed config to `-o` or stdout, and says what it is. */
export async function deliver(
  session: Session,
  folder: OperatorFolder,
  input: Input,
  signed: VerifiedConfig & { readonly missing?: number },
): Promise<void> {
  const { head, kids, envelope, missing = 0 } = signed
  const text = envelopeText(envelope)
  const place = `${missing === 0 ? 'history' : 'unfinished'}/${head.epoch}.${head.version}.json`
  const history = folder.shown(place)
  const output = input.text('output')
  const toFile = output !== undefined && output !== '-'
  if (toFile) await writeWhole(session.io.files, session.path(output), text)
  const hosts = counted(Object.keys(signed.config.hosts).length, 'host')
  const said = `version ${head.version} for ${hosts} (${head.digest.slice(0, 19)})`
  const facts = { head, file: toFile ? output : null, history, signed_by: kids, missing }
  if (toFile) session.result(facts, `${output}: ${said}\n`)
  else {
    session.result({ ...facts, envelope }, text)
    session.note(`signed ${said}; also in ${history}`)
  }
  if (missing > 0) {
    const file = toFile ? shellWord(output) : 'FILE'
    session.note(
      `${counted(missing, 'signature')} of others still missing: covey sign --add ${file} -o FILE`,
    )
  }
}
