import type { DeliveryText } from '../../protocol/documents/delivery.ts'
import { bad, type Checked, good } from '../../protocol/fault.ts'
import type { HeldRoot } from '../../protocol/node/durable.ts'
import { chainOf, type RootChain } from '../folder/roots.ts'
import { type AssessedRoot, assessRoot, type Missing, signedSoFar } from './root-proof.ts'
import { type AssessedConfig, assessConfig } from './verify.ts'

/** New roots and the config that they take effect with, verified as far as they are signed. */
export interface AssessedDelivery {
  readonly delivery: DeliveryText
  /** The chain with what the delivery adds. */
  readonly chain: RootChain
  readonly added: readonly HeldRoot[]
  readonly rivals: readonly HeldRoot[]
  /** The last of the added roots; null where all are held. */
  readonly newest: AssessedRoot | null
  readonly config: AssessedConfig
  /** Signatures that the last root and the config still lack. */
  readonly missing: readonly Missing[]
}

/**
 * Verifies a delivery against a chain, as a node would. Only the last root and the config may lack
 * signatures. Faults: those of `assessRoot` and `assessConfig`, `below-threshold`,
 * `delivery-epoch`.
 */
export async function assessDelivery(
  delivery: DeliveryText,
  base: RootChain,
): Promise<Checked<AssessedDelivery>> {
  const added: HeldRoot[] = []
  const rivals: HeldRoot[] = []
  let newest: AssessedRoot | null = null
  for (const [index, envelope] of delivery.roots.entries()) {
    const known = [...base.rivals, ...rivals]
    const assessed = await assessRoot(envelope, [...base.held, ...added], known)
    if (!assessed.ok) return within(index, assessed.fault)
    const { root, kind, missing } = assessed.value
    if (kind === 'held') continue
    const last = index === delivery.roots.length - 1 && kind === 'next'
    const [few] = missing
    if (few !== undefined && !last) {
      return within(index, { code: 'below-threshold', message: `not enough of the ${few.keys}` })
    }
    if (kind === 'next') added.push(root)
    else if (!known.some((rival) => rival.digest === root.digest)) rivals.push(root)
    if (last) newest = assessed.value
  }
  const chain = chainOf([...base.held, ...added], [...base.rivals, ...rivals])
  const config = await assessConfig(delivery.config, chain)
  if (!config.ok) return within('config', config.fault)
  const { epoch } = config.value.head
  if (added.length > 0 && epoch !== chain.newest.epoch) {
    const message = `has epoch ${epoch}, but the last root of the delivery has another`
    return bad('delivery-epoch', message, 'config')
  }
  const role = chain.roots[epoch - 1]?.config ?? chain.newest.config
  const signed = signedSoFar(`config keys of root ${epoch}`, role, config.value.kids)
  const missing = [...(newest?.missing ?? []), ...(signed.count === 0 ? [] : [signed])]
  return good({ delivery, chain, added, rivals, newest, config: config.value, missing })
}

function within(
  place: number | 'config',
  fault: { readonly code: string; readonly message: string; readonly path?: string },
): ReturnType<typeof bad> {
  const path = place === 'config' ? place : `roots.${place}`
  const inner = fault.path === undefined ? '' : `${fault.path}: `
  return bad(fault.code, `${inner}${fault.message}`, path)
}

/** A delivery as it is written to a file: one line. Without roots it is the signed config alone. */
export function deliveryText({ roots, config }: DeliveryText): string {
  return `${JSON.stringify(roots.length === 0 ? config : { roots, config })}\n`
}
