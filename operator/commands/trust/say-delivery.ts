import { writeWhole } from '../../files/write-file.ts'
import type { OperatorFolder } from '../../folder/folder.ts'
import { type AssessedDelivery, deliveryText } from '../../signing/delivery.ts'
import { missingText } from '../../signing/root-proof.ts'
import type { Session } from '../../terminal/session.ts'
import { shellWord } from '../../terminal/shell-word.ts'
import type { Input } from '../definition.ts'

/** Writes a delivery to `-o` or stdout, and says how far it is. */
export async function sayDelivery(
  session: Session,
  folder: OperatorFolder,
  input: Input,
  { delivery, chain, config, missing, newest }: AssessedDelivery,
): Promise<void> {
  const text = deliveryText(delivery)
  const output = input.text('output')
  const toFile = output !== undefined && output !== '-'
  if (toFile) await writeWhole(session.io.files, session.path(output), text)
  // Of its own config, since the folder may hold later roots than those that were handed over.
  const { epoch } = config.head
  const kept = folder.shown(`rotations/${epoch}.json`)
  const lacks = missingText(missing)
  const facts = {
    epoch,
    digest: chain.held.find(({ root }) => root.epoch === epoch)?.digest ?? null,
    head: config.head,
    file: toFile ? output : null,
    kept,
    signed_by: newest?.kids ?? [],
    missing: missing.map(({ keys, count, open }) => ({ keys, count, open })),
  }
  const shown = toFile ? shellWord(output) : 'FILE'
  const next =
    lacks === ''
      ? `next: covey inject ${shown}`
      : `not in force yet: it needs ${lacks}\nnext, for them: covey root sign ${shown} -o FILE`
  const said = `root ${epoch} of ${chain.cluster}, with version ${config.head.version} under it`
  if (toFile) return session.result(facts, `${output}: ${said}\n${next}\n`)
  session.result({ ...facts, delivery }, text)
  for (const line of [`${said}; also in ${kept}`, ...next.split('\n')]) session.note(line)
}
