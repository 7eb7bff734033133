import { type DeliveryText, parseDelivery } from '../../../protocol/documents/delivery.ts'
import { faultText } from '../../../protocol/fault.ts'
import { envelopeBytesMax } from '../../../protocol/limits.ts'
import { readSource } from '../../files/read-text.ts'
import { Failure } from '../../terminal/failure.ts'
import type { Session } from '../../terminal/session.ts'

/** Reads a delivery or a signed config of the user's. Throws `Failure` with exit code 2. */
export async function readDelivery(session: Session, file: string): Promise<DeliveryText> {
  const source = await readSource(session, file, {
    bytesMax: envelopeBytesMax,
    kind: 'a signed config or a delivery',
  })
  const delivery = parseDelivery(source.text)
  if (delivery.ok) return delivery.value
  throw new Failure(2, delivery.fault.code, `${file}: ${faultText(delivery.fault)}`)
}
