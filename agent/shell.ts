import type { Logger } from 'pino'
import type { Config } from '../protocol/documents/config.ts'
import { parseDelivery } from '../protocol/documents/delivery.ts'
import { type Fault, faultText } from '../protocol/fault.ts'
import { compareHeadsOrNone, type Head } from '../protocol/heads.ts'
import { rootsAfter } from '../protocol/node/chain.ts'
import type { DurableStart, DurableWrite, HeldConfig } from '../protocol/node/durable.ts'
import type {
  Effect,
  InjectOptions,
  Input,
  ObjectReport,
  Verdict,
} from '../protocol/node/effects.ts'
import { wantsDocument } from '../protocol/node/gossip.ts'
import { documentHeld, isGreeted } from '../protocol/node/state.ts'
import { startNode } from '../protocol/node/step.ts'
import { hostState, type StatusView, statusView } from '../protocol/node/view.ts'
import type { Clock } from '../reconcilers/host-ports.ts'
import { type AgentEvent, createEventFeed, type EventFeed } from './event-feed.ts'
import { createGossipPort, type GossipPort } from './gossip-port.ts'
import { tickMs } from './limits.ts'
import type { Overlay, OverlayEvents } from './overlay/overlay.ts'
import { createRunner } from './runner.ts'
import { type Disk, SyncFailed } from './state/disk.ts'
import { documentOf, envelopeText } from './state/documents.ts'
import { writeState } from './state/store.ts'
import { verifyDocument } from './state/verify.ts'

/** What the shell is made from: the machine, or a simulator's models of it. */
export interface ShellInit {
  readonly durable: DurableStart
  /** What the node's jitter and choices are drawn from. */
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
 * Runs a node: feeds it what happens and carries its effects out, in their order. It decides nothing. The
 * only code between the pure node and the world, so that a simulator can run the same node on models.
 */
export function createShell(init: ShellInit): Shell {
  const { node, effects } = startNode(init.durable, init.randomSeed, init.clock.now())
  const stopped = new AbortController()
  const replies = new Map<number, (verdict: Verdict) => void>()
  const events = createEventFeed()
  const observer = createObserver(init, events)
  let nextRequest = 1

  const feed = (input: Input): void => runner.feed(input)

  const gossip: GossipPort = createGossipPort({
    openOverlay: init.openOverlay,
    seed: init.identitySeed,
    clock: init.clock,
    log: init.log,
    feed,
    find: (digest) => documentHeld(node, digest),
    rootsAfter: (epoch) => rootsAfter(node, epoch),
    wants: (head) => wantsDocument(node, head),
  })

  const carryOut = (effect: Effect): void => {
    switch (effect.kind) {
      case 'verify':
        return void verifyEffect(effect)
      case 'lint':
        return feed({
          kind: 'linted',
          token: effect.token,
          faults: init.lint(effect.config),
          isolated: init.isolated(effect.before, effect.config),
        })
      case 'persist':
        return void persist(effect.token, effect.write)
      case 'adopt':
        return init.adopt(effect.config, effect.held.head)
      case 'reply':
        replies.get(effect.request)?.(effect.verdict)
        return void replies.delete(effect.request)
      case 'alarm':
        init.log[effect.raised ? 'warn' : 'info'](
          { alarm: effect.alarm },
          effect.raised ? 'alarm' : 'alarm cleared',
        )
        return tell({ event: 'alarm', alarm: effect.alarm, raised: effect.raised })
      default:
        return carryOutOnNetwork(gossip, effect)
    }
  }

  const tell = (event: AgentEvent): void => events.tell({ ...event, at: init.clock.now() })

  const verifyEffect = async (effect: Extract<Effect, { kind: 'verify' }>): Promise<void> => {
    const { document, documentKind, ring } = effect
    const result = await verifyDocument(document, documentKind, ring)
    const known = [node.head, node.previous, node.confirmed]
    const isKnown = document.signatures.some((one) =>
      known.some((held) => signs(held, one.signature)),
    )
    if (!result.ok && result.fault.code === 'bad-signature' && isKnown) {
      const message = 'the payload was changed: its signature is that of another document held here'
      feed({
        kind: 'verified',
        token: effect.token,
        result: { ok: false, fault: { code: 'payload-tampered', message } },
      })
    } else feed({ kind: 'verified', token: effect.token, result })
  }

  const persist = async (token: number, write: DurableWrite): Promise<void> => {
    try {
      await writeState(init.disk, write)
    } catch (error) {
      if (error instanceof SyncFailed) return init.onFatal(error)
      return feed({ kind: 'persist-failed', token, error: storageFault(error) })
    }
    feed({ kind: 'persisted', token })
  }

  const tick = async (): Promise<void> => {
    while (!stopped.signal.aborted) {
      feed({ kind: 'tick', now: init.clock.now() })
      gossip.listenAgain()
      await init.clock.sleep(tickMs, stopped.signal)
    }
  }

  const runner = createRunner(node, effects, carryOut, () => observer.look(node))
  void tick()

  return {
    events,
    inject(text, options) {
      const handed = parseDelivery(text)
      if (!handed.ok) {
        const { fault } = handed
        const head = node.head?.head ?? null
        const verdict: Verdict = {
          verdict: 'refused',
          code: fault.code,
          message: faultText(fault),
          head,
          faults: [fault],
        }
        return Promise.resolve(verdict)
      }
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

function carryOutOnNetwork(gossip: GossipPort, effect: Effect): void {
  switch (effect.kind) {
    case 'announce':
      return gossip.announce(effect.peers, effect.held)
    case 'send':
      return gossip.send(effect.peer, effect.message)
    case 'fetch':
      return gossip.fetch(effect.peer, effect.digest, effect.epoch)
    case 'admit':
      return gossip.admit(effect)
    case 'listen':
      return gossip.listen(effect.place)
    case 'dial':
      return gossip.dial(effect.place)
    case 'drop':
      return gossip.drop(effect.peer, effect.reason)
    case 'sign-status':
      return gossip.signStatus(effect.record)
  }
}

function signs(held: HeldConfig | null, signature: string): boolean {
  return held?.document.signatures.some((one) => one.signature === signature) ?? false
}

function storageFault(error: unknown): Fault {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return {
      code: 'disk-full',
      message: 'the disk is full; free some space and hand it over again',
    }
  }
  const reason = error instanceof Error ? error.message : String(error)
  return { code: 'storage', message: `the state folder cannot be written (${reason})` }
}

/** Tells watchers and the log what changed between two steps, from the node alone. */
function createObserver(
  init: ShellInit,
  events: EventFeed,
): { look(node: ReturnType<typeof startNode>['node']): void } {
  const connected = new Set<string>()
  const objects = new Map<string, string>()
  let head: Head | null = init.durable.head?.head ?? null
  let applied: Head | null = init.durable.confirmed?.head ?? null
  let state = ''
  let seen: readonly ObjectReport[] = []
  const tell = (event: AgentEvent): void => {
    events.tell({ ...event, at: init.clock.now() })
    init.log.info(event, event.event)
  }
  return {
    look(node) {
      const now = node.head?.head ?? null
      if (now !== null && compareHeadsOrNone(now, head) !== 0) tell({ event: 'head', head: now })
      head = now
      if (node.applied !== null && compareHeadsOrNone(node.applied, applied) !== 0) {
        tell({ event: 'applied', head: node.applied })
      }
      applied = node.applied
      const word = hostState(node)
      if (word !== state) tell({ event: 'state', state: word })
      state = word
      for (const [peerId, peer] of node.peers) {
        const is = isGreeted(peer)
        if (is === connected.has(peerId)) continue
        if (is) connected.add(peerId)
        else connected.delete(peerId)
        tell({ event: 'peer', host: peer.place.host, connected: is })
      }
      for (const peerId of connected) if (!node.peers.has(peerId)) connected.delete(peerId)
      if (node.objects === seen) return
      seen = node.objects
      tellObjects(node.objects, objects, tell)
    },
  }
}

function tellObjects(
  reports: readonly ObjectReport[],
  known: Map<string, string>,
  tell: (event: AgentEvent) => void,
): void {
  const names = new Set(reports.map((object) => object.name))
  for (const name of known.keys()) if (!names.has(name)) known.delete(name)
  for (const object of reports) {
    const text = `${object.type} ${object.state} ${object.reason}`
    if (known.get(object.name) === text) continue
    known.set(object.name, text)
    tell({ event: 'object', object })
  }
}
