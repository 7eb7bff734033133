import type { TestContext } from 'node:test'
import { noise } from '@chainsafe/libp2p-noise'
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import type { Libp2p, MessageStream, Stream } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { gossipProtocol } from '../../../agent/overlay/gossip-stream.ts'
import { type Host, ownAddress, seedOf } from './host.ts'

/** A libp2p node that is not covey's: it lets everyone in and says what a test makes it say. */
export async function startStranger(
  test: Pick<TestContext, 'after'>,
  name: string,
): Promise<{
  readonly node: Libp2p
  readonly address: string
  readonly port: number
  /** Its newest connection, below the muxer: what is sent there is frames of Yamux. */
  raw(): MessageStream
}> {
  const connections: MessageStream[] = []
  const address = ownAddress()
  const port = 4069
  const node = await createLibp2p({
    privateKey: await generateKeyPairFromSeed('Ed25519', seedOf(name)),
    addresses: { listen: [`/ip4/${address}/tcp/${port}`] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [
      () => {
        const inner = yamux()()
        return {
          protocol: inner.protocol,
          createStreamMuxer(connection) {
            connections.push(connection)
            return inner.createStreamMuxer(connection)
          },
        }
      },
    ],
    connectionMonitor: { enabled: false },
  })
  test.after(() => node.stop())
  const raw = (): MessageStream => {
    const connection = connections.at(-1)
    if (connection === undefined) throw new Error('it has no connection')
    return connection
  }
  return { node, address, port, raw }
}

/** The full address of a host, as libp2p writes it. */
export function addressOfHost(host: Host): ReturnType<typeof multiaddr> {
  return multiaddr(`/ip4/${host.address}/tcp/${host.port}/p2p/${host.peerId}`)
}

/** The peer id that goes with a name. */
export async function peerIdOf(name: string): Promise<string> {
  return peerIdFromPrivateKey(await generateKeyPairFromSeed('Ed25519', seedOf(name))).toString()
}

/**
 * Makes a stranger an admitted peer that speaks by hand: it opens the gossip stream and is
 * accepted.
 */
export async function speak(host: Host, node: Libp2p): Promise<Stream> {
  host.overlay.admit(new Set([node.peerId.toString()]))
  const stream = await node.dialProtocol(addressOfHost(host), gossipProtocol)
  await new Promise((resolve) => stream.addEventListener('message', resolve))
  return stream
}
