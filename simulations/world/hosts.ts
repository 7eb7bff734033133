import { tickMs } from '../../agent/limits.ts'
import { createRunner } from '../../agent/runner.ts'
import type { Delivery } from '../../protocol/messages.ts'
import type { InjectOptions, Input, Verdict } from '../../protocol/node/effects.ts'
import { startNode } from '../../protocol/node/step.ts'
import { cover } from '../checks/coverage.ts'
import { type Cluster, clockOf, type SimHost } from './cluster.ts'
import { createNetwork, type Network } from './network.ts'
import { carryOut, type Shell } from './shell.ts'
import { between } from './world.ts'

/**
 * Runs the hosts of a cluster: starts and ends their agents, and carries out what their nodes want.
 */
export interface Hosts {
  readonly network: Network
  /** Starts the agent of a host that is down. */
  start(host: SimHost): void
  /** Ends a process (`kill -9`), or the whole machine, which forgets what its kernel had. */
  end(host: SimHost, how: Ending): void
  /** Hands a document to a host; null where nobody answers. */
  inject(host: SimHost, delivery: Delivery, answer: (verdict: Verdict | null) => void): void
  /** Documents whose host ended before it answered, oldest first. */
  readonly unanswered: Delivery[]
  /** Gives a host an input as if the world had brought it. */
  feed(host: SimHost, input: Input): void
}

/** The end of a life of a host: by a signal, with the whole machine, or by an fsync that failed. */
type Ending = 'killed' | 'rebooted' | 'failed'

const options: InjectOptions = { allowGap: true, allowIsolation: true }
/** The time for which the service manager leaves an agent down whose disk failed, in ms. */
const restartMs = { least: 100, most: 2_000 }

/** Hosts that are all down. */
export function createHosts(cluster: Cluster): Hosts {
  const { world } = cluster
  let requests = 0
  const feed: Shell['feed'] = (host, life, input) => {
    if (host.life !== life || host.runner === null) return
    if (host.pausedUntil <= world.now && host.waiting.length === 0) return host.runner.feed(input)
    host.waiting.push({ life, input })
    if (host.waiting.length === 1) world.after(host.pausedUntil - world.now, () => resume(host))
  }
  /** Takes the inputs of a pause in their order, whatever pauses the host again. */
  const resume = (host: SimHost): void => {
    if (host.pausedUntil > world.now) {
      world.after(host.pausedUntil - world.now, () => resume(host))
      return
    }
    const waiting = host.waiting.splice(0)
    for (const { life, input } of waiting) if (host.life === life) host.runner?.feed(input)
  }
  const shell: Shell = {
    cluster,
    feed,
    network: createNetwork(cluster, feed),
    replies: new Map(),
    failed(host, why) {
      end(shell, host, why)
      const downMs = between(world.random, restartMs.least, restartMs.most)
      world.after(downMs, () => start(shell, host))
    },
  }
  const unanswered: Delivery[] = []
  return {
    network: shell.network,
    unanswered,
    start: (host) => start(shell, host),
    end: (host, how) => end(shell, host, how),
    inject(host, delivery, answer) {
      if (host.runner === null) return answer(null)
      const request = ++requests
      shell.replies.set(`${host.index} ${request}`, (verdict) => {
        if (verdict === null) unanswered.push(delivery)
        cluster.watch.answered(host, delivery, verdict)
        answer(verdict)
      })
      feed(host, host.life, { kind: 'injected', request, delivery, options })
    },
    feed: (host, input) => feed(host, host.life, input),
  }
}

function start(shell: Shell, host: SimHost): void {
  if (host.node !== null) return
  const { cluster } = shell
  const { world, watch } = cluster
  host.life++
  const { life } = host
  const self = { host: host.name, peerId: host.peerId, agentVersion: 'sim' }
  const seed = between(world.random, 0, 2 ** 31)
  const { node, effects } = startNode(host.disk.load(self), seed, clockOf(cluster, host))
  host.node = node
  // Effects of the start are carried out at once, but what they bring comes when the runner is
  // there.
  host.runner = createRunner(
    node,
    effects,
    (effect) => carryOut(shell, host, effect),
    () => watch.stepped(host),
  )
  watch.started(host)
  world.after(between(world.random, 0, tickMs), () => tick(shell, host, life))
}

function tick(shell: Shell, host: SimHost, life: number): void {
  if (host.life !== life || host.node === null) return
  shell.feed(host, life, { kind: 'tick', now: clockOf(shell.cluster, host) })
  shell.cluster.world.after(tickMs, () => tick(shell, host, life))
}

function end(shell: Shell, host: SimHost, how: Ending): void {
  if (host.node === null) return
  const { cluster, network, replies } = shell
  cluster.counts.kills++
  host.life++
  host.admitted = null
  host.runner?.stop()
  host.runner = null
  host.node = null
  host.pausedUntil = 0
  if (host.disk.crash()) cover(cluster, 'disk write cut short')
  cover(cluster, `host ${how}`)
  if (cluster.hosts.every((one) => one.node === null)) cover(cluster, 'cluster down')
  cluster.watch.ended(host, how)
  if (how === 'rebooted') host.kernel = null
  network.vanish(host, how !== 'rebooted')
  for (const [key, answer] of replies) {
    if (!key.startsWith(`${host.index} `)) continue
    replies.delete(key)
    answer(null)
  }
}
