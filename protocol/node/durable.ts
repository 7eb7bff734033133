import type { ParsedConfig } from '../documents/config.ts'
import type { SignedDocument } from '../documents/envelope.ts'
import type { Root } from '../documents/root.ts'
import type { Fault } from '../fault.ts'
import type { Head } from '../heads.ts'

/** A config that was verified under its epoch's root: its place, its bytes, its meaning. */
export interface HeldConfig {
  readonly head: Head
  readonly document: SignedDocument
  readonly parsed: ParsedConfig
  /** Keys whose signatures were good, so that an alarm can name who signed. */
  readonly kids: readonly string[]
}

/** A root document that was verified as the next of its chain. */
export interface HeldRoot {
  readonly digest: string
  readonly document: SignedDocument
  readonly root: Root
}

/** State of a node after a restart, with every document verified again. */
export interface DurableStart {
  readonly host: string
  readonly peerId: string
  readonly agentVersion: string
  /** Oldest first; the first one's digest is the cluster id. */
  readonly roots: readonly HeldRoot[]
  readonly head: HeldConfig | null
  readonly previous: HeldConfig | null
  readonly confirmed: HeldConfig | null
  /** Highest head that was ever durable here; bounds what may become head. */
  readonly floor: Head | null
  /**
   * False where the file of the floor is gone: nothing new is adopted before most peers have
   * answered.
   */
  readonly floorKnown: boolean
  /** Losing documents of forks and branches, as far as they are kept. */
  readonly evidence: readonly HeldConfig[]
  /**
   * Roots that were signed as a second one with a number that is held; none of them is in force.
   */
  readonly rivals: readonly HeldRoot[]
  /** Files of the state folder that could not be read or verified, and are ignored. */
  readonly damage: readonly Fault[]
}

/**
 * One durable change. Its parts take effect in the order of `durableOrder`, each one whole before
 * the next.
 */
export interface DurableWrite {
  readonly roots?: readonly HeldRoot[]
  readonly rivals?: readonly HeldRoot[]
  readonly evidence?: HeldConfig
  readonly previous?: HeldConfig
  readonly head?: HeldConfig
  readonly confirmed?: HeldConfig
  readonly floor?: Head
}

/**
 * The order in which the parts of a change take effect (docs/PROTOCOL.md, D2). A crash leaves any
 * first part of it, and a start understands each: roots come before the head that is signed under
 * them, evidence before the head that replaces it, the head before the floor that it raises.
 */
export const durableOrder: readonly (keyof DurableWrite)[] = [
  'roots',
  'rivals',
  'evidence',
  'previous',
  'head',
  'confirmed',
  'floor',
]

type Members = Required<DurableWrite>

/** One document or position of a change, and the member of `DurableWrite` that it is from. */
export type DurablePart = {
  readonly [Name in keyof Members]: {
    readonly name: Name
    readonly value: Members[Name] extends readonly (infer One)[] ? One : Members[Name]
  }
}[keyof Members]

/** Parts that a change writes, in the order in which they take effect. */
export function durableParts(write: DurableWrite): readonly DurablePart[] {
  return durableOrder.flatMap((name) => {
    const values = [write[name] ?? []].flat()
    return values.map((value) => ({ name, value }) as DurablePart)
  })
}
