import { type Message, parseMessage } from '../../protocol/messages.ts'
import type { Effect, Input, Verdict } from '../../protocol/node/effects.ts'
import { cover } from '../checks/coverage.ts'
import { type Cluster, keyIn, type SimHost } from './cluster.ts'
import type { Network } from './network.ts'
import { verifyInBook } from './signing.ts'
import { between } from './world.ts'

/** Longest time to verify a document, and to apply a config, in ms. */
const verifyMsMax = 5
const applyMs = { least: 20, most: 400 }

/** The stand-in for the agent's shell on every host. */
export interface Shell {
  readonly cluster: Cluster
  readonly network: Network
  /** Hands an input to a host's node, if it still lives that life. */
  readonly feed: (host: SimHost, life: number, input: Input) => void
  /** Whoever waits for a verdict, by host and request. */
  readonly replies: Map<string, (verdict: Verdict | null) => void>
  /** A write of this host ended its process, which is started again. */
  readonly failed: (host: SimHost, why: 'failed' | 'killed') => void
}

type Of<Kind extends Effect['kind']> = Extract<Effect, { readonly kind: Kind }>

/** Does what a node wants done. */
export function carryOut(shell: Shell, host: SimHost, effect: Effect): void {
  const { cluster, network } = shell
  cluster.watch.effect(host, effect)
  switch (effect.kind) {
    case 'verify':
      return verify(shell, host, effect)
    case 'lint': {
      const { token } = effect
      return later(shell, host, 0, () => ({ kind: 'linted', token, faults: [], isolated: [] }))
    }
    case 'persist':
      return persist(shell, host, effect)
    case 'announce':
      return announce(shell, host, effect)
    case 'send':
      return network.send(host, effect.peer, asSaidBy(host, effect.message), null)
    case 'fetch':
      return network.fetch(host, effect.peer, effect.digest, effect.epoch)
    case 'adopt':
      return adopt(shell, host, effect)
    case 'admit':
      host.admitted = effect
      return
    case 'dial':
      return network.dial(host, effect.place.peerId)
    case 'drop':
      return drop(shell, host, effect)
    case 'sign-status':
      return signStatus(shell, host, effect)
    case 'alarm':
      return effect.raised ? cover(cluster, `alarm ${effect.alarm.code}`) : undefined
    case 'reply':
      return reply(shell, host, effect)
  }
}

/** An input that comes after a time, to the life that asked for it. */
function later(shell: Shell, host: SimHost, afterMs: number, input: () => Input): void {
  const { life } = host
  shell.cluster.world.after(afterMs, () => shell.feed(host, life, input()))
}

function verify(shell: Shell, host: SimHost, { token, document, ring }: Of<'verify'>): void {
  const { book, world } = shell.cluster
  const result = verifyInBook(book, document, ring)
  const ms = between(world.random, 0, verifyMsMax)
  later(shell, host, ms, () => ({ kind: 'verified', token, result }))
}

function adopt(shell: Shell, host: SimHost, { held, config }: Of<'adopt'>): void {
  const { cluster } = shell
  const { world } = cluster
  const { life } = host
  const before = host.node?.previous?.head.epoch ?? held.head.epoch
  if (before < held.head.epoch) cover(cluster, 'epoch followed')
  world.after(between(world.random, applyMs.least, applyMs.most), () => {
    // Only the newest adoption counts; the loop breaks an older round off.
    if (host.life !== life || host.node?.adopted?.head.digest !== held.head.digest) return
    const changed = host.kernel !== config
    if (host.kernel !== null && keyIn(host.kernel, host.name) !== keyIn(config, host.name)) {
      cover(cluster, 'tunnel rekeyed')
    }
    host.kernel = config
    if (changed) shell.network.recheck(host)
    shell.feed(host, life, { kind: 'apply-reported', head: held.head, objects: [] })
  })
}

function persist(shell: Shell, host: SimHost, { token, write }: Of<'persist'>): void {
  const { life } = host
  host.disk.write(write, {
    ok: () => shell.feed(host, life, { kind: 'persisted', token }),
    failed(error) {
      cover(shell.cluster, 'disk full')
      shell.feed(host, life, { kind: 'persist-failed', token, error })
    },
    fatal(why) {
      if (why === 'failed') cover(shell.cluster, 'disk sync failed')
      shell.failed(host, why)
    },
  })
}

function reply(
  { cluster, replies }: Shell,
  host: SimHost,
  { request, verdict }: Of<'reply'>,
): void {
  cover(cluster, `verdict ${verdict.verdict}`)
  if (verdict.verdict === 'refused') cover(cluster, `refused ${verdict.code}`)
  const key = `${host.index} ${request}`
  const answer = replies.get(key)
  replies.delete(key)
  answer?.(verdict)
}

/** A kind of message that agents of today do not know, as their parser takes it. */
const newer = parseMessage(JSON.stringify({ kind: 'weather', of: 'tomorrow' }))

function announce({ network }: Shell, host: SimHost, { peers, held }: Of<'announce'>): void {
  network.announce(host, peers, held)
  if (!host.isNewer || !newer.ok) return
  for (const peer of peers) network.send(host, peer, newer.value, null)
}

/** An agent of a later release speaks a later version of gossip too; both keep to the lower one. */
function asSaidBy(host: SimHost, message: Message): Message {
  return host.isNewer && message.kind === 'hello'
    ? { ...message, gossip: message.gossip + 1 }
    : message
}

function drop({ cluster, network }: Shell, host: SimHost, { peer }: Of<'drop'>): void {
  const known = host.node?.peers.get(peer)
  if (host.node && known && known.bannedUntil > host.node.now) cover(cluster, 'peer banned')
  network.drop(host, peer)
}

/** Records of one host that a member can replay. */
const saidMax = 8

/**
 * Statuses are not signed: a record with a host's peer id is made here alone, and no member changes
 * one. What a member signs itself has its own peer id.
 */
function signStatus(shell: Shell, host: SimHost, { record }: Of<'sign-status'>): void {
  const text = JSON.stringify(host.isNewer ? { ...record, weather: 'fine' } : record)
  const signed = { text, signature: '' }
  const { said } = shell.cluster
  said.set(host.name, [...(said.get(host.name) ?? []), signed].slice(-saidMax))
  later(shell, host, 0, () => ({ kind: 'status-signed', record: signed }))
}
