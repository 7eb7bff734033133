import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { contactMs, contactTriesMax, handshakeMsMax } from '../../../reconcilers/limits.ts'
import { wireguard } from '../../../reconcilers/wireguard/index.ts'
import { createFakeHost, type FakeHost } from '../fake/host.ts'
import { config, handshake, peerAt, round } from './peers.ts'

describe('names with several addresses, on first contact', () => {
  const desired = config({ B: 'b.example:1' })
  const endpointsBy = async (host: FakeHost, ms: number, stepMs = 1_000): Promise<string[]> => {
    const seen: string[] = []
    for (let passed = 0; passed < ms; passed += stepMs) {
      await round(host, desired)
      const { endpoint } = peerAt(host, 'B')
      if (seen.at(-1) !== endpoint) seen.push(endpoint ?? '-')
      await host.clock.advance(stepMs)
    }
    return seen
  }

  it('begin with one to which there is a way', async () => {
    const host = createFakeHost()
    host.model.names.set('b.example', ['2001:db8::5', '192.0.2.5', '192.0.2.6'])
    host.model.unrouted.add(6)
    assert.deepEqual(await endpointsBy(host, 11_000), ['192.0.2.5:1', '192.0.2.6:1', '192.0.2.5:1'])
    host.model.unrouted.add(4)
    await host.clock.advance(contactMs)
    // A way to none is no reason to leave any out.
    assert.deepEqual(await endpointsBy(host, 1_000), ['192.0.2.6:1'])
  })

  it('alternate every 5 s until one answers', async () => {
    const host = createFakeHost()
    host.model.names.set('b.example', ['2001:db8::5', '192.0.2.5'])
    assert.deepEqual(await endpointsBy(host, 11_000), [
      ...['[2001:db8::5]:1', '192.0.2.5:1', '[2001:db8::5]:1'],
    ])
    await host.clock.advance(contactMs)
    await round(host, desired)
    assert.equal(peerAt(host, 'B').endpoint, '192.0.2.5:1')
    handshake(host, 'B')
    assert.deepEqual(await endpointsBy(host, 60_000, 7_000), ['192.0.2.5:1'])
  })

  it('do so for a minute, then as rarely as a handshake is over', async () => {
    const host = createFakeHost()
    host.model.names.set('b.example', ['2001:db8::5', '192.0.2.5'])
    const minute = await endpointsBy(host, contactTriesMax * contactMs + 1_000)
    assert.equal(minute.length, contactTriesMax + 1)
    assert.equal((await endpointsBy(host, handshakeMsMax - 5_000, 5_000)).length, 1)
    assert.equal((await endpointsBy(host, 20_000, 5_000)).length, 2)
  })

  it('are no sign that somebody undoes what was applied, and come when they are due', async () => {
    const host = createFakeHost()
    host.model.names.set('b.example', ['2001:db8::5', '192.0.2.5'])
    const look = async (): Promise<[boolean, number | null]> => {
      const { spec } = wireguard.resolve(desired, 'a')
      const observed = await wireguard.observe(spec, host.ports, new AbortController().signal)
      const steps = wireguard.plan(spec, observed)
      const sync = steps.find(({ kind }) => kind === 'sync-device')
      return [sync?.pace === 'recurring', wireguard.dueAt?.(spec, observed) ?? null]
    }
    assert.deepEqual(await look(), [false, host.clock.now() + contactMs])
    await round(host, desired)
    await host.clock.advance(contactMs)
    assert.deepEqual(await look(), [true, host.clock.now() + contactMs])
    await round(host, desired)
    handshake(host, 'B')
    assert.deepEqual(await look(), [false, null])
  })

  it('are remembered as version 0.1.0 did', async () => {
    const host = createFakeHost()
    host.model.names.set('b.example', ['2001:db8::5', '192.0.2.5'])
    const names = [['b.example', { address: '192.0.2.5', askedMs: host.clock.now() }]]
    host.model.files.set('wireguard.json', JSON.stringify({ links: [], names }))
    assert.deepEqual(await endpointsBy(host, 6_000), ['192.0.2.5:1', '[2001:db8::5]:1'])
  })
})
