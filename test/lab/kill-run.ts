import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseEnvelope } from '../../protocol/documents/envelope.ts'
import type { Head } from '../../protocol/heads.ts'
import { compareHeads, compareHeadsOrNone } from '../../protocol/heads.ts'
import { nextRandom, type Random, seeded } from '../../protocol/node/random.ts'
import { entriesBelow, unlessGone } from '../live-folder.ts'
import { postConfig, type ShownVerdict } from './agent-socket.ts'
import type { AgentStatus } from './agent-status.ts'
import { buildCovey } from './bundled.ts'
import type { VirtualHost } from './host.ts'
import { createLab } from './lab.ts'
import type { Running } from './running.ts'
import { createSwiftOperator, type SwiftOperator } from './swift-operator.ts'
import { until } from './waiting.ts'

/** The result of a run of kills. */
export interface KillReport {
  readonly kills: number
  /** Kills that struck before the agent had answered once after its start. */
  readonly killsWhileStarting: number
  /** Starts after which the agent was asked and everything was checked. */
  readonly checks: number
  /** Versions that were answered for. */
  readonly versions: number
  readonly seconds: number
}

/** The options of a run. */
export interface KillPlan {
  readonly kills: number
  readonly seed: number
  readonly onProgress?: (kills: number) => void
}

/** One host under fire: its agent, and the highest head that it ever answered. */
interface Target {
  readonly host: VirtualHost
  agent: Running | null
  answered: Head | null
}

interface Fire {
  readonly plan: KillPlan
  readonly random: Random
  readonly path: string
  readonly targets: readonly Target[]
  kills: number
  killsWhileStarting: number
  checks: number
  versions: number
}

/** A kill strikes within this after a start or an answer. A start takes about as long. */
const killMsMax = 800
/** One start in so many is not waited for: the kill may come in the middle of it. */
const oneInStarting = 3

/**
 * Kills the agents of three hosts at random moments by SIGKILL while versions are handed over at
 * random hosts. After each restart: the agent answers, its head is not below one that this host has
 * ever answered, every file of its state is whole, and no alarm says otherwise.
 */
export async function runKills(plan: KillPlan): Promise<KillReport> {
  const started = performance.now()
  const bundle = buildCovey()
  const lab = await createLab()
  try {
    for (const name of ['cloud01', 'cloud02', 'cloud03']) await lab.host(name)
    const hosts = [...lab.hosts.values()]
    await lab.operator.enrol(hosts)
    const targets: Target[] = hosts.map((host) => ({ host, agent: null, answered: null }))
    const random = seeded(plan.seed)
    const counts = { kills: 0, killsWhileStarting: 0, checks: 0, versions: 0 }
    const fire: Fire = { plan, random, path: bundle.path, targets, ...counts }
    const operator = await createSwiftOperator(lab.operator)
    const killing = Promise.all(targets.map((target) => keepKilling(fire, target)))
    await Promise.all([killing, keepInjecting(fire, operator)])
    await assertAllAgree(fire)
    for (const target of targets) target.agent = null
    const { kills, killsWhileStarting, checks, versions } = fire
    const seconds = Math.round((performance.now() - started) / 1000)
    return { kills, killsWhileStarting, checks, versions, seconds }
  } finally {
    lab.close()
    bundle.remove()
  }
}

async function keepKilling(fire: Fire, target: Target): Promise<void> {
  for (;;) {
    const agent = start(fire, target)
    const waits = nextRandom(fire.random) * oneInStarting >= 1
    if (waits || fire.kills >= fire.plan.kills) await checkAfterStart(fire, target)
    if (fire.kills >= fire.plan.kills) return
    await sleep(nextRandom(fire.random) * killMsMax)
    fire.kills += 1
    if (!waits) fire.killsWhileStarting += 1
    fire.plan.onProgress?.(fire.kills)
    target.agent = null
    agent.signal('SIGKILL')
    await agent.ended
  }
}

function start(fire: Fire, target: Target): Running {
  const agent = target.host.spawn(fire.path, ['agent'])
  target.agent = agent
  void agent.ended.then((code) => {
    if (target.agent !== agent) return
    target.agent = null
    console.error(`${target.host.name}: the agent ended by itself (${code})\n${agent.output()}`)
  })
  return agent
}

async function checkAfterStart(fire: Fire, target: Target): Promise<void> {
  const { host } = target
  const agent = target.agent
  // Only the waiting is inside `until`, which takes a failure for a reason to ask again.
  const status = await ask(target, () =>
    until(`${host.name}'s agent answers after a start`, async () => {
      if (target.agent === null) throw new Error(`it ended:\n${agent?.output()}`)
      return await host.status()
    }),
  )
  assertSound(host, status)
  fire.checks += 1
}

/** Remembers what a host answers: never below what it had answered when it was asked. */
async function ask<T extends { readonly head?: Head | null }>(
  target: Target,
  question: () => Promise<T>,
): Promise<T> {
  const before = target.answered
  const answer = await question()
  const head = answer.head ?? null
  if (before !== null) {
    const went = `from ${JSON.stringify(before)} to ${JSON.stringify(head)}`
    assert.ok(head && compareHeads(head, before) >= 0, `${target.host.name} went ${went}`)
  }
  if (compareHeadsOrNone(head, target.answered) > 0) target.answered = head
  return answer
}

function assertSound(host: VirtualHost, status: AgentStatus): void {
  assert.deepEqual(status.alarms, [], `${host.name} has alarms`)
  const folder = join(host.folder, 'var-lib/covey')
  for (const [path, stats] of entriesBelow(folder)) {
    if (!stats.isFile() || !path.endsWith('.json')) continue
    const text = unlessGone(() => readFileSync(path, 'utf8'))
    if (text === null) continue
    assert.doesNotThrow(() => JSON.parse(text), path)
    const isDocument = /^(head|previous|confirmed)\.json$|^\d+\.json$/.test(basename(path))
    if (isDocument) assert.ok(parseEnvelope(text).ok, path)
  }
}

/** Hands version after version to random hosts, each until one of them has it. */
async function keepInjecting(fire: Fire, operator: SwiftOperator): Promise<void> {
  let next = await operator.sign(2)
  while (fire.kills < fire.plan.kills) {
    const at = Math.floor(nextRandom(fire.random) * fire.targets.length)
    const target = fire.targets[at]
    const agent = target?.agent
    if (target === undefined || agent === null) {
      await sleep(1)
      continue
    }
    const post = (): Promise<ShownVerdict> => postConfig(target.host.socketPath, next.text)
    const verdict = await ask(target, post).catch((error: unknown) => {
      // The agent was killed under it, or does not listen yet.
      if (error instanceof assert.AssertionError) throw error
      return null
    })
    // What was answered by a process that has been killed meanwhile was answered all the same.
    if (verdict?.code !== 'accepted' && verdict?.code !== 'already-head') {
      assert.ok(verdict === null || verdict.code === 'older', JSON.stringify(verdict))
      await sleep(10)
      continue
    }
    fire.versions += 1
    next = await operator.sign(next.version + 1)
  }
}

async function assertAllAgree({ targets }: Fire): Promise<void> {
  for (const target of targets) await ask(target, () => target.host.status())
  await until('all hosts agree after the last kill', async () => {
    const heads: string[] = []
    for (const target of targets) {
      const { head, applied } = await target.host.status()
      heads.push(`${head?.version} ${head?.digest}`, `${applied?.version} ${applied?.digest}`)
    }
    return new Set(heads).size === 1
  })
}
