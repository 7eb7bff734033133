import { isIPv6 } from 'node:net'
import type { Connection } from '@libp2p/interface'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { dialMsMax } from '../../protocol/limits.ts'
import { type GossipStream, gossipProtocol } from './gossip-stream.ts'
import { reasonOf } from './reason.ts'
import type { Attempt, Sessions } from './sessions.ts'

/** A TCP address as libp2p writes it; with the peer id, only that peer passes the handshake. */
export function addressOf(place: {
  readonly address: string
  readonly port: number
  readonly peerId?: string
}): Multiaddr {
  const family = isIPv6(place.address) ? 'ip6' : 'ip4'
  const peer = place.peerId === undefined ? '' : `/p2p/${place.peerId}`
  return multiaddr(`/${family}/${place.address}/tcp/${place.port}${peer}`)
}

/** Dependencies of a dial. */
export interface Dialler {
  readonly sessions: Sessions<GossipStream>
  /** Connects and shakes hands. */
  connect(address: Multiaddr, signal: AbortSignal): Promise<Connection>
  /** Wraps the stream that was opened on a connection. */
  wrap(connection: Connection, stream: Awaited<ReturnType<Connection['newStream']>>): GossipStream
}

/**
 * Dials a peer that has no session: connect, open the gossip stream, and wait for the peer to
 * accept it, all within `dialMsMax`. Ends in the sessions, as up or failed; never rejects.
 */
export async function dialPeer(
  dialler: Dialler,
  peer: { readonly peerId: string; readonly address: string; readonly port: number },
): Promise<void> {
  const { sessions } = dialler
  const { peerId } = peer
  const controller = new AbortController()
  const { signal } = controller
  const attempt: Attempt = { cancel: (reason) => controller.abort(new Error(reason)) }
  sessions.dialling(peerId, attempt)
  const timer = setTimeout(
    () => sessions.failed(peerId, attempt, `no answer within ${dialMsMax} ms`),
    dialMsMax,
  )
  timer.unref()
  signal.addEventListener('abort', () => clearTimeout(timer))
  let connection: Connection | undefined
  try {
    connection = await dialler.connect(addressOf(peer), signal)
    signal.throwIfAborted()
    sessions.offered(peerId, attempt)
    const stream = await connection.newStream(gossipProtocol, { signal })
    signal.throwIfAborted()
    const gossip = dialler.wrap(connection, stream)
    sessions.offered(peerId, attempt, gossip)
    signal.addEventListener('abort', () => gossip.abort('given up'))
  } catch (error) {
    connection?.abort(new Error('given up'))
    sessions.failed(peerId, attempt, reasonOf(error))
  }
}
