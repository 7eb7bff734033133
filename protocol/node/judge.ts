import { type ParsedConfig, parseConfig } from '../documents/config.ts'
import type { SignedDocument } from '../documents/envelope.ts'
import { meetsThreshold } from '../documents/root.ts'
import type { Verified } from '../documents/verify.ts'
import { bad, type Checked, good } from '../fault.ts'
import { compareHeadsOrNone, type Head, samePosition } from '../heads.ts'
import type { HeldConfig, HeldRoot } from './durable.ts'

/**
 * Judges a document whose signatures have been verified, in the order of docs/PROTOCOL.md: claims,
 * cluster, epoch, threshold. Pure; knows nothing of who brought it.
 *
 * Faults: those of `parseConfig`, `other-cluster`, `epoch-ahead`, `below-threshold`.
 */
export function judgeDocument(
  roots: readonly HeldRoot[],
  document: SignedDocument,
  verified: Extract<Verified, { ok: true }>,
): Checked<HeldConfig> {
  const parsed = parseOnce(verified)
  if (!parsed.ok) return parsed
  const { claims } = parsed.value
  if (claims.aud !== roots[0]?.digest) {
    return bad(
      'other-cluster',
      `is a config of another cluster (${claims.aud.slice(0, 19)})`,
      'aud',
    )
  }
  const root = roots.find((held) => held.root.epoch === claims.epoch)?.root
  if (root === undefined) {
    return bad(
      'epoch-ahead',
      `is signed under root ${claims.epoch}, which this host does not hold`,
      'epoch',
    )
  }
  if (!meetsThreshold(root.config, verified.kids)) {
    const { threshold } = root.config
    const counted = new Set(verified.kids.filter((kid) => Object.hasOwn(root.config.keys, kid)))
      .size
    const needs = threshold === 1 ? '1 key' : `${threshold} keys`
    const message = `root ${claims.epoch} asks for ${needs} that may sign configs, and ${counted} did`
    return bad('below-threshold', message, 'signatures')
  }
  const head: Head = { epoch: claims.epoch, version: claims.version, digest: verified.digest }
  // What strangers have signed beside it is not kept, and so not passed on either.
  const { payload } = document
  const kept: SignedDocument = { payload, signatures: verified.signatures }
  return good({ head, document: kept, parsed: parsed.value, kids: verified.kids })
}

/** Payloads whose parsed form is remembered, by digest. */
const parsedMax = 4
const parsedBefore = new Map<string, Checked<ParsedConfig>>()

/**
 * The same bytes mean the same config, so they are parsed once, also where several copies arrive.
 */
function parseOnce({ digest, payload }: Extract<Verified, { ok: true }>): Checked<ParsedConfig> {
  const known = parsedBefore.get(digest)
  if (known !== undefined) return known
  const parsed = parseConfig(payload)
  parsedBefore.set(digest, parsed)
  const [oldest] = parsedBefore.keys()
  if (parsedBefore.size > parsedMax && oldest !== undefined) parsedBefore.delete(oldest)
  return parsed
}

/** Relation of a verified config to a node that holds `head` and never goes below `floor`. */
export type Standing = 'newer' | 'same' | 'older' | 'fork-wins' | 'fork-loses'

/**
 * Standing of a candidate. A fork is the same position with another digest; the lower digest wins.
 */
export function standingOf(candidate: Head, head: Head | null, floor: Head | null): Standing {
  if (head !== null && candidate.digest === head.digest) return 'same'
  if (head !== null && samePosition(candidate, head)) {
    return compareHeadsOrNone(candidate, head) > 0 ? 'fork-wins' : 'fork-loses'
  }
  if (compareHeadsOrNone(candidate, head) <= 0) return 'older'
  // The floor remembers what this host held before its head was lost; only that very head, or one
  // above the position, may follow. A head of another digest at the floor's position may be the
  // losing fork.
  const belowFloor = floor !== null && compareHeadsOrNone(candidate, floor) < 0
  return belowFloor ? 'older' : 'newer'
}

/**
 * True if a newer config leaves out the head that this node holds: its ancestors reach down to the
 * head's position and name another digest there, or none. Two operators signed, each on a side of a
 * partition.
 */
export function losesBranch(candidate: HeldConfig, head: HeldConfig | null): boolean {
  if (head === null || candidate.head.epoch !== head.head.epoch) return false
  const { ancestors } = candidate.parsed.claims
  const oldest = ancestors.at(-1)
  if (oldest === undefined || oldest[0] !== head.head.epoch || oldest[1] > head.head.version)
    return false
  return !ancestors.some(([, , digest]) => digest === head.head.digest)
}
