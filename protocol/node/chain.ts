import type { SignedDocument } from '../documents/envelope.ts'
import { meetsThreshold, parseRoot, type Root } from '../documents/root.ts'
import type { Verified } from '../documents/verify.ts'
import { bad, type Checked, good } from '../fault.ts'
import type { HeldRoot } from './durable.ts'

/** Relation of a root document to the chain that is held. */
export interface RootStanding {
  /** `held` already; the `next` one; or a `rival` with a number that another root holds. */
  readonly kind: 'held' | 'next' | 'rival'
  readonly root: HeldRoot
  /** Result of verifying its signatures under the roots before it. */
  readonly vouched: GoodVerified
}

type GoodVerified = Extract<Verified, { ok: true }>

/**
 * Judges a root document by the chain before it; its own signatures are counted afterwards, with
 * the keys that this one has vouched for. Root N+1 is signed by a threshold of root N's root keys
 * and is exactly N+1. Where two roots N exist, a successor settles it: `previous` lists both
 * digests, and a threshold of each has signed.
 *
 * Faults: those of `parseRoot`, `other-cluster`, `root-chain`, `root-fork`, `below-threshold`.
 */
export function judgeRoot(
  chain: readonly HeldRoot[],
  rivals: readonly HeldRoot[],
  document: SignedDocument,
  verified: Extract<Verified, { ok: true }>,
): Checked<RootStanding> {
  const parsed = parseRoot(verified.payload)
  if (!parsed.ok) return parsed
  const root: HeldRoot = { digest: verified.digest, document, root: parsed.value }
  const { epoch } = parsed.value
  const held = chain[epoch - 1]
  const vouched = verified
  if (held?.digest === root.digest) return good({ kind: 'held', root, vouched })
  if (epoch === 1) return bad('other-cluster', 'is the first root of another cluster')
  const before = chain[epoch - 2]
  if (before === undefined) {
    return bad('root-chain', `is root ${epoch}, and the chain ends at ${chain.length}`, 'epoch')
  }
  const vouchers = vouchersOf(parsed.value, before, rivals)
  if (!vouchers.ok) return vouchers
  for (const voucher of vouchers.value) {
    if (!meetsThreshold(voucher.root.root, verified.kids)) {
      return bad(
        'below-threshold',
        `root ${epoch} is not signed by enough root keys of root ${epoch - 1}`,
      )
    }
  }
  return good({ kind: held === undefined ? 'next' : 'rival', root, vouched })
}

/**
 * The roots that must have signed: the one before, and its rival where the new root settles a fork.
 */
function vouchersOf(
  root: Root,
  before: HeldRoot,
  rivals: readonly HeldRoot[],
): Checked<readonly HeldRoot[]> {
  const named = typeof root.previous === 'string' ? [root.previous] : (root.previous ?? [])
  const known = [before, ...rivals.filter((rival) => rival.root.epoch === before.root.epoch)]
  const vouchers = known.filter((one) => named.includes(one.digest))
  if (!named.includes(before.digest)) {
    const message = `follows another root ${before.root.epoch} than the one held`
    return bad(vouchers.length > 0 ? 'root-fork' : 'root-chain', message, 'previous')
  }
  if (vouchers.length < named.length) {
    return bad(
      'root-chain',
      `settles a fork of root ${before.root.epoch} whose other side is missing`,
    )
  }
  return good(vouchers)
}

/**
 * The roots that a node at `epoch` lacks, oldest first, each followed by its rivals: without these
 * it could not prove the root that settled the fork.
 */
export function rootsAfter(
  node: { readonly roots: readonly HeldRoot[]; readonly rivals: readonly HeldRoot[] },
  epoch: number,
): readonly HeldRoot[] {
  return node.roots
    .filter((held) => held.root.epoch > epoch)
    .flatMap((held) => [
      held,
      ...node.rivals.filter((rival) => rival.root.epoch === held.root.epoch),
    ])
}

/**
 * A proven root with the signatures of those who vouched for it and of its own keys, and with no
 * others: neither ring alone has both.
 */
export function keepSigners(root: HeldRoot, ...verified: readonly GoodVerified[]): HeldRoot {
  const good = new Set(verified.flatMap((one) => one.signatures))
  const { payload, signatures } = root.document
  return { ...root, document: { payload, signatures: signatures.filter((one) => good.has(one)) } }
}

/**
 * Checks that enough of a new root's own root keys have signed it, which proves that they
 * can sign.
 */
export function signsItself(root: Root, verified: Extract<Verified, { ok: true }>): Checked<null> {
  if (meetsThreshold(root.root, verified.kids)) return good(null)
  return bad('below-threshold', `root ${root.epoch} is not signed by enough of its own root keys`)
}
