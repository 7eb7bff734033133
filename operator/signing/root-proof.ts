import { digestOf, thumbprintOf } from '../../platform/signatures.ts'
import type { Envelope } from '../../protocol/documents/envelope.ts'
import { keysOf, parseRoot, type Role, type Root } from '../../protocol/documents/root.ts'
import { bad, type Checked, good } from '../../protocol/fault.ts'
import { judgeRoot, type RootStanding } from '../../protocol/node/chain.ts'
import type { HeldRoot } from '../../protocol/node/durable.ts'
import { missingOf, payloadOf, textOf, verifiedKids } from './verify.ts'

/** Signatures that a document still lacks. */
export interface Missing {
  /** Whose they are, for people, as `root keys of root 1`. */
  readonly keys: string
  readonly role: Role
  readonly count: number
  /** Names of those who have not signed. */
  readonly open: readonly string[]
}

/** The signatures that a role has, and those that it lacks. */
export function signedSoFar(keys: string, role: Role, kids: readonly string[]): Missing {
  const open = Object.entries(role.keys).filter(([kid]) => !kids.includes(kid))
  return { keys, role, count: missingOf(role, kids), open: open.map(([, { name }]) => name) }
}

/** `1 more of the root keys of root 1 (bob)`, for people. */
export function missingText(missing: readonly Missing[]): string {
  return missing
    .map(({ keys, count, open }) => `${count} more of the ${keys} (${open.join(', ')})`)
    .join('; ')
}

/** A root document that is sound in itself and stands in its place, however far it is signed. */
export interface AssessedRoot {
  readonly root: HeldRoot
  readonly kind: RootStanding['kind']
  /** Keys whose signatures are good. */
  readonly kids: readonly string[]
  /** The roles that must sign it: those of the roots before it, then its own. */
  readonly required: readonly Missing[]
  /** Those of them that have not signed enough yet. */
  readonly missing: readonly Missing[]
}

/** A proven root as its file holds it. */
export function envelopeOf({ document }: HeldRoot): Envelope {
  return {
    payload: Buffer.from(document.payload).toString('base64url'),
    signatures: document.signatures,
  }
}

/** A root that says of itself what it should; nobody has vouched for it. */
function readRoot(envelope: Envelope): Checked<{ root: HeldRoot; text: string }> {
  const text = textOf(envelope)
  if (!text.ok) return text
  const parsed = parseRoot(text.value)
  if (!parsed.ok) return parsed
  for (const [kid, jwk] of Object.entries(keysOf([parsed.value]))) {
    if (thumbprintOf(jwk) !== kid) {
      return bad('root-kid', `${kid} is not the thumbprint of its key`)
    }
  }
  const payload = payloadOf(envelope)
  const document = { payload, signatures: envelope.signatures }
  return good({
    root: { digest: digestOf(payload), document, root: parsed.value },
    text: text.value,
  })
}

/**
 * Verifies what a root document says of itself: enough of its own root keys have signed it. Faults:
 * those of `verifiedKids` and `parseRoot`, `payload-not-utf8`, `root-kid`, `below-threshold`.
 */
export async function verifyRoot(envelope: Envelope): Promise<Checked<HeldRoot>> {
  const read = readRoot(envelope)
  if (!read.ok) return read
  const { root } = read.value
  const kids = await verifiedKids('root', envelope, keysOf([root.root]))
  if (!kids.ok) return kids
  if (missingOf(root.root.root, kids.value) === 0) return good(root)
  const { epoch } = root.root
  return bad('below-threshold', `it is not signed by enough of the root keys of root ${epoch}`)
}

/**
 * Judges a root document by the chain before it, as a node does; only that too few have signed is
 * told apart. Faults: those of `verifiedKids`, `parseRoot` and `judgeRoot`, `payload-not-utf8`,
 * `root-kid`.
 */
export async function assessRoot(
  envelope: Envelope,
  chain: readonly HeldRoot[],
  rivals: readonly HeldRoot[],
): Promise<Checked<AssessedRoot>> {
  const read = readRoot(envelope)
  if (!read.ok) return read
  const { root, text } = read.value
  const known = [...chain, ...rivals].map((one) => one.root)
  const kids = await verifiedKids('root', envelope, keysOf([...known, root.root]))
  if (!kids.ok) return kids
  const vouchers = vouchersOf(root.root, chain, rivals)
  const required = [...vouchers, root.root].map((one) => {
    return signedSoFar(`root keys of root ${one.epoch}`, one.root, kids.value)
  })
  const missing = required.filter(({ count }) => count > 0)
  const sound = { root, kids: kids.value, required, missing }
  if (chain.length === 0) {
    if (root.root.epoch !== 1) return bad('root-chain', 'the chain does not begin with root 1')
    return good({ ...sound, kind: 'next' })
  }
  const { digest, document } = root
  const { signatures } = document
  const verified = { ok: true, digest, payload: text, kids: kids.value, signatures } as const
  const judged = judgeRoot(chain, rivals, document, verified)
  if (judged.ok) return good({ ...sound, kind: judged.value.kind })
  if (judged.fault.code !== 'below-threshold') return judged
  const isRival = chain[root.root.epoch - 1] !== undefined
  return good({ ...sound, kind: isRival ? 'rival' : 'next' })
}

/** The roots that must have signed a root: those that its `previous` names. */
function vouchersOf(
  root: Root,
  chain: readonly HeldRoot[],
  rivals: readonly HeldRoot[],
): readonly Root[] {
  const named = root.previous === null ? [] : [root.previous].flat()
  return [...chain, ...rivals]
    .filter((one) => named.includes(one.digest) && one.root.epoch === root.epoch - 1)
    .map((one) => one.root)
}
