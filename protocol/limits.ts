/**
 * Every bound of the protocol, by name, with its unit last. Nothing in covey queues, reads, retries
 * or remembers without one of these. Relations between bounds are asserted at the end, beside their
 * reason.
 */

/** Largest payload of a signed document (RFC 7515 payload, decoded). */
export const payloadBytesMax: number = 4 * 1024 * 1024
/** Largest envelope, HTTP body and document frame: a payload in base64url and its signatures. */
export const envelopeBytesMax: number = 6 * 1024 * 1024
/** Largest amount buffered on one stream; must hold the largest frame. */
export const streamBufferBytesMax: number = 8 * 1024 * 1024
/** Largest packed document that rides inside its own announcement. */
export const inlineDocumentBytesMax: number = 16 * 1024
/** Largest frame of the gossip stream: an inline document and the message around it. */
export const gossipFrameBytesMax: number = 64 * 1024
/** Frames that wait to be written to one peer; a peer that reads slower is dropped. */
export const gossipQueueFramesMax: number = 256
/** Signatures in one envelope, and keys in one role of a root document. */
export const signaturesMax: number = 32
/** Nesting of JSON arrays and objects in a payload. */
export const jsonDepthMax: number = 32
/** Highest version: versions are 1 ... 2^32-1 within an epoch. */
export const versionMax: number = 2 ** 32 - 1
/** Highest epoch: one root document each, all of them kept. */
export const epochMax: number = 4096
/** Entries of the `ancestors` claim. */
export const ancestorsMax: number = 16
/** Hosts in one config. */
export const hostsMax: number = 10_000
/** Root documents in one delivery. */
export const rootsPerDeliveryMax: number = 64

/** Heads are exchanged with every peer once in this time, give or take the jitter. */
export const exchangeMs: number = 30_000
/** Share of `exchangeMs` by which an exchange may come early or late. */
export const exchangeJitter: number = 0.2
/** Rounds of silence from everyone until the alarm `isolated`. */
export const isolatedRounds: number = 3
/**
 * One fetch of a document; the next announcer is asked after it. Leaves 6 MiB to a line of 2.5
 * Mbit/s.
 */
export const fetchMsMax: number = 20_000
/** A peer that failed to deliver what it announced is asked again after this. */
export const fetchRetryMs: number = 5_000
/** Documents fetched at once, and documents that wait for verification from one peer. */
export const fetchesMax: number = 16
export const verificationsPerPeerMax: number = 4
/** First and largest wait before a peer is dialled again; the largest keeps a heal fast. */
export const redialMsMin: number = 250
export const redialMsMax: number = 5_000
/**
 * Largest wait where neither of two hosts has an endpoint and they have not met: a tunnel is not to
 * be expected, and one that the config gives them by other means is still found.
 */
export const redialPathlessMsMax: number = 60_000
/** One dial, from the connect to an open gossip stream. */
export const dialMsMax: number = 2_000
/** From an open gossip stream to the peer's hello. */
export const helloMsMax: number = 5_000
/** A peer that broke a rule is neither dialled nor admitted for this long. */
export const banMs: number = 30_000
/**
 * From the new head sent to a removed peer until it is disconnected (security.md 1 asks for 5 s).
 */
export const farewellMs: number = 2_000
/** After a failed write peers' documents are asked for again after this. */
export const storeRetryMs: number = 5_000
/** Dials under way at once. */
export const dialsMax: number = 16
/**
 * A random listed peer is dialled this often above the full mesh, so that no cut of chords lasts.
 */
export const randomDialMs: number = 60_000
/** Up to this many hosts everyone connects to everyone. */
export const fullMeshHostsMax: number = 16

/** A signed status record of one host, encoded. */
export const statusRecordBytesMax: number = 768
/**
 * Own status: one record in this time on average and so many in a burst, not counting news of a
 * head.
 */
export const statusMsMin: number = 10_000
export const statusBurstMax: number = 4
/** Records or digest entries in one gossip message. */
export const statusEntriesMax: number = 64
/**
 * Highest sequence number of a status record that counts, and the highest one that a start begins
 * with. A host begins with the milliseconds since 1970 and adds one a record, so neither is ever
 * reached by a clock that is anywhere near right; between the two a host whose clock was not has
 * room for more records than it can sign.
 */
export const statusSequenceMax: number = 2 ** 48 - 1
export const statusStartMax: number = 2 ** 47
/**
 * Status records that are looked at from one peer, and that it is sent on its questions: so many at
 * once, and so many a second on average. A new head brings two of each of `statusHostsMax` hosts.
 */
export const statusRecordsBurstMax: number = 4_096
export const statusRecordsPerSecondMax: number = 256
/** Alarms in a status record. */
export const statusAlarmsMax: number = 8
/** Own status is said again this often, so that the age that others show means something ... */
export const statusMsMax: number = 30_000
/**
 * ... and in proportion more rarely above this many hosts, so that traffic per node stays bounded.
 */
export const statusHostsFree: number = 100

/**
 * Above this many hosts a node keeps to the statuses of its neighbours: nobody passes others' on.
 */
export const statusHostsMax: number = 1_024

/** Evidence of forks and lost branches kept on disk, in documents. */
export const evidenceMax: number = 16
/** Answers that wait for a document to become durable, on the control socket. */
export const injectionsMax: number = 16

const relations: readonly (readonly [boolean, string])[] = [
  [payloadBytesMax * 1.34 < envelopeBytesMax, 'base64url adds a third to a payload'],
  [envelopeBytesMax < streamBufferBytesMax, 'a buffer must hold its largest frame'],
  [inlineDocumentBytesMax * 2 <= gossipFrameBytesMax, 'an announcement holds an inline document'],
  [statusRecordBytesMax * statusEntriesMax < gossipFrameBytesMax, 'a frame holds its records'],
  [redialMsMin < redialMsMax, 'backoff grows'],
  [redialMsMax < redialPathlessMsMax, 'hope costs less where there is little of it'],
  [farewellMs < 5_000, 'a removed peer is gone within 5 s'],
  [statusRecordsBurstMax >= 2 * statusHostsMax, 'a new head fits into a burst of statuses'],
  [statusStartMax < statusSequenceMax, 'a host has room above the number that it starts with'],
  [statusMsMin < exchangeMs, 'a status is not older than a round'],
]
for (const [holds, reason] of relations) {
  if (!holds) throw new Error(`limits contradict each other: ${reason}`)
}
