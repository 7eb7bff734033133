/**
 * Bounds of the network part, beside those of protocol/limits.ts. They hold for 25 agents that
 * share one loopback address, where the defaults of libp2p (5 inbound connections a second, 10
 * pending) bite.
 */
import type { Rate } from '../../protocol/rates.ts'

/** Bytes of frames that wait to be written to one peer; a peer that reads slower is dropped. */
export const gossipQueueBytesMax: number = 4 * 1024 * 1024
/**
 * Frames are written in batches of about this size, so that a burst costs one write and not one
 * each.
 */
export const gossipBatchBytes: number = 64 * 1024

/**
 * A peer for which nothing is queued is sent an empty frame once in this time. What it costs is two
 * writes to a socket: 0.7 % of a core with 24 peers.
 */
export const heartbeatMs: number = 1_750
/**
 * Heartbeats in a row without a byte from a peer until it counts as gone: after 3.5 to 5.25 s. One
 * of the peer's may come 1.75 s late, which outlasts two packets lost in a row.
 */
export const silentHeartbeatsMax: number = 3
/**
 * Heartbeats in a row without progress on a queued frame until a peer counts as not reading: 10.5
 * s.
 */
export const stalledHeartbeatsMax: number = 6
/** Heartbeats until a connection that carries no gossip stream is closed: 3.5 to 5.25 s. */
export const unclaimedHeartbeatsMax: number = 3

/** Open connections in all, counted by peer as at most `connectionsPerPeerMax` each. */
export const connectionsMax: number = 512
/** Connections with one peer: one from each side, and as many that are still closing. */
export const connectionsPerPeerMax: number = 4
/** Inbound connections from one address in a second. Every peer is behind one address in a lab. */
export const inboundPerSecondMax: number = 128
/**
 * Inbound connections before the end of their handshake: in all; from one address; and from all
 * addresses together that no listed peer has. A listed peer's address has room of its own, so that
 * nobody but that peer can take it.
 */
export const inboundPendingMax: number = 1_024
export const inboundPendingPerSourceMax: number = 32
export const inboundPendingOthersMax: number = 64
/**
 * Handshakes with one address, and with all that no listed peer has, so many at once and so many a
 * second on average: one costs about 5 ms. A peer dials at most four times in its first second.
 */
export const handshakesPerSource: Rate = { burst: 64, perSecond: 8 }
export const handshakesOthers: Rate = { burst: 128, perSecond: 16 }
/** Addresses whose rate is remembered. */
export const sourcesMax: number = 4_096
export const dialsMax: number = 64

/**
 * Read rates for one peer, in bursts and on average; the rest waits in the socket. Frames and
 * bytes of the gossip stream; and frames of Yamux, in units of what the cheapest costs, where a
 * stream that is opened costs as much as `streamCost` of them. An honest peer sends some ten frames
 * a second, a few hundred in the second after a heal, and at most 2 MB for a new head: two records
 * of each of 1,024 hosts.
 */
export const gossipFrames: Rate = { burst: 1_024, perSecond: 256 }
export const gossipBytes: Rate = { burst: 8 * 1024 * 1024, perSecond: 512 * 1024 }
export const muxerFrames: Rate = { burst: 8_192, perSecond: 2_048 }
export const streamCost: number = 32
/** Requests for documents of one peer that are answered; the next one waits for its turn. */
export const documentRequests: Rate = { burst: 32, perSecond: 4 }
/** Longest time that a connection is not read before it is looked at again. */
export const holdMsMax: number = 1_000
/** Handshake of an inbound connection; its dialler has given up after `dialMsMax` anyway. */
export const handshakeMsMax: number = 2_000

/** Streams that one side may hold open on one connection, whatever they are for. */
export const streamsPerConnectionMax: number = 32
/** Bytes that a peer may send on one stream before we have read them. */
export const streamWindowBytesMax: number = 1024 * 1024

/** Largest request on the document stream. */
export const requestBytesMax: number = 64 * 1024
/**
 * Requests of one peer that are answered at once; more are refused. Each may hold a whole envelope.
 */
export const requestsPerPeerMax: number = 8
/** From an arriving document stream to the last byte of its answer: 6 MB at 0.8 Mbit/s. */
export const answerMsMax: number = 60_000

/** Time in which the queue of a dropped peer is written; the rest is discarded. */
export const lingerMs: number = 1_000
/** The same while the overlay stops; the rest of the second is for libp2p. */
export const stopLingerMs: number = 300
/** A listener and the libp2p node each have this long to close. */
export const closeMsMax: number = 300
