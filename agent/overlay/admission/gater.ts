import type { ConnectionGater, MultiaddrConnection, PeerId } from '@libp2p/interface'
import type { Doorstep } from './doorstep.ts'

/** Decides who may connect. Others are refused in both directions; at the start, everyone. */
export class Gater {
  readonly #doorstep: Doorstep
  readonly #waiting: WeakMap<MultiaddrConnection, () => void> = new WeakMap()
  #admitted: ReadonlySet<string> = new Set()

  constructor(doorstep: Doorstep) {
    this.#doorstep = doorstep
  }

  /** Replaces the set; the caller judges the connections that are already open. */
  admit(peerIds: ReadonlySet<string>): void {
    this.#admitted = new Set(peerIds)
  }

  has(peerId: string): boolean {
    return this.#admitted.has(peerId)
  }

  /**
   * The hooks that libp2p asks. A peer id is known only once Noise has proved it, so an inbound
   * connection is let in by its address, and judged right after its handshake: the dialler sees it
   * open and then break.
   */
  hooks(): ConnectionGater {
    const deny = (peerId: PeerId): boolean => !this.has(peerId.toString())
    return {
      denyDialPeer: deny,
      denyOutboundConnection: deny,
      denyInboundConnection: (connection) => !this.#letIn(connection),
      denyInboundEncryptedConnection: deny,
      denyOutboundEncryptedConnection: deny,
      denyInboundUpgradedConnection: (peerId, connection) => {
        this.#waiting.get(connection)?.()
        return deny(peerId)
      },
      denyOutboundUpgradedConnection: deny,
    }
  }

  /** True if a connection may begin its handshake; it counts until that is over. */
  #letIn(connection: MultiaddrConnection): boolean {
    const [host] = connection.remoteAddr.getComponents()
    const leave = host?.value === undefined ? null : this.#doorstep.enter(host.value)
    if (leave === null) return false
    this.#waiting.set(connection, leave)
    connection.addEventListener('close', leave)
    return true
  }
}
