import { parseDelivery } from '../../../protocol/documents/delivery.ts'
import { type Envelope, parseEnvelope } from '../../../protocol/documents/envelope.ts'
import { faultText } from '../../../protocol/fault.ts'
import { envelopeBytesMax } from '../../../protocol/limits.ts'
import type { HeldRoot } from '../../../protocol/node/durable.ts'
import { readSource } from '../../files/read-text.ts'
import type { OperatorFolder } from '../../folder/folder.ts'
import { assessRoot, missingText } from '../../signing/root-proof.ts'
import { Failure } from '../../terminal/failure.ts'
import type { Session } from '../../terminal/session.ts'

/**
 * The other root with the number of the newest one, from its own file or from a delivery. Throws
 * `Failure` with exit code 4 where it is none that a node would take.
 */
export async function readRival(
  session: Session,
  { chain }: OperatorFolder,
  file: string,
): Promise<HeldRoot> {
  const { text } = await readSource(session, file, {
    bytesMax: envelopeBytesMax,
    kind: 'a root document',
    hint: 'a node that tells of the fork keeps it as rivals/<epoch>.<digest>.json',
  })
  const { epoch } = chain.newest
  const refused = (code: string, why: string): Failure =>
    new Failure(4, code, `${file}: ${why}`, {
      hint: `give the other root ${epoch}, which a node keeps in rivals/ of its state folder`,
    })
  const before = chain.held.slice(0, -1)
  let reason = refused('root-chain', `holds no root ${epoch}`)
  for (const envelope of envelopesIn(text)) {
    const assessed = await assessRoot(envelope, before, chain.rivals)
    if (!assessed.ok) {
      reason = refused(assessed.fault.code, faultText(assessed.fault))
      continue
    }
    const { root, missing } = assessed.value
    if (root.root.epoch !== epoch || epoch === 1) continue
    if (root.digest === chain.held.at(-1)?.digest) {
      reason = refused('same-root', `is root ${epoch} of this folder: there is no fork`)
    } else if (missing.length === 0) return root
    else reason = refused('below-threshold', `it needs ${missingText(missing)}`)
  }
  throw reason
}

function envelopesIn(text: string): readonly Envelope[] {
  const single = parseEnvelope(text)
  if (single.ok) return [single.value]
  const delivery = parseDelivery(text)
  if (delivery.ok) return delivery.value.roots
  throw new Failure(2, delivery.fault.code, faultText(delivery.fault))
}
