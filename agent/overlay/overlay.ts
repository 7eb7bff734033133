import type { Logger } from 'pino'

/**
 * The seam between the network and the rest of the agent. Frames are opaque here; whoever is behind
 * the seam verifies everything for itself and trusts the overlay with nothing, so that the network
 * part can one day be an unprivileged process of its own.
 */
export interface Overlay {
  /** This host's peer id. */
  readonly peerId: string
  /**
   * Listens on exactly this place, or on none. Idempotent and cheap when nothing changed; resolves
   * to whether it listens (an address that the machine does not have yet is `false`, and asked for
   * again by the caller later). Connections that were dialled survive a change of place; those that
   * were accepted at the old one end with it.
   */
  listen(place: { readonly address: string; readonly port: number } | null): Promise<boolean>
  /**
   * The only peers that may connect or be dialled, by peer id, and the addresses that listed peers
   * connect from, which have room of their own for handshakes. Open connections are judged again at
   * once.
   */
  admit(peerIds: ReadonlySet<string>, addresses?: Iterable<string>): void
  /**
   * Opens a connection and its gossip stream; ends in `peerUp` or `dialFailed`. Does nothing for a
   * peer that is up or being dialled. Never throws.
   */
  dial(peer: { readonly peerId: string; readonly address: string; readonly port: number }): void
  /**
   * Closes every connection to a peer, after what was queued for it has been written or 1 s has
   * passed.
   */
  drop(peerId: string): void
  /**
   * Queues a frame. False if the peer is not up or its queue was full, in which case the peer is
   * dropped. Throws a RangeError for a frame over `gossipFrameBytesMax`, which is a fault of the
   * caller.
   */
  send(peerId: string, frame: Uint8Array): boolean
  /**
   * One request and one response on `/covey/document/1`, on a stream of its own. Rejects when
   * `signal` fires.
   */
  request(peerId: string, request: Uint8Array, signal: AbortSignal): Promise<Uint8Array>
  /** Bytes read and written on covey's streams since start, for metrics and benchmarks. */
  traffic(): { readonly bytesIn: number; readonly bytesOut: number }
  /** Ends everything within a second. */
  stop(): Promise<void>
}

/**
 * Events of the overlay; none of these may throw. They come in order, never from inside a call of
 * the overlay, and not at all once `stop` was called.
 */
export interface OverlayEvents {
  /** A gossip stream with an admitted peer is open both ways. Once per peer until `peerDown`. */
  peerUp(peerId: string): void
  peerDown(peerId: string, reason: string): void
  dialFailed(peerId: string, reason: string): void
  /** A frame of at most `gossipFrameBytesMax`. */
  frame(peerId: string, frame: Uint8Array): void
  /**
   * A peer sent so many frames of the muxer in one piece that its connection was ended unread; no
   * agent does that. Its `peerDown` comes as well.
   */
  flooded(peerId: string): void
  /** Answers `request` of an admitted peer; a rejection aborts the stream. */
  serve(peerId: string, request: Uint8Array): Promise<Uint8Array>
}

/** Dependencies of an overlay. */
export interface OverlayInit {
  /** Seed of the host's Ed25519 libp2p key, 32 bytes. */
  readonly seed: Uint8Array
  readonly events: OverlayEvents
  readonly log: Logger
}
