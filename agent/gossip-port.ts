import { sign } from 'node:crypto'
import type { Logger } from 'pino'
import type { PeerPlace } from '../protocol/documents/agent-object.ts'
import { faultText } from '../protocol/fault.ts'
import type { Head } from '../protocol/heads.ts'
import { fetchMsMax, inlineDocumentBytesMax } from '../protocol/limits.ts'
import { type Delivery, type Message, parseRequest } from '../protocol/messages.ts'
import type { HeldConfig, HeldRoot } from '../protocol/node/durable.ts'
import type { Effect, Input } from '../protocol/node/effects.ts'
import type { StatusRecord } from '../protocol/status-record.ts'
import type { Clock } from '../reconcilers/host-ports.ts'
import { privateKeyOf } from './identity/peer-id.ts'
import { decodingFramesMax } from './limits.ts'
import type { Overlay, OverlayEvents } from './overlay/overlay.ts'
import { createStatusRates, createStatusVerifier } from './peer-statuses.ts'
import { decodeFrame, encodeFrame, packDelivery, unpackDelivery } from './state/wire.ts'

/** Dependencies of the gossip port. */
export interface GossipPortInit {
  /** Makes the overlay; it takes its time, and everything else goes on meanwhile. */
  readonly openOverlay: (events: OverlayEvents) => Promise<Overlay>
  /** Seed of the host's libp2p key, which also signs its status records. */
  readonly seed: Uint8Array
  readonly clock: Clock
  readonly log: Logger
  readonly feed: (input: Input) => void
  /** A config that this host can serve, by digest. */
  readonly find: (digest: string) => HeldConfig | null
  /** Roots that a node at an epoch lacks. */
  readonly rootsAfter: (epoch: number) => readonly HeldRoot[]
  /** True if a document that comes along with an announcement is worth unpacking. */
  readonly wants: (head: Head) => boolean
}

/** Carries the node's effects on the network out, and brings back what the network says. */
export interface GossipPort {
  admit(who: Extract<Effect, { kind: 'admit' }>): void
  listen(place: PeerPlace | null): void
  /** Tries again to listen where the address was not there before. */
  listenAgain(): void
  dial(place: PeerPlace): void
  drop(peer: string, reason: string): void
  send(peer: string, message: Message): void
  announce(peers: readonly string[], held: HeldConfig): void
  fetch(peer: string, digest: string, epoch: number): void
  signStatus(record: StatusRecord): void
  traffic(): { readonly bytesIn: number; readonly bytesOut: number }
  stop(): Promise<void>
}

/** A port whose overlay is being opened. */
export function createGossipPort(init: GossipPortInit): GossipPort {
  const { feed, log } = init
  const stopped = new AbortController()
  const packer = createPacker(init.rootsAfter)
  const key = privateKeyOf(init.seed)
  const listening = createListening(log)
  let overlay: Overlay | null = null
  let admitted: ReadonlySet<string> = new Set()
  let addresses: readonly string[] = []

  const opening = init
    .openOverlay(overlayEvents(init, packer))
    .then(async (opened) => {
      overlay = opened
      if (stopped.signal.aborted) return await opened.stop()
      opened.admit(admitted, addresses)
      await listening.open(opened)
    })
    .catch((error) => log.error({ err: error }, 'cannot open the overlay'))

  return {
    admit({ listed, but, also }) {
      admitted = new Set([...listed.keys(), ...also].filter((peer) => !but.has(peer)))
      addresses = [...listed.values()].map((place) => place.address)
      overlay?.admit(admitted, addresses)
    },
    listen: (place) => listening.want(place),
    listenAgain: () => listening.again(),
    dial(peer) {
      if (overlay === null) feed({ kind: 'dial-failed', peer: peer.peerId })
      else overlay.dial(peer)
    },
    drop(peer, reason) {
      log.info({ peer, reason }, 'peer dropped')
      overlay?.drop(peer)
    },
    send: (peer, message) => void overlay?.send(peer, encodeFrame(message, null)),
    announce(peers, held) {
      void packer.pack(held, 0).then((packed) => {
        const inline = packed.length <= inlineDocumentBytesMax ? packed : null
        const frame = encodeFrame({ kind: 'head', head: held.head }, inline)
        for (const peer of peers) overlay?.send(peer, frame)
      })
    },
    fetch: (peer, digest, epoch) => void fetchDocument(init, overlay, peer, digest, epoch),
    signStatus(record) {
      const text = JSON.stringify(record)
      const signature = sign(null, Buffer.from(text), key).toString('base64url')
      feed({ kind: 'status-signed', record: { text, signature } })
    },
    traffic: () => overlay?.traffic() ?? { bytesIn: 0, bytesOut: 0 },
    async stop() {
      stopped.abort()
      await opening
      await overlay?.stop()
    },
  }
}

/** Listens where the config says, as soon as the machine has that address. */
interface Listening {
  want(place: PeerPlace | null): void
  again(): void
  open(overlay: Overlay): Promise<void>
}

function createListening(log: Logger): Listening {
  let overlay: Overlay | null = null
  let place: PeerPlace | null = null
  let isDone = false
  const listen = async (): Promise<void> => {
    if (overlay === null) return
    const wanted = place
    const listens = await overlay.listen(wanted)
    if (wanted !== place) return
    isDone = listens || wanted === null
  }
  const attempt = (): void => {
    listen().catch((error) => log.error({ err: error }, 'cannot listen'))
  }
  return {
    want(wanted) {
      if (place?.address !== wanted?.address || place?.port !== wanted?.port) isDone = false
      place = wanted
      attempt()
    },
    again() {
      if (!isDone) attempt()
    },
    async open(opened) {
      overlay = opened
      await listen()
    },
  }
}

/** Turns the overlay's events into inputs of the node. Frames of one peer are decoded in order. */
function overlayEvents(init: GossipPortInit, packer: Packer): OverlayEvents {
  const { feed } = init
  const decoding = new Map<string, { frames: number; last: Promise<void> }>()
  const signatures = createStatusVerifier()
  const statuses = createStatusRates(init.clock)
  const take = async (peer: string, frame: Uint8Array): Promise<void> => {
    const decoded = await decodeFrame(frame, init.wants)
    const message = decoded.ok ? statuses.within(peer, decoded.value.message) : null
    const fault = decoded.ok ? signatures.check(message) : decoded.fault
    if (fault !== null) feed({ kind: 'misbehaved', peer, reason: faultText(fault) })
    else if (decoded.ok && message !== null)
      feed({ kind: 'received', peer, message, delivery: decoded.value.delivery })
  }
  return {
    peerUp: (peer) => feed({ kind: 'peer-up', peer }),
    peerDown(peer, reason) {
      init.log.debug({ peer, reason }, 'peer down')
      decoding.delete(peer)
      feed({ kind: 'peer-down', peer })
    },
    dialFailed(peer, reason) {
      init.log.debug({ peer, reason }, 'dial failed')
      feed({ kind: 'dial-failed', peer })
    },
    flooded: (peer) => feed({ kind: 'misbehaved', peer, reason: 'floods its connection' }),
    frame(peer, frame) {
      const queue = decoding.get(peer) ?? { frames: 0, last: Promise.resolve() }
      decoding.set(peer, queue)
      if (++queue.frames > decodingFramesMax) {
        feed({ kind: 'misbehaved', peer, reason: 'sends faster than its frames can be read' })
        return
      }
      queue.last = queue.last.then(async () => {
        queue.frames--
        if (decoding.get(peer) === queue) await take(peer, frame)
      })
    },
    async serve(_peer, bytes) {
      const request = parseRequest(Buffer.from(bytes).toString('utf8'))
      if (!request.ok) throw new Error(request.fault.message)
      const held = init.find(request.value.want)
      return held === null ? new Uint8Array() : await packer.pack(held, request.value.epoch)
    },
  }
}

async function fetchDocument(
  init: GossipPortInit,
  overlay: Overlay | null,
  peer: string,
  digest: string,
  epoch: number,
): Promise<void> {
  const done = new AbortController()
  const late = new AbortController()
  void init.clock.sleep(fetchMsMax, done.signal).then(() => late.abort())
  try {
    if (overlay === null) throw new Error('the overlay is not open')
    const request = Buffer.from(JSON.stringify({ want: digest, epoch }))
    const packed = await overlay.request(peer, request, late.signal)
    const delivery = packed.length === 0 ? null : await unpackDelivery(packed)
    if (delivery?.ok === false) {
      return init.feed({ kind: 'misbehaved', peer, reason: faultText(delivery.fault) })
    }
    init.feed({ kind: 'fetched', peer, digest, delivery: delivery?.value ?? null })
  } catch (error) {
    init.log.debug({ peer, digest, err: error }, 'fetch failed')
    init.feed({ kind: 'fetch-failed', peer, digest })
  } finally {
    done.abort()
  }
}

/** Packs configs for the wire, each once: every neighbour asks for the same bytes. */
interface Packer {
  /** `epoch` is the newest root that the receiver holds; 0 where none is wanted along. */
  pack(held: HeldConfig, epoch: number): Promise<Uint8Array>
}

/** The head and the one before it are what neighbours ask for. */
const packedMax = 2

function createPacker(rootsAfter: GossipPortInit['rootsAfter']): Packer {
  const packed = new Map<string, Promise<Uint8Array>>()
  return {
    pack(held, epoch) {
      const newer = epoch > 0 ? rootsAfter(epoch) : []
      const delivery: Delivery = {
        roots: newer.map((root) => root.document),
        config: held.document,
      }
      if (newer.length > 0) return packDelivery(delivery)
      const known = packed.get(held.head.digest)
      if (known !== undefined) return known
      const made = packDelivery(delivery)
      packed.set(held.head.digest, made)
      const [oldest] = packed.keys()
      if (packed.size > packedMax && oldest !== undefined) packed.delete(oldest)
      return made
    },
  }
}
