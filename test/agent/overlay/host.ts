import { createHash } from 'node:crypto'
import type { TestContext } from 'node:test'
import { pino } from 'pino'
import { createOverlay } from '../../../agent/overlay/index.ts'
import type { Overlay } from '../../../agent/overlay/overlay.ts'

/** The events that an overlay told, in order. */
export type Told =
  | { readonly event: 'up' | 'flooded'; readonly peerId: string }
  | { readonly event: 'down' | 'failed'; readonly peerId: string; readonly reason: string }
  | { readonly event: 'frame'; readonly peerId: string; readonly text: string }

/** An overlay that listens on a loopback address of its own and notes all that it tells. */
export interface Host {
  readonly overlay: Overlay
  readonly peerId: string
  readonly address: string
  readonly port: number
  readonly told: readonly Told[]
  /** Resolves once the condition holds; it is asked again after each event. */
  until(condition: () => boolean): Promise<void>
  /** The number of times that an event was told of a peer. */
  count(event: Told['event'], peerId: string): number
  /** Texts of the frames of a peer, in order. */
  frames(peerId: string): readonly string[]
}

const port = 4069
let hosts = 0

/**
 * A loopback address that nothing else uses: all of 127.0.0.0/8 belongs to this machine, so tests
 * that run at once need no free ports, and none is lost to an outgoing connection in between.
 */
export function ownAddress(): string {
  hosts += 1
  const process16 = process.pid % 65_536
  return `127.${1 + (hosts % 250)}.${process16 >> 8}.${process16 & 255}`
}

/** 32 bytes that depend on the name only. */
export function seedOf(name: string): Uint8Array {
  return createHash('sha256').update(name).digest()
}

/**
 * Starts an overlay and stops it after the test. `serve` answers requests; by default with an echo.
 */
export async function startHost(
  test: Pick<TestContext, 'after'>,
  name: string,
  serve: (peerId: string, request: Uint8Array) => Promise<Uint8Array> = async (_, it) => it,
): Promise<Host> {
  const told: Told[] = []
  const waiting = new Set<() => void>()
  const tell = (what: Told): void => {
    told.push(what)
    for (const look of [...waiting]) look()
  }
  const overlay = await createOverlay({
    seed: seedOf(name),
    log: pino({ level: 'silent' }),
    events: {
      peerUp: (peerId) => tell({ event: 'up', peerId }),
      peerDown: (peerId, reason) => tell({ event: 'down', peerId, reason }),
      dialFailed: (peerId, reason) => tell({ event: 'failed', peerId, reason }),
      flooded: (peerId) => tell({ event: 'flooded', peerId }),
      frame: (peerId, frame) =>
        tell({ event: 'frame', peerId, text: Buffer.from(frame).toString('latin1') }),
      serve,
    },
  })
  test.after(() => overlay.stop())
  const address = ownAddress()
  if (!(await overlay.listen({ address, port }))) throw new Error(`cannot listen on ${address}`)
  return {
    overlay,
    peerId: overlay.peerId,
    address,
    port,
    told,
    until: (condition) =>
      new Promise<void>((resolve) => {
        const look = (): void => {
          if (!condition()) return
          waiting.delete(look)
          resolve()
        }
        waiting.add(look)
        look()
      }),
    count: (event, peerId) =>
      told.filter((it) => it.event === event && it.peerId === peerId).length,
    frames: (peerId) =>
      told.flatMap((it) => (it.event === 'frame' && it.peerId === peerId ? [it.text] : [])),
  }
}

/** Every host admits every other. */
export function introduce(...all: readonly Host[]): void {
  const peerIds = new Set(all.map((host) => host.peerId))
  for (const host of all) host.overlay.admit(peerIds)
}

/** One dials the other, and both are up. */
export async function connect(one: Host, other: Host): Promise<void> {
  introduce(one, other)
  one.overlay.dial(other)
  await Promise.all([
    one.until(() => one.count('up', other.peerId) > one.count('down', other.peerId)),
    other.until(() => other.count('up', one.peerId) > other.count('down', one.peerId)),
  ])
}

/** A frame of a text. */
export function frameOf(text: string): Uint8Array {
  return Buffer.from(text, 'latin1')
}
