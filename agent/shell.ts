import type { Logger } from 'pino'
import type { Disk } from '../machine/files/disk.ts'
import type { Config } from '../protocol/documents/config.ts'
import { parseDelivery } from '../protocol/documents/delivery.ts'
import { type Fault, faultText } from '../protocol/fault.ts'
import type { Head } from '../protocol/heads.ts'
import { rootsAfter } from '../protocol/node/chain.ts'
import type { DurableStart } from '../protocol/node/durable.ts'
import type { InjectOptions, Input, ObjectReport, Verdict } from '../protocol/node/effects.ts'
import { wantsDocument } from '../protocol/node/gossip.ts'
import { documentHeld } from '../protocol/node/state.ts'
import { startNode } from '../protocol/node/step.ts'
import { type StatusView, statusView } from '../protocol/node/view.ts'
import type { Clock } from '../reconcilers/host-ports.ts'
import { createCarrier } from './carry-out.ts'
import { createEventFeed, type EventFeed } from './event-feed.ts'
import { createGossipPort, type GossipPort } from './gossip-port.ts'
import { tickMs } from './limits.ts'
import { createObserver } from './observer.ts'
import type { Overlay, OverlayEvents } from './overlay/overlay.ts'
import { createRunner } from './runner.ts'
import { documentOf, envelopeText } from './state/documents.ts'

/** Dependencies of the shell: the machine, or a simulator's models of it. */
export interface ShellInit {
  readonly durable: DurableStart
  /** Seed of the node's jitter and choices. */
  readonly randomSeed: number
  /** Seed of the host's libp2p key. */
  readonly identitySeed: Uint8Array
  readonly disk: Disk
  readonly clock: Clock
  readonly log: Logger
  readonly openOverlay: (events: OverlayEvents) => Promise<Overlay>
  /** Makes this config what the reconcilers work towards. */
  readonly adopt: (config: Config, head: Head) => void
  /** The reconcilers' pure checks of a config that is injected here. */
  readonly lint: (config: Config) => readonly Fault[]
  readonly isolated: (before: Config | null, after: Config) => readonly string[]
  /** The disk cannot be trusted any more: the process must end and start from what can be read. */
  readonly onFatal: (error: unknown) => void
}

/** The machine that a node runs on: what it was made from, without the documents of its start. */
export type Machine = Omit<ShellInit, 'durable'>

/** A running node, and what a person may ask of it. */
export interface Shell {
  readonly events: EventFeed
  /** Hands a document over. Resolves once it is durable or refused. */
  inject(text: string, options: InjectOptions): Promise<Verdict>
  status(): StatusView
  /** Envelope of the head, or null. */
  head(): string | null
  /** A round over the adopted config has ended. */
  applyReported(head: Head, objects: readonly ObjectReport[]): void
  traffic(): { readonly bytesIn: number; readonly bytesOut: number }
  stop(): Promise<void>
}

/**
 * Runs a node: feeds it what happens and carries its effects out, in their order. It decides
 * nothing. The only code between the pure node and the world, so that a simulator can run the same
 * node on models.
 */
export function createShell(init: ShellInit): Shell {
  // The documents of the start are the node's from here on; kept beside it they would never go.
  const { durable, ...machine } = init
  const { node, effects } = startNode(durable, machine.randomSeed, machine.clock.now())
  const stopped = new AbortController()
  const replies = new Map<number, (verdict: Verdict) => void>()
  const events = createEventFeed()
  const observer = createObserver(machine, node, events)
  let nextRequest = 1

  const feed = (input: Input): void => runner.feed(input)

  const gossip: GossipPort = createGossipPort({
    openOverlay: machine.openOverlay,
    seed: machine.identitySeed,
    clock: machine.clock,
    log: machine.log,
    feed,
    find: (digest) => documentHeld(node, digest),
    rootsAfter: (epoch) => rootsAfter(node, epoch),
    wants: (head) => wantsDocument(node, head),
  })

  const carryOut = createCarrier({ machine, node, gossip, replies, events, feed })

  const tick = async (): Promise<void> => {
    while (!stopped.signal.aborted) {
      feed({ kind: 'tick', now: machine.clock.now() })
      gossip.listenAgain()
      await machine.clock.sleep(tickMs, stopped.signal)
    }
  }

  const runner = createRunner(node, effects, carryOut, () => observer.look())
  void tick()

  return {
    events,
    inject(text, options) {
      const handed = parseDelivery(text)
      if (!handed.ok) return Promise.resolve(refusal(handed.fault, node.head?.head ?? null))
      const { roots, config } = handed.value
      const delivery = { roots: roots.map(documentOf), config: documentOf(config) }
      const request = nextRequest++
      return new Promise((resolve) => {
        replies.set(request, resolve)
        feed({ kind: 'injected', request, delivery, options })
      })
    },
    status: () => statusView(node),
    head: () => (node.head === null ? null : envelopeText(node.head.document)),
    applyReported: (head, objects) => feed({ kind: 'apply-reported', head, objects }),
    traffic: () => gossip.traffic(),
    async stop() {
      stopped.abort()
      runner.stop()
      await gossip.stop()
    },
  }
}

/** Verdict on bytes that are not a document; they never reach the node. */
function refusal(fault: Fault, head: Head | null): Verdict {
  return { verdict: 'refused', code: fault.code, message: faultText(fault), head, faults: [fault] }
}
