import { tickMs } from '../agent/limits.ts'
import { createRunner } from '../agent/runner.ts'
import type { Delivery } from '../protocol/messages.ts'
import type { Effect, InjectOptions, Input, Verdict } from '../protocol/node/effects.ts'
import { startNode } from '../protocol/node/step.ts'
import { type Cluster, clockOf, type SimHost } from './cluster.ts'
import { createNetwork, type Network } from './network.ts'
import { verifyInBook } from './signing.ts'
import { between } from './world.ts'

/** Longest time to verify a document, and to apply a config, in ms. */
const verifyMsMax = 5
const applyMs = { least: 20, most: 400 }

/** Runs the hosts of a cluster: starts and ends their agents, and carries out what their nodes want. */
export interface Hosts {
  readonly network: Network
  /** Starts the agent of a host that is down. */
  start(host: SimHost): void
  /** Ends a process (`kill -9`), or the whole machine, which forgets what its kernel had. */
  end(host: SimHost, how: 'killed' | 'rebooted' | 'failed'): void
  /** Hands a document to a host; null where nobody answers. */
  inject(host: SimHost, delivery: Delivery, answer: (verdict: Verdict | null) => void): void
  /** Gives a host an input as if the world had brought it. */
  feed(host: SimHost, input: Input): void
}

const options: InjectOptions = { allowGap: true, allowIsolation: true }

/** Hosts that are all down. */
export function createHosts(cluster: Cluster): Hosts {
  const { world, watch, book } = cluster
  const replies = new Map<string, (verdict: Verdict | null) => void>()
  let requests = 0

  const feedLife = (host: SimHost, life: number, input: Input): void => {
    if (host.life !== life || host.runner === null) return
    if (host.pausedUntil > world.now) {
      world.after(host.pausedUntil - world.now, () => feedLife(host, life, input))
      return
    }
    host.runner.feed(input)
  }
  const network = createNetwork(cluster, feedLife)

  const later = (host: SimHost, afterMs: number, input: () => Input): void => {
    const { life } = host
    world.after(afterMs, () => feedLife(host, life, input()))
  }

  const adopt = (host: SimHost, effect: Extract<Effect, { kind: 'adopt' }>): void => {
    const { life } = host
    world.after(between(world.random, applyMs.least, applyMs.most), () => {
      // Only the newest adoption counts; the loop breaks an older round off.
      if (host.life !== life || host.node?.adopted?.head.digest !== effect.held.head.digest) return
      const changed = host.kernel !== effect.config
      host.kernel = effect.config
      if (changed) network.recheck()
      feedLife(host, life, { kind: 'apply-reported', head: effect.held.head, objects: [] })
    })
  }

  const carryOut = (host: SimHost, effect: Effect): void => {
    watch.effect(host, effect)
    switch (effect.kind) {
      case 'verify': {
        const result = verifyInBook(book, effect.document, effect.ring)
        const { token } = effect
        return later(host, between(world.random, 0, verifyMsMax), () => ({
          kind: 'verified',
          token,
          result,
        }))
      }
      case 'lint':
        return later(host, 0, () => ({
          kind: 'linted',
          token: effect.token,
          faults: [],
          isolated: [],
        }))
      case 'persist':
        return persist(host, effect)
      case 'announce':
        return network.announce(host, effect.peers, effect.held)
      case 'send':
        return network.send(host, effect.peer, effect.message, null)
      case 'fetch':
        return network.fetch(host, effect.peer, effect.digest, effect.epoch)
      case 'adopt':
        return adopt(host, effect)
      case 'dial':
        return network.dial(host, effect.place.peerId)
      case 'drop':
        return network.drop(host, effect.peer)
      case 'sign-status': {
        const record = { text: JSON.stringify(effect.record), signature: '' }
        return later(host, 0, () => ({ kind: 'status-signed', record }))
      }
      case 'reply': {
        const key = `${host.index} ${effect.request}`
        replies.get(key)?.(effect.verdict)
        return void replies.delete(key)
      }
    }
  }

  const persist = (host: SimHost, { token, write }: Extract<Effect, { kind: 'persist' }>): void => {
    const { life } = host
    host.disk.write(write, {
      ok: () => feedLife(host, life, { kind: 'persisted', token }),
      failed: (error) => feedLife(host, life, { kind: 'persist-failed', token, error }),
      fatal() {
        hosts.end(host, 'failed')
        world.after(
          between(world.random, 100, 2_000),
          () => host.node === null && hosts.start(host),
        )
      },
    })
  }

  const tick = (host: SimHost, life: number): void => {
    if (host.life !== life || host.node === null) return
    feedLife(host, life, { kind: 'tick', now: clockOf(cluster, host) })
    world.after(tickMs, () => tick(host, life))
  }

  const hosts: Hosts = {
    network,
    start(host) {
      if (host.node !== null) return
      host.life++
      const { life } = host
      const self = { host: host.name, peerId: host.peerId, agentVersion: 'sim' }
      const seed = between(world.random, 0, 2 ** 31)
      const { node, effects } = startNode(host.disk.load(self), seed, clockOf(cluster, host))
      host.node = node
      // Effects of the start are carried out at once, but what they bring comes when the runner is there.
      host.runner = createRunner(
        node,
        effects,
        (effect) => carryOut(host, effect),
        () => watch.stepped(host),
      )
      watch.started(host)
      world.after(between(world.random, 0, tickMs), () => tick(host, life))
    },
    end(host, how) {
      if (host.node === null) return
      cluster.counts.kills++
      host.life++
      host.runner?.stop()
      host.runner = null
      host.node = null
      host.ended = how
      host.pausedUntil = 0
      host.disk.crash()
      if (how === 'rebooted') host.kernel = null
      network.vanish(host, how !== 'rebooted')
      for (const [key, answer] of replies) {
        if (!key.startsWith(`${host.index} `)) continue
        replies.delete(key)
        answer(null)
      }
    },
    inject(host, delivery, answer) {
      if (host.runner === null) return answer(null)
      const request = ++requests
      replies.set(`${host.index} ${request}`, answer)
      feedLife(host, host.life, { kind: 'injected', request, delivery, options })
    },
    feed: (host, input) => feedLife(host, host.life, input),
  }
  return hosts
}
