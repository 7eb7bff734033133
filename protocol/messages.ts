import { isObject, parseCanonicalJson } from './documents/canonical-json.ts'
import type { SignedDocument } from './documents/envelope.ts'
import { bad, type Checked, good } from './fault.ts'
import type { Head } from './heads.ts'
import { statusEntriesMax } from './limits.ts'
import { isDigest, isName } from './names.ts'
import { isHeadOrNull, type SignedStatus } from './status-record.ts'

/** Version of the gossip messages that this agent speaks; two agents speak the lower of theirs. */
export const gossipVersion: number = 1

/** A config and the roots that the receiver lacks to judge it, oldest first. */
export interface Delivery {
  readonly roots: readonly SignedDocument[]
  readonly config: SignedDocument
}

/** First message each way. A dial is not an acceptance: only an answered hello is. */
export interface Hello {
  readonly kind: 'hello'
  readonly gossip: number
  /** Cluster id. */
  readonly cluster: string
  readonly agent_version: string
  readonly head: Head | null
}

/** Head of the sender. A hint; the document may ride along, and is verified like any other. */
interface HeadMessage {
  readonly kind: 'head'
  readonly head: Head | null
}

/** Other sides of a fork at the sender's position: evidence for whoever has seen only one. */
interface ForkMessage {
  readonly kind: 'fork'
  readonly heads: readonly Head[]
}

/** Newest status sequence numbers that the sender knows, by host. */
export interface StatusDigest {
  readonly kind: 'status-digest'
  readonly known: readonly (readonly [host: string, sequence: number])[]
}

/** Hosts whose newer records the sender asks for. */
export interface StatusWant {
  readonly kind: 'status-want'
  readonly hosts: readonly string[]
}

/** Status records; the shell has verified their signatures before anyone else sees them. */
export interface StatusMessage {
  readonly kind: 'status'
  readonly records: readonly SignedStatus[]
}

/** A message of a newer agent; passed over, so that an upgrade host by host parts nobody. */
interface UnknownMessage {
  readonly kind: 'unknown'
}

/** A message of `/covey/gossip/1`. */
export type Message =
  | Hello
  | HeadMessage
  | ForkMessage
  | StatusDigest
  | StatusWant
  | StatusMessage
  | UnknownMessage

/**
 * Parses the JSON part of a gossip frame. Fault: `message`. An unknown kind is not a fault.
 */
export function parseMessage(text: string): Checked<Message> {
  const parsed = parseCanonicalJson(text)
  if (!parsed.ok || !isObject(parsed.value)) return bad('message', 'a frame holds no message')
  const message = parsed.value
  const kind = message['kind']
  if (typeof kind !== 'string') return bad('message', 'a frame holds no message')
  if (!Object.hasOwn(checks, kind)) return good({ kind: 'unknown' })
  const isSound = checks[kind]?.(message) ?? false
  return isSound ? good(message as unknown as Message) : bad('message', `a ${kind} is malformed`)
}

type Members = { readonly [member: string]: unknown }

const checks: Readonly<Record<string, (message: Members) => boolean>> = {
  hello: (message) =>
    Number.isSafeInteger(message['gossip']) &&
    Number(message['gossip']) >= 1 &&
    isDigest(message['cluster']) &&
    typeof message['agent_version'] === 'string' &&
    message['agent_version'].length <= 64 &&
    isHeadOrNull(message['head']),
  head: (message) => isHeadOrNull(message['head']),
  fork: (message) => isList(message['heads'], (head) => head !== null && isHeadOrNull(head)),
  'status-digest': (message) =>
    isList(message['known'], (entry) => {
      const [host, sequence] = Array.isArray(entry) ? entry : []
      return isName(host) && Number.isSafeInteger(sequence) && (sequence as number) >= 0
    }),
  'status-want': (message) => isList(message['hosts'], isName),
  status: (message) =>
    isList(message['records'], (entry) => {
      return (
        isObject(entry) &&
        typeof entry['text'] === 'string' &&
        typeof entry['signature'] === 'string'
      )
    }),
}

function isList(value: unknown, check: (entry: unknown) => boolean): boolean {
  return Array.isArray(value) && value.length <= statusEntriesMax && value.every(check)
}

/** A request of `/covey/document/1`. */
export interface DocumentRequest {
  /** Digest of the wanted config. */
  readonly want: string
  /** Epoch of the newest root that the asker holds; the answer brings those after it. */
  readonly epoch: number
}

/** Parses a document request. Fault: `request`. */
export function parseRequest(text: string): Checked<DocumentRequest> {
  const parsed = parseCanonicalJson(text)
  const value = parsed.ok ? parsed.value : null
  if (isObject(value) && isDigest(value['want']) && Number.isSafeInteger(value['epoch'])) {
    return good({ want: value['want'], epoch: Number(value['epoch']) })
  }
  return bad('request', 'is not a request for a document')
}
