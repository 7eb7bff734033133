import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { HeldConfig } from '../../protocol/node/durable.ts'
import type { Effect, Verdict } from '../../protocol/node/effects.ts'
import { listingIn } from '../../protocol/node/listing.ts'
import { configOf, type NodeState } from '../../protocol/node/state.ts'
import { type Checker, checkForkKnown, highestHead } from '../../simulations/checks/invariants.ts'
import {
  checkPrompt,
  checkQuiet,
  checkSpread,
  failDisagreement,
  hasAgreed,
} from '../../simulations/checks/liveness.ts'
import { simulate } from '../../simulations/run.ts'
import { scenarioNamed } from '../../simulations/scenarios/scenarios.ts'
import type { Cluster, SimHost } from '../../simulations/world/cluster.ts'

/** A healthy cluster in the middle of a run, to be tampered with. */
interface Patient {
  readonly cluster: Cluster
  readonly checker: Checker
  readonly host: SimHost
  readonly node: NodeState
  readonly head: HeldConfig
  pass(seconds: number): void
}

function patient(): Patient {
  const scenario = scenarioNamed('rekey')
  assert.ok(scenario)
  const made: { cluster: Cluster; checker: Checker }[] = []
  const run = simulate({
    scenario,
    seed: 1,
    hosts: 4,
    only: new Set(),
    alsoWatch(cluster, checker) {
      made.push({ cluster, checker })
      return {}
    },
  })
  const pass = (seconds: number): void => {
    const endMs = (cluster: Cluster): number => cluster.world.now + seconds * 1000
    let untilMs: number | null = null
    for (let step = run.next(); !step.done; step = run.next()) {
      const [one] = made
      if (one === undefined) continue
      untilMs ??= endMs(one.cluster)
      if (one.cluster.world.now >= untilMs) return
    }
  }
  pass(25)
  const { cluster, checker } = made[0] ?? assert.fail('nobody watches')
  const host = cluster.hosts[1]
  assert.ok(host?.node?.head)
  assert.equal(checker.violation, null)
  return { cluster, checker, host, node: host.node, head: host.node.head, pass }
}

/** The same config with another place in the order. */
function moved(held: HeldConfig, change: Partial<HeldConfig['head']>): HeldConfig {
  return { ...held, head: { ...held.head, ...change } }
}

const otherDigest = `sha256:${'f'.repeat(64)}`

function forkAlarm(raised = true): Effect {
  const alarm = { code: 'fork', message: 'says so', since: 0, host: null }
  return { kind: 'alarm', alarm, raised }
}

function accepted(head: HeldConfig['head']): Effect {
  const verdict: Verdict = { verdict: 'accepted', code: 'accepted', message: '', head, faults: [] }
  return { kind: 'reply', request: 1, verdict }
}

type Tampering = readonly [invariant: number, what: string, tamper: (patient: Patient) => void]

const tamperings: readonly Tampering[] = [
  [
    1,
    'a head that goes down',
    ({ cluster, host, node, head }) => {
      node.head = moved(head, { version: 0, digest: otherDigest })
      cluster.watch.stepped(host)
    },
  ],
  [
    1,
    'a head that is lower after a start',
    ({ cluster, host, node, head }) => {
      node.head = moved(head, { version: 0, digest: otherDigest })
      cluster.watch.started(host)
    },
  ],
  [
    8,
    'a head that goes back to an earlier epoch',
    ({ cluster, host, node, head }) => {
      node.head = moved(head, { epoch: 2, digest: otherDigest })
      cluster.watch.stepped(host)
      node.head = moved(head, { version: 99 })
      cluster.watch.stepped(host)
    },
  ],
  [
    7,
    'a forged head',
    ({ cluster, host, node, head }) => {
      cluster.forged.add(otherDigest)
      node.head = moved(head, { version: 2, digest: otherDigest })
      cluster.watch.stepped(host)
    },
  ],
  [
    2,
    'a config that is applied without signatures',
    ({ cluster, host, head }) => {
      const config = configOf(head) ?? assert.fail('no config')
      const held = { ...head, document: { ...head.document, signatures: [] } }
      cluster.watch.effect(host, { kind: 'adopt', held, config })
    },
  ],
  [
    2,
    'a config that is not what was signed',
    ({ cluster, host, head }) => {
      const config = configOf(head) ?? assert.fail('no config')
      const payload = new Uint8Array([...head.document.payload, 32])
      const held = { ...head, document: { ...head.document, payload } }
      cluster.watch.effect(host, { kind: 'adopt', held, config })
    },
  ],
  [
    3,
    'a config that is applied before it is durable',
    ({ cluster, host, head }) => {
      const config = configOf(head) ?? assert.fail('no config')
      cluster.watch.effect(host, { kind: 'adopt', held: moved(head, { version: 2 }), config })
    },
  ],
  [
    3,
    'a head that is told before it is durable',
    ({ cluster, host, head }) => {
      cluster.watch.effect(host, { kind: 'announce', peers: [], held: moved(head, { version: 2 }) })
    },
  ],
  [
    3,
    'a verdict that is given before it is durable',
    ({ cluster, host, head }) => {
      cluster.watch.effect(host, accepted({ ...head.head, digest: otherDigest }))
    },
  ],
  [
    3,
    'an alarm about evidence that is not kept',
    ({ cluster, host }) => {
      cluster.watch.effect(host, forkAlarm())
    },
  ],
  [
    4,
    'a config that means something else on one host',
    ({ cluster, host, head }) => {
      const config = configOf(head) ?? assert.fail('no config')
      const { h00003: _, ...hosts } = config.hosts
      cluster.watch.effect(host, { kind: 'adopt', held: head, config: { ...config, hosts } })
    },
  ],
  [
    5,
    'a host that stays behind',
    ({ cluster, checker, node, head }) => {
      assert.ok(hasAgreed(cluster))
      node.head = moved(head, { version: 0, digest: otherDigest })
      assert.ok(!hasAgreed(cluster))
      failDisagreement(cluster, checker)
    },
  ],
  [
    5,
    'a host that holds a config and never applies it',
    ({ cluster, checker, node }) => {
      node.applied = null
      assert.ok(!hasAgreed(cluster))
      failDisagreement(cluster, checker)
    },
  ],
  [
    9,
    'a removed host that stays connected',
    ({ cluster, host, node, head, pass }) => {
      const config = configOf(head) ?? assert.fail('no config')
      const { h00002: _, ...hosts } = config.hosts
      node.listing = listingIn({ ...config, hosts })
      node.statuses.delete('h00002')
      cluster.watch.stepped(host)
      pass(6)
    },
  ],
  [
    14,
    'a table beyond its bound',
    ({ cluster, host, node }) => {
      for (let peer = 0; peer < 17; peer++) {
        node.fetching.set(`peer ${peer}`, { digest: otherDigest, withRoots: false })
      }
      cluster.watch.stepped(host)
    },
  ],
  [
    16,
    'an alarm of a fork where one config was signed',
    ({ cluster, host, head }) => {
      host.disk.files.set(`evidence/${otherDigest}`, moved(head, { digest: otherDigest }))
      cluster.watch.effect(host, forkAlarm())
    },
  ],
  [
    16,
    'a fork that one host alone knows of',
    ({ cluster, checker, node, head }) => {
      node.evidence.set(otherDigest, moved(head, { digest: otherDigest }))
      checkForkKnown(checker, cluster, highestHead(cluster) ?? head.head)
    },
  ],
  [
    16,
    'a fork that a host goes on to tell of',
    ({ cluster, checker, node, head }) => {
      node.alarms.set('fork ', { code: 'fork', message: '', since: 0, host: null })
      checkForkKnown(checker, cluster, highestHead(cluster) ?? head.head)
    },
  ],
  [
    18,
    'hosts that talk for ever',
    ({ cluster, checker }) => {
      checkQuiet(cluster, checker, { messages: 1e6, dials: 0 })
    },
  ],
  [
    18,
    'hosts that dial for ever',
    ({ cluster, checker }) => {
      checkQuiet(cluster, checker, { messages: 0, dials: 60 })
    },
  ],
  [
    5,
    'a head that takes too many hops',
    ({ cluster, checker }) => {
      checkSpread(checker, cluster, { hops: () => 99, ms: () => 1 })
    },
  ],
  [
    5,
    'a head that waits at each hop',
    ({ cluster, checker }) => {
      checkSpread(checker, cluster, { hops: () => 2, ms: () => 30_000 })
    },
  ],
  [
    5,
    'an agreement that comes late',
    ({ checker }) => checkPrompt(checker, 60_000, { pausedMs: 15_000, isCut: true }),
  ],
]

describe('the invariants of docs/SIMULATION.md', () => {
  for (const [invariant, what, tamper] of tamperings) {
    it(`${invariant}: ${what} is noticed`, () => {
      const tampered = patient()
      tamper(tampered)
      const { violation } = tampered.checker
      assert.equal(violation?.invariant, invariant, violation?.what ?? 'nobody noticed')
    })
  }

  it('hold in a cluster that nobody tampers with', () => {
    const { cluster, checker, head, pass } = patient()
    pass(60)
    checkForkKnown(checker, cluster, highestHead(cluster) ?? head.head)
    assert.equal(checker.violation, null)
  })

  it('keep the first violation', () => {
    const { checker, host } = patient()
    checker.fail(1, host, 'first')
    checker.fail(2, host, 'second')
    assert.equal(checker.violation?.what, 'first')
  })
})
