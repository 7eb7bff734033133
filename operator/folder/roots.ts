import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { calculateJwkThumbprint } from 'jose'
import { type Envelope, parseEnvelope } from '../../protocol/documents/envelope.ts'
import { keysOf, meetsThreshold, parseRoot, type Root } from '../../protocol/documents/root.ts'
import { bad, type Checked, faultText, good } from '../../protocol/fault.ts'
import { epochMax } from '../../protocol/limits.ts'
import { digestOf } from '../signing/digest.ts'
import { payloadOf, textOf, verifiedKids } from '../signing/verify.ts'
import { Failure, systemCode, systemReason } from '../terminal/failure.ts'

/** The chain of root documents of a cluster, verified from the first. */
export interface RootChain {
  /** Digest of the first root document. */
  readonly clusterId: string
  readonly cluster: string
  readonly envelopes: readonly Envelope[]
  readonly roots: readonly Root[]
  readonly newest: Root
}

/** Reads and verifies `DIR/roots/1.json`, `2.json` … Throws `Failure` `roots-damaged`. */
export async function readRoots(dir: string): Promise<RootChain> {
  const envelopes: Envelope[] = []
  const chain: SoundRoot[] = []
  for (let epoch = 1; epoch <= epochMax; epoch++) {
    const path = join(dir, 'roots', `${epoch}.json`)
    const text = await readIfThere(path)
    if (text === undefined) break
    const envelope = parseEnvelope(text)
    if (!envelope.ok) throw damaged(path, faultText(envelope.fault))
    const sound = await verifyRoot(envelope.value)
    if (!sound.ok) throw damaged(path, faultText(sound.fault))
    const follows = await followsIn(envelope.value, sound.value, chain.at(-1))
    if (!follows.ok) throw damaged(path, faultText(follows.fault))
    envelopes.push(envelope.value)
    chain.push(sound.value)
  }
  const first = chain[0]
  const newest = chain.at(-1)?.root
  if (first === undefined || newest === undefined) {
    throw damaged(join(dir, 'roots', '1.json'), 'it is not there')
  }
  const roots = chain.map(({ root }) => root)
  return { clusterId: first.digest, cluster: newest.cluster, envelopes, roots, newest }
}

/** A root document that is sound by itself: enough of its own root keys have signed it. */
export interface SoundRoot {
  readonly root: Root
  readonly digest: string
}

/**
 * Verifies what a root document says of itself. Faults: those of `verifiedKids` and `parseRoot`,
 * `not-utf8`, `root-kid`, `threshold`.
 */
export async function verifyRoot(envelope: Envelope): Promise<Checked<SoundRoot>> {
  const text = textOf(envelope)
  if (!text.ok) return text
  const parsed = parseRoot(text.value)
  if (!parsed.ok) return parsed
  const root = parsed.value
  for (const [kid, jwk] of Object.entries(keysOf([root]))) {
    if ((await calculateJwkThumbprint({ ...jwk })) !== kid) {
      return bad('root-kid', `${kid} is not the thumbprint of its key`)
    }
  }
  const enough = await isSignedBy(envelope, root)
  if (!enough.ok) return enough
  return good({ root, digest: digestOf(payloadOf(envelope)) })
}

/**
 * Whether a sound root document may stand behind the one before it, whose root keys must have
 * signed it too. Faults: those of `verifiedKids`, `root-order`, `threshold`.
 */
async function followsIn(
  envelope: Envelope,
  { root }: SoundRoot,
  before: SoundRoot | undefined,
): Promise<Checked<null>> {
  const named = root.previous === null ? [] : [root.previous].flat()
  const inOrder =
    before === undefined
      ? root.epoch === 1
      : root.epoch === before.root.epoch + 1 && named.includes(before.digest)
  if (!inOrder) return bad('root-order', `root ${root.epoch} does not follow the one before it`)
  return before === undefined ? good(null) : await isSignedBy(envelope, before.root)
}

async function isSignedBy(envelope: Envelope, { root, epoch }: Root): Promise<Checked<null>> {
  const ring = Object.fromEntries(Object.entries(root.keys).map(([kid, { jwk }]) => [kid, jwk]))
  const kids = await verifiedKids('root', envelope, ring)
  if (!kids.ok) return kids
  if (meetsThreshold(root, kids.value)) return good(null)
  return bad('threshold', `it is not signed by enough of the root keys of root ${epoch}`)
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw damaged(path, systemReason(error))
  }
}

function damaged(path: string, why: string): Failure {
  const hint = 'take the file from another copy of this folder, or from its version control'
  return new Failure(1, 'roots-damaged', `${path}: ${why}`, { hint })
}
