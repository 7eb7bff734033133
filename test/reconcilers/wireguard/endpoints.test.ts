import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  handshakeMsMax,
  lostJitterMs,
  renewJitterMs,
  renewMs,
  resolveMsMax,
  roundMs,
} from '../../../reconcilers/limits.ts'
import { wireguard } from '../../../reconcilers/wireguard/index.ts'
import { reconcile } from '../contract-suite.ts'
import { settle } from '../fake/clock.ts'
import { createFakeHost, type FakeHost } from '../fake/host.ts'
import { config, handshake, peerAt, peers, round } from './peers.ts'

describe('endpoints', () => {
  it('leaves a roamed one alone while its handshake is fresh, then goes back', async () => {
    const host = createFakeHost()
    const desired = config({ B: '192.0.2.1:51820' })
    await round(host, desired)
    handshake(host, 'B', '198.51.100.7:4000')
    assert.deepEqual(await round(host, desired), [])
    await host.clock.advance(179_000)
    assert.deepEqual(await round(host, desired), [])
    await host.clock.advance(2_000)
    await round(host, desired)
    assert.equal(peerAt(host, 'B').endpoint, '192.0.2.1:51820')
    assert.deepEqual(await round(host, desired), [])
  })

  it('leaves a roamed one alone when another peer changes', async () => {
    const host = createFakeHost()
    await round(host, config({ B: '192.0.2.1:51820' }))
    handshake(host, 'B', '198.51.100.7:4000')
    await round(host, config({ B: '192.0.2.1:51820', C: '192.0.2.3:51820' }))
    assert.equal(peerAt(host, 'B').endpoint, '198.51.100.7:4000')
    assert.equal(peerAt(host, 'C').endpoint, '192.0.2.3:51820')
  })

  it('writes one that the config changes, though the handshake is fresh', async () => {
    const host = createFakeHost()
    await round(host, config({ B: '192.0.2.1:51820' }))
    handshake(host, 'B', '198.51.100.7:4000')
    await round(host, config({ B: '192.0.2.9:51820' }))
    assert.equal(peerAt(host, 'B').endpoint, '192.0.2.9:51820')
    handshake(host, 'B', '198.51.100.8:4000')
    assert.deepEqual(await round(host, config({ B: '192.0.2.9:51820' })), [])
  })

  it('remembers over a restart and over a damaged memory', async () => {
    const host = createFakeHost()
    const desired = config({ B: '192.0.2.1:51820' })
    await round(host, desired)
    handshake(host, 'B', '198.51.100.7:4000')
    host.model.files.set('wireguard.json', '{"links": 5')
    await round(host, desired)
    assert.deepEqual(await round(host, desired), [])
    assert.equal(peers(host).size, 1)
  })
})

describe('names of endpoints', () => {
  it('one that nobody resolves holds back nothing else', async () => {
    const host = createFakeHost()
    host.model.names.set('good.example', ['192.0.2.5'])
    const desired = config({ B: 'bad.example:1', C: 'good.example:2' })
    await round(host, desired)
    assert.equal(peerAt(host, 'B').endpoint, null)
    assert.equal(peerAt(host, 'C').endpoint, '192.0.2.5:2')
    const { spec } = wireguard.resolve(desired, 'a')
    const signal = new AbortController().signal
    const observed = await wireguard.observe(spec, host.ports, signal)
    assert.deepEqual(wireguard.judge(spec, observed), [
      { object: 'pb', state: 'pending', reason: 'no address for bad.example' },
    ])
    host.model.names.set('bad.example', ['2001:db8::5'])
    await host.clock.advance(15_000)
    await round(host, desired)
    assert.equal(peerAt(host, 'B').endpoint, '[2001:db8::5]:1')
  })

  it('keeps the last good address, and asks again after 3 minutes without handshake', async () => {
    const host = createFakeHost()
    const desired = config({ B: 'b.example:1' })
    host.model.names.set('b.example', ['192.0.2.5'])
    await round(host, desired)
    handshake(host, 'B')
    host.model.names.delete('b.example')
    await host.clock.advance(200_000)
    await round(host, desired)
    assert.equal(peerAt(host, 'B').endpoint, '192.0.2.5:1')
    host.model.names.set('b.example', ['192.0.2.6'])
    assert.deepEqual(await round(host, desired), [])
    await host.clock.advance(180_000)
    await round(host, desired)
    assert.equal(peerAt(host, 'B').endpoint, '192.0.2.6:1')
  })

  it('tries the next address of a name whose first one does not answer', async () => {
    const host = createFakeHost()
    const desired = config({ B: 'b.example:1' })
    host.model.names.set('b.example', ['2001:db8::5', '192.0.2.5'])
    await round(host, desired)
    assert.equal(peerAt(host, 'B').endpoint, '[2001:db8::5]:1')
    await host.clock.advance(180_000)
    await round(host, desired)
    assert.equal(peerAt(host, 'B').endpoint, '192.0.2.5:1')
  })

  it('takes no address inside the mesh itself', async () => {
    const host = createFakeHost()
    host.model.names.set('b.example', ['10.69.0.2', 'not an address', '192.0.2.5'])
    await round(host, config({ B: 'b.example:1' }))
    assert.equal(peerAt(host, 'B').endpoint, '192.0.2.5:1')
  })

  it('waits for a resolver that does not answer only so long', async () => {
    const host = createFakeHost()
    const resolveName = (_: string, signal: AbortSignal): Promise<readonly string[]> =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason))
      })
    const ports = { ...host.ports, resolveName }
    let isDone = false
    const done = reconcile(wireguard, config({ B: 'b.example:1' }), 'a', ports).then(() => {
      isDone = true
    })
    await host.clock.advance(resolveMsMax - 1)
    assert.equal(isDone, false)
    await host.clock.advance(1)
    await settle()
    await done
    assert.equal(peerAt(host, 'B').endpoint, null)
  })
})

describe('peers without handshake', () => {
  const removals = (host: FakeHost): readonly string[] =>
    host.commands.filter((each) => each.includes(' remove'))

  it('are removed and added again, with the endpoint that they were at', async () => {
    const host = createFakeHost()
    const desired = config({ B: '192.0.2.1:51820', C: undefined, D: undefined })
    await round(host, desired)
    handshake(host, 'C', '198.51.100.7:4000')
    await host.clock.advance(handshakeMsMax - 1_000)
    handshake(host, 'D', '198.51.100.8:4000')
    await round(host, desired)
    assert.deepEqual(removals(host), [])
    await host.clock.advance(lostJitterMs + 2_000)
    await round(host, desired)
    assert.equal(removals(host).length, 1)
    assert.match(removals(host).join(), /CCCC.* remove/)
    assert.equal(peerAt(host, 'C').handshakeSeconds, 0, 'it is a new one')
    assert.equal(peerAt(host, 'C').endpoint, '198.51.100.7:4000')
    assert.deepEqual(await round(host, desired), [])
    await host.clock.advance(renewMs + renewJitterMs - handshakeMsMax)
    handshake(host, 'D', '198.51.100.8:4000')
    await round(host, desired)
    assert.equal(removals(host).length, 2)
    assert.match(removals(host).join(), /BBBB.* remove/)
    assert.doesNotMatch(removals(host).join(), /DDDD/)
    assert.equal(peerAt(host, 'B').endpoint, '192.0.2.1:51820')
  })

  it('are renewed once within 30 s of their loss, where they were well before', async () => {
    const host = createFakeHost()
    const desired = config({ B: '192.0.2.1:51820' })
    await round(host, desired)
    handshake(host, 'B')
    await host.clock.advance(handshakeMsMax)
    const at: number[] = []
    for (let ms = 0; ms < 120_000; ms += roundMs) {
      const count = removals(host).length
      await round(host, desired)
      if (removals(host).length > count) at.push(ms)
      await host.clock.advance(roundMs)
    }
    assert.equal(at.length, 1, 'there is no handshake left that could be in the way')
    assert.ok((at[0] ?? 99_000) < 30_000)
  })

  it('are renewed once, not for ever, when the clock is set back', async () => {
    const host = createFakeHost()
    const desired = config({ B: '192.0.2.1:51820' })
    await round(host, desired)
    handshake(host, 'B')
    host.clock.jump(-10 * 365 * 86_400_000)
    await round(host, desired)
    assert.equal(removals(host).length, 1)
    assert.deepEqual(await round(host, desired), [])
  })

  it('are spread over time, so that the two ends do not interrupt each other', async () => {
    const due = async (own: FakeHost, from: number): Promise<number> => {
      const desired = config({ B: '192.0.2.1:51820' })
      await round(own, desired)
      await own.clock.advance(from)
      for (let ms = 0; ms <= renewJitterMs; ms += 1_000) {
        await round(own, desired)
        if (removals(own).length > 0) return ms
        await own.clock.advance(1_000)
      }
      return -1
    }
    const times = new Set<number>()
    for (let at = 0; at < 8; at++) times.add(await due(createFakeHost(), renewMs))
    assert.ok(times.size > 2, [...times].join())
    assert.equal(times.has(-1), false)
  })
})
