import type { ConnectionGater, PeerId } from '@libp2p/interface'

/** Who may connect. Everyone else is refused in both directions; at the start that is everyone. */
export class Gater {
  #admitted: ReadonlySet<string> = new Set()

  /** Replaces the set; the caller judges the connections that are already open. */
  admit(peerIds: ReadonlySet<string>): void {
    this.#admitted = new Set(peerIds)
  }

  has(peerId: string): boolean {
    return this.#admitted.has(peerId)
  }

  /**
   * The hooks that libp2p asks. A peer id is known only once Noise has proved it, so an inbound
   * connection is judged right after its handshake: the dialler sees it open and then break.
   */
  hooks(): ConnectionGater {
    const deny = (peerId: PeerId): boolean => !this.has(peerId.toString())
    return {
      denyDialPeer: deny,
      denyOutboundConnection: deny,
      denyInboundEncryptedConnection: deny,
      denyOutboundEncryptedConnection: deny,
      denyInboundUpgradedConnection: deny,
      denyOutboundUpgradedConnection: deny,
    }
  }
}
