import assert from 'node:assert/strict'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import { type EventWatch, postConfig, watchEvents } from './agent-socket.ts'
import { type BundledCovey, buildCovey } from './bundled.ts'
import { checkEvents, type Seen } from './event-checks.ts'
import type { VirtualHost } from './host.ts'
import { createLab, type Lab } from './lab.ts'
import type { Running } from './running.ts'
import { createSwiftOperator, type SignedVersion, type SwiftOperator } from './swift-operator.ts'
import { until } from './waiting.ts'

const names = ['cloud01', 'cloud02', 'cloud03', 'cloud04'] as const

describe('partitions of real agents, checked by their events', () => {
  let bundle: BundledCovey
  let lab: Lab
  let operator: SwiftOperator
  let all: readonly VirtualHost[]
  let left: readonly VirtualHost[]
  let right: readonly VirtualHost[]
  const agents = new Map<string, Running>()
  const watches = new Map<string, EventWatch>()
  let version = 1

  const next = async (note = ''): Promise<SignedVersion> => {
    version += 1
    return await operator.sign(version, note)
  }
  const inject = async (host: VirtualHost, signed: SignedVersion): Promise<void> => {
    const verdict = await postConfig(host.socketPath, signed.text)
    assert.equal(verdict.code, 'accepted', `${host.name}: ${JSON.stringify(verdict)}`)
  }
  /** All of these have applied exactly this config, and say that they are in sync. */
  const agree = async (hosts: readonly VirtualHost[], signed: SignedVersion): Promise<void> => {
    for (const host of hosts) {
      await host.waitFor(`has applied version ${signed.version}`, ({ head, applied, state }) => {
        const both = [head?.digest, applied?.digest]
        return both.every((digest) => digest === signed.digest) && state === 'in-sync'
      })
    }
  }
  const connected = (hosts: readonly VirtualHost[]): Promise<unknown> =>
    Promise.all(
      hosts.map((host) =>
        host.waitFor('is connected to all', ({ peers }) => peers.every((peer) => peer.connected)),
      ),
    )
  const cutHalves = async (oneWay = false): Promise<void> => {
    for (const a of left) for (const b of right) await lab.cut(a.name, b.name, { oneWay })
  }
  const hostNamed = (name: string): VirtualHost => {
    return lab.hosts.get(name) ?? assert.fail(`there is no ${name}`)
  }
  const lost = (host: VirtualHost, other: string): Promise<unknown> =>
    host.waitFor(`has lost ${other}`, ({ peers }) =>
      peers.some((peer) => peer.host === other && !peer.connected),
    )
  const stillAt = async (hosts: readonly VirtualHost[], signed: SignedVersion): Promise<void> => {
    for (const host of hosts) {
      assert.equal((await host.status()).head?.digest, signed.digest, `${host.name} is cut off`)
    }
  }
  const seen = (): ReadonlyMap<string, Seen> =>
    new Map([...watches].map(([name, watch]) => [name, checkEvents(name, watch)]))

  before(async () => {
    bundle = buildCovey()
    lab = await createLab()
    for (const name of names) await lab.host(name)
    all = [...lab.hosts.values()]
    ;[left, right] = [all.slice(0, 2), all.slice(2)]
    await lab.operator.enrol(all)
    operator = await createSwiftOperator(lab.operator)
    for (const host of all) agents.set(host.name, host.spawn(bundle.path, ['agent']))
    await connected(all)
  })
  after(() => {
    lab?.close()
    bundle?.remove()
  })
  beforeEach(async () => {
    for (const host of all) {
      const watch = watchEvents(host.socketPath)
      watches.set(host.name, watch)
      await until(`${host.name} tells its events`, () => watch.events.length > 0)
    }
  })
  afterEach(async () => {
    for (const watch of watches.values()) watch.stop()
    await lab.heal()
  })

  const assertNoAlarm = (code: string): void => {
    for (const [name, { alarms }] of seen()) {
      assert.ok(!alarms.includes(code), `${name} raised ${code}: nobody signed twice`)
    }
  }

  it('agree after a cut in halves, while versions go in on one side', async () => {
    const first = await next()
    await inject(all[0] as VirtualHost, first)
    await agree(all, first)
    await cutHalves()
    let last = first
    for (let round = 0; round < 3; round++) {
      last = await next()
      await inject(left[round % 2] as VirtualHost, last)
    }
    await agree(left, last)
    await stillAt(right, first)
    await lab.heal()
    await agree(all, last)
    assertNoAlarm('fork')
  })

  it('agree after a cut that goes one way only', async () => {
    await connected(all)
    await cutHalves(true)
    const last = await next()
    await inject(right[0] as VirtualHost, last)
    await agree(right, last)
    await lab.heal()
    await agree(all, last)
    assertNoAlarm('fork')
  })

  it('agree along a ring of which every chord is cut', async () => {
    await connected(all)
    const [first, second, third, fourth] = names
    for (const [from, to] of [
      [first, third],
      [second, fourth],
    ] as const) {
      await lab.cut(from, to)
      await Promise.all([lost(hostNamed(from), to), lost(hostNamed(to), from)])
    }
    for (const host of [all[0], all[2]] as VirtualHost[]) {
      const last = await next()
      await inject(host, last)
      await agree(all, last)
    }
    await lab.heal()
    await connected(all)
    assertNoAlarm('fork')
  })

  it('agree after cuts that come and go while versions go in', async () => {
    await connected(all)
    let last = await next()
    for (let flap = 0; flap < 6; flap++) {
      await cutHalves(flap % 2 === 1)
      await inject(left[flap % 2] as VirtualHost, last)
      await agree(left, last)
      // Some cuts last long enough that connections are given up, others do not.
      if (flap % 3 === 0) await lost(left[0] as VirtualHost, names[3])
      await lab.heal()
      if (flap < 5) last = await next()
    }
    await agree(all, last)
    await connected(all)
    assertNoAlarm('fork')
    assertNoAlarm('lost-branch')
  })

  it('bring an agent that was stopped for a while up to date', async () => {
    await connected(all)
    const paused = all[3] as VirtualHost
    agents.get(paused.name)?.signal('SIGSTOP')
    let last = await next()
    try {
      await inject(all[0] as VirtualHost, last)
      // Long enough that the others have given its connections up, so that it has to come back.
      await lost(all[0] as VirtualHost, paused.name)
      last = await next()
      await inject(all[1] as VirtualHost, last)
      await agree(all.slice(0, 3), last)
    } finally {
      agents.get(paused.name)?.signal('SIGCONT')
    }
    await agree(all, last)
    assertNoAlarm('fork')
  })

  it('raise the alarm of a real fork on every host, and agree on the lower digest', async () => {
    await connected(all)
    await cutHalves()
    const one = await next('signed on the left')
    const other = await operator.sign(one.version, 'signed on the right')
    await inject(left[0] as VirtualHost, one)
    await inject(right[0] as VirtualHost, other)
    await agree(left, one)
    await agree(right, other)
    await lab.heal()
    const winner = one.digest < other.digest ? one : other
    await agree(all, winner)
    for (const host of all) {
      await host.waitFor('has the alarm', ({ alarms }) => alarms.some((a) => a.code === 'fork'))
    }
    for (const [name, { alarms }] of seen()) assert.ok(alarms.includes('fork'), name)
    const last = await next()
    await inject(all[2] as VirtualHost, last)
    await agree(all, last)
    for (const host of all) await host.waitFor('is clear', ({ alarms }) => alarms.length === 0)
  })
})
