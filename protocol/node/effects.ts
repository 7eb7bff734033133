import type { PeerPlace } from '../documents/agent-object.ts'
import type { Config } from '../documents/config.ts'
import type { DocumentKind, SignedDocument } from '../documents/envelope.ts'
import type { KeyRing } from '../documents/root.ts'
import type { Verified } from '../documents/verify.ts'
import type { Fault } from '../fault.ts'
import type { Head } from '../heads.ts'
import type { Delivery, Message } from '../messages.ts'
import type { SignedStatus, StatusRecord } from '../status-record.ts'
import type { DurableWrite, HeldConfig } from './durable.ts'

/** Result of handing a document to a node. */
export interface Verdict {
  readonly verdict: 'accepted' | 'already-head' | 'older' | 'fork' | 'refused'
  /**
   * Stable: the verdict itself, `fork-won` for a fork that is now in force, or the fault's code.
   */
  readonly code: string
  readonly message: string
  /** The node's head after the decision. */
  readonly head: Head | null
  /** Faults by path, where the body was at fault. */
  readonly faults: readonly Fault[]
}

/** Options of an injected document. */
export interface InjectOptions {
  readonly allowGap: boolean
  readonly allowIsolation: boolean
}

/** Everything that can happen to a node. */
export type Input =
  | { readonly kind: 'peer-up'; readonly peer: string }
  | { readonly kind: 'peer-down'; readonly peer: string }
  | { readonly kind: 'dial-failed'; readonly peer: string }
  | {
      readonly kind: 'received'
      readonly peer: string
      readonly message: Message
      /** A document that rode inside a head message. */
      readonly delivery: Delivery | null
    }
  /** A peer broke a rule that the shell watches: a frame that does not decode, a limit. */
  | { readonly kind: 'misbehaved'; readonly peer: string; readonly reason: string }
  | {
      readonly kind: 'fetched'
      readonly peer: string
      readonly digest: string
      readonly delivery: Delivery | null
    }
  | { readonly kind: 'fetch-failed'; readonly peer: string; readonly digest: string }
  | { readonly kind: 'verified'; readonly token: number; readonly result: Verified }
  /** Result of the reconcilers' pure checks of an injected config. */
  | {
      readonly kind: 'linted'
      readonly token: number
      readonly faults: readonly Fault[]
      readonly isolated: readonly string[]
    }
  | { readonly kind: 'persisted'; readonly token: number }
  | { readonly kind: 'persist-failed'; readonly token: number; readonly error: Fault }
  | {
      readonly kind: 'injected'
      readonly request: number
      readonly delivery: Delivery
      readonly options: InjectOptions
    }
  | { readonly kind: 'tick'; readonly now: number }
  | {
      readonly kind: 'apply-reported'
      readonly head: Head
      readonly objects: readonly ObjectReport[]
    }
  | { readonly kind: 'status-signed'; readonly record: SignedStatus }

/** State of one object of this host. */
export interface ObjectReport {
  readonly name: string
  readonly type: string
  readonly state: 'converged' | 'pending' | 'failed' | 'unsupported'
  readonly reason: string | null
}

/** A trouble that a person should see; raised until it is cleared. */
export interface Alarm {
  readonly code: string
  readonly message: string
  /** Seconds since 1970, by this host's clock. */
  readonly since: number
  /** Host that it is about, or null for the cluster. */
  readonly host: string | null
}

/**
 * An effect that a node asks for. The shell keeps this order: a `persist` is reported `persisted`
 * before any effect that rests on it is returned, so nothing is announced, adopted or replied
 * before it is durable.
 */
export type Effect =
  /** Hash, check form and verify signatures with exactly these keys; answer with `verified`. */
  | {
      readonly kind: 'verify'
      readonly token: number
      readonly document: SignedDocument
      readonly documentKind: DocumentKind
      readonly ring: KeyRing
    }
  /** Judge an injected config by the reconcilers' pure checks; answer with `linted`. */
  | {
      readonly kind: 'lint'
      readonly token: number
      readonly config: Config
      readonly before: Config | null
    }
  /** Make durable, in the order of `DurableWrite`; answer with `persisted` or `persist-failed`. */
  | { readonly kind: 'persist'; readonly token: number; readonly write: DurableWrite }
  /** Send the head, and the document with it where it is small enough. */
  | { readonly kind: 'announce'; readonly peers: readonly string[]; readonly held: HeldConfig }
  | { readonly kind: 'send'; readonly peer: string; readonly message: Message }
  /** Ask one peer for a document; answer with `fetched` or, within `fetchMsMax`, `fetch-failed`. */
  | {
      readonly kind: 'fetch'
      readonly peer: string
      readonly digest: string
      readonly epoch: number
    }
  /** From now on this config is what the reconcilers work towards. */
  | { readonly kind: 'adopt'; readonly held: HeldConfig; readonly config: Config }
  /** The only peers that may be connected. */
  | {
      readonly kind: 'admit'
      readonly listed: ReadonlyMap<string, PeerPlace>
      /** Listed, and kept away for now. */
      readonly but: ReadonlySet<string>
      /** Not listed any more, and being told so. */
      readonly also: ReadonlySet<string>
    }
  /** Address to listen on; null if the config gives this host none. */
  | { readonly kind: 'listen'; readonly place: PeerPlace | null }
  | { readonly kind: 'dial'; readonly place: PeerPlace }
  | { readonly kind: 'drop'; readonly peer: string; readonly reason: string }
  /** Sign this host's own record; answer with `status-signed`. */
  | { readonly kind: 'sign-status'; readonly record: StatusRecord }
  | { readonly kind: 'alarm'; readonly alarm: Alarm; readonly raised: boolean }
  | { readonly kind: 'reply'; readonly request: number; readonly verdict: Verdict }
