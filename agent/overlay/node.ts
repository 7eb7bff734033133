import { noise } from '@chainsafe/libp2p-noise'
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import type {
  ComponentLogger,
  Connection,
  Libp2p,
  Listener,
  Logger,
  Transport,
  Upgrader,
} from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import type { Multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { envelopeBytesMax } from '../../protocol/limits.ts'
import type { Gater } from './admission/gater.ts'
import type { MuxerMeter } from './admission/muxer-meter.ts'
import {
  connectionsMax,
  dialsMax,
  handshakeMsMax,
  inboundPendingMax,
  inboundPerSecondMax,
  streamsPerConnectionMax,
  streamWindowBytesMax,
} from './limits.ts'

/** libp2p, as far as covey uses it. */
export interface Node {
  readonly libp2p: Libp2p
  /**
   * Connects and shakes hands with the peer that the address names. Rejects when `signal` fires.
   */
  connect(address: Multiaddr, signal: AbortSignal): Promise<Connection>
  /** A TCP listener that listens nowhere yet; its connections go through the gater. */
  createListener(): Listener
}

/**
 * Starts libp2p with TCP, Noise and Yamux and nothing else: no identify, no discovery, no relay.
 * Dials and listeners go to the transport itself, because libp2p's dial queue joins, sorts and
 * remembers (covey always dials one full address) and its transport manager keeps every listener
 * that failed.
 */
export async function startNode(seed: Uint8Array, gater: Gater, meter: MuxerMeter): Promise<Node> {
  const parts: { transport?: Transport; upgrader?: Upgrader } = {}
  const libp2p = await createLibp2p({
    privateKey: await generateKeyPairFromSeed('Ed25519', seed),
    logger: silence,
    transports: [
      (components) => {
        parts.upgrader = components.upgrader
        parts.transport = tcp()(components)
        return parts.transport
      },
    ],
    connectionEncrypters: [meter.encrypter(noise())],
    streamMuxers: [
      meter.muxer(
        yamux({
          maxInboundStreams: streamsPerConnectionMax,
          maxOutboundStreams: streamsPerConnectionMax,
          streamOptions: { maxStreamWindowSize: streamWindowBytesMax },
        }),
      ),
    ],
    connectionGater: gater.hooks(),
    connectionManager: {
      maxConnections: connectionsMax,
      maxParallelDials: dialsMax,
      maxIncomingPendingConnections: inboundPendingMax,
      inboundConnectionThreshold: inboundPerSecondMax,
      inboundUpgradeTimeout: handshakeMsMax,
    },
    connectionMonitor: { enabled: false },
  })
  const { transport, upgrader } = parts
  if (transport === undefined || upgrader === undefined) throw new Error('libp2p made no transport')
  return {
    libp2p,
    connect: (address, signal) => transport.dial(address, { upgrader, signal }),
    createListener: () => transport.createListener({ upgrader }),
  }
}

/**
 * libp2p's own log is off: it formats for each stream what covey's events say once, with a reason.
 */
const quiet: Logger = Object.assign(() => {}, {
  error: () => {},
  trace: () => {},
  enabled: false,
  newScope: (): Logger => quiet,
})
const silence: ComponentLogger = { forComponent: () => quiet }

// One stream's window must fit a good part of a document, or a far peer waits a round trip for each
// bit.
if (envelopeBytesMax / streamWindowBytesMax > 8) throw new Error('the stream window is too small')
