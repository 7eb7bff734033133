import { digestOf, verifyDocument } from '../../platform/signatures.ts'
import type { SignedDocument } from '../../protocol/documents/envelope.ts'
import { keysOf, parseRoot } from '../../protocol/documents/root.ts'
import type { Verified } from '../../protocol/documents/verify.ts'
import { bad, type Checked, good } from '../../protocol/fault.ts'
import { judgeRoot, keepSigners, signsItself } from '../../protocol/node/chain.ts'
import type { HeldRoot } from '../../protocol/node/durable.ts'

/**
 * Proves a root document by the ones before it (`vouchers`), or, as the first of a cluster, by
 * itself alone: that it is the right one is then said by its digest. The same rules as the node's
 * own, for what is read from the disk or a bundle. Faults: those of `verifyDocument`, `judgeRoot`
 * and `signsItself`.
 */
export async function verifyRoot(
  document: SignedDocument,
  chain: readonly HeldRoot[],
  rivals: readonly HeldRoot[] = [],
): Promise<Checked<HeldRoot>> {
  const [first] = chain
  const proven =
    first === undefined ? readFirst(document) : await vouchedFor(document, chain, rivals)
  if (!proven.ok) return proven
  const { root, vouched } = proven.value
  const own = await verifyDocument(document, 'root', keysOf([root.root]))
  if (!own.ok) return own
  const itself = signsItself(root.root, own)
  const verified = vouched === null ? [own] : [vouched, own]
  return itself.ok ? good({ ...keepSigners(root, ...verified), digest: own.digest }) : itself
}

/** A root that is the next of its chain, and what the roots before it say of its signatures. */
interface Proven {
  readonly root: HeldRoot
  readonly vouched: Extract<Verified, { ok: true }> | null
}

/**
 * The first root vouches for itself, so its keys have to be read before anything is verified with
 * them.
 */
function readFirst(document: SignedDocument): Checked<Proven> {
  const parsed = parseRoot(Buffer.from(document.payload).toString('utf8'))
  if (!parsed.ok) return parsed
  if (parsed.value.epoch !== 1)
    return bad('root-chain', 'the chain does not begin with root 1', 'epoch')
  const root = { digest: digestOf(document.payload), document, root: parsed.value }
  return good({ root, vouched: null })
}

async function vouchedFor(
  document: SignedDocument,
  chain: readonly HeldRoot[],
  rivals: readonly HeldRoot[],
): Promise<Checked<Proven>> {
  const ring = keysOf([...chain, ...rivals].map((held) => held.root))
  const verified = await verifyDocument(document, 'root', ring)
  if (!verified.ok) return verified
  const judged = judgeRoot(chain, rivals, document, verified)
  return judged.ok ? good(judged.value) : judged
}
