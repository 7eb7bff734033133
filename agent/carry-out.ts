import { SyncFailed } from '../machine/files/disk.ts'
import { verifyDocument } from '../platform/signatures.ts'
import type { Fault } from '../protocol/fault.ts'
import type { DurableWrite, HeldConfig } from '../protocol/node/durable.ts'
import type { Effect, Input, Verdict } from '../protocol/node/effects.ts'
import type { NodeState } from '../protocol/node/state.ts'
import type { EventFeed } from './event-feed.ts'
import type { GossipPort } from './gossip-port.ts'
import type { Machine } from './shell.ts'
import { writeState } from './state/store.ts'

/** Dependencies of carrying out effects. */
export interface Carrier {
  readonly machine: Machine
  readonly node: NodeState
  readonly gossip: GossipPort
  /** Clients that wait for a verdict, by request. */
  readonly replies: Map<number, (verdict: Verdict) => void>
  readonly events: EventFeed
  readonly feed: (input: Input) => void
}

/** Carries effects out, one after the other; what takes time comes back as an input. */
export function createCarrier(carrier: Carrier): (effect: Effect) => void {
  const { machine, gossip, replies, feed } = carrier
  return (effect) => {
    switch (effect.kind) {
      case 'verify':
        return void verify(carrier, effect)
      case 'lint': {
        const faults = machine.lint(effect.config)
        const isolated = machine.isolated(effect.before, effect.config)
        return feed({ kind: 'linted', token: effect.token, faults, isolated })
      }
      case 'persist':
        return void persist(carrier, effect.token, effect.write)
      case 'adopt':
        return machine.adopt(effect.config, effect.held.head)
      case 'reply':
        replies.get(effect.request)?.(effect.verdict)
        return void replies.delete(effect.request)
      case 'alarm':
        return tellAlarm(carrier, effect)
      default:
        return carryOutOnNetwork(gossip, effect)
    }
  }
}

function tellAlarm({ machine, events }: Carrier, effect: Extract<Effect, { kind: 'alarm' }>): void {
  const { alarm, raised } = effect
  if (raised) machine.log.warn({ alarm }, 'alarm')
  else machine.log.info({ alarm }, 'alarm cleared')
  events.tell({ event: 'alarm', alarm, raised, at: machine.clock.now() })
}

async function verify(
  { node, feed }: Carrier,
  effect: Extract<Effect, { kind: 'verify' }>,
): Promise<void> {
  const { token, document, documentKind, ring } = effect
  const result = await verifyDocument(document, documentKind, ring)
  const held = [node.head, node.previous, node.confirmed]
  const isKnown = document.signatures.some((one) => held.some((each) => signs(each, one.signature)))
  if (result.ok || result.fault.code !== 'bad-signature' || !isKnown) {
    return feed({ kind: 'verified', token, result })
  }
  const message = 'the payload was changed: its signature is that of another document held here'
  feed({
    kind: 'verified',
    token,
    result: { ok: false, fault: { code: 'payload-tampered', message } },
  })
}

function signs(held: HeldConfig | null, signature: string): boolean {
  return held?.document.signatures.some((one) => one.signature === signature) ?? false
}

async function persist(
  { machine, feed }: Carrier,
  token: number,
  write: DurableWrite,
): Promise<void> {
  try {
    await writeState(machine.disk, write)
  } catch (error) {
    if (error instanceof SyncFailed) return machine.onFatal(error)
    return feed({ kind: 'persist-failed', token, error: storageFault(error) })
  }
  feed({ kind: 'persisted', token })
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
