import { type Head, headText, samePosition } from '../../protocol/heads.ts'
import { leavesOut } from './lost-branches.ts'
import type { VerifiedConfig } from './verify.ts'

/** The heads of a folder and a node, before anything is signed. */
export interface Standpoints {
  /** The newest config of the history; a newer one of the node has been taken into it already. */
  readonly ours: VerifiedConfig | null
  /** The head of the node. */
  readonly theirs: VerifiedConfig | null
  /** True if the history holds the node's head, by its digest. */
  readonly isRecorded: boolean
  /** True if the node tells of a fork. */
  readonly isForked: boolean
}

/** The place of the next config, so that the node takes it. */
export interface Succession {
  readonly kind: 'next' | 'unsent' | 'fork' | 'branch' | 'unknown'
  /** The config to follow where it is not the newest of the history. */
  readonly base: VerifiedConfig | undefined
  /** True if a new version is needed even where the layout is what the newest one says. */
  readonly mustSign: boolean
  /** For people; null where there is nothing to say. */
  readonly says: string | null
}

/**
 * Decides what the next config follows. Pure.
 *
 * - `next`: the node holds the newest of the history, or nothing.
 * - `unsent`: the newest follows the node's head, and was never sent, or was refused. A gap between
 *   them is known and meant: what lies in it is among the ancestors of what is sent.
 * - `fork`: one version was signed twice. A higher one on top of the node's ends that.
 * - `branch`: the newest leaves the node's head out, which would be lost. So that is followed.
 * - `unknown`: the node is further behind than the newest remembers.
 */
export function successionOf({ ours, theirs, isRecorded, isForked }: Standpoints): Succession {
  const next: Succession = { kind: 'next', base: undefined, mustSign: false, says: null }
  if (ours === null || theirs === null) return next
  const held = theirs.head
  if (ours.head.digest === held.digest) {
    if (!isForked) return next
    const says = `version ${held.version} was signed twice; a higher version ends the fork`
    return { ...next, kind: 'fork', mustSign: true, says }
  }
  if (samePosition(ours.head, held)) {
    const says =
      `version ${held.version} was signed twice: the node holds another one than this folder; ` +
      "a higher version on top of the node's ends the fork"
    return { kind: 'fork', base: theirs, mustSign: true, says }
  }
  const { ancestors } = ours.config
  if (isRecorded || ancestors.some(([, , digest]) => digest === held.digest)) {
    const says = `the node holds ${headText(held)}; ${unsentText(held, ours.head)}`
    return { ...next, kind: 'unsent', says }
  }
  if (ancestors.length > 0 && !leavesOut(ours.config, held)) {
    const says = `the node holds ${headText(held)}, and this folder does not know what followed it`
    return { ...next, kind: 'unknown', says }
  }
  const says =
    `the node holds ${headText(held)}, which version ${ours.head.version} of this folder leaves ` +
    "out; the next version follows the node's"
  return { kind: 'branch', base: theirs, mustSign: true, says }
}

function unsentText(held: Head, newest: Head): string {
  const first = newest.epoch === held.epoch ? held.version + 1 : newest.version
  const what =
    first === newest.version
      ? `version ${newest.version} was`
      : `versions ${first} to ${newest.version} were`
  return `${what} signed here and did not reach it`
}
