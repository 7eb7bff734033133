import assert from 'node:assert/strict'
import { createHash, sign } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { pino } from 'pino'
import { createGossipPort, type GossipPort } from '../../agent/gossip-port.ts'
import { peerIdOf, privateKeyOf } from '../../agent/identity/peer-id.ts'
import type { Overlay, OverlayEvents } from '../../agent/overlay/overlay.ts'
import { checkConfig } from '../../agent/state/store.ts'
import { decodeFrame, encodeFrame } from '../../agent/state/wire.ts'
import {
  gossipFrameBytesMax,
  inlineDocumentBytesMax,
  statusEntriesMax,
  statusRecordsBurstMax,
} from '../../protocol/limits.ts'
import type { HeldConfig } from '../../protocol/node/durable.ts'
import type { Input } from '../../protocol/node/effects.ts'
import type { SignedStatus } from '../../protocol/status-record.ts'
import { configText, documentIn, makeCluster, signEnvelope } from '../protocol/cluster.ts'

const cluster = makeCluster()

/** A config with so many bytes that do not compress. */
async function heldOf(bytes: number): Promise<HeldConfig> {
  const pad: string[] = []
  for (let part = 0; part * 32 < bytes; part++) {
    pad.push(createHash('sha256').update(`pad ${part}`).digest('base64'))
  }
  const text = configText(cluster, 1, { pad: pad.join('') })
  const document = documentIn(signEnvelope(text, cluster.operators))
  const checked = await checkConfig(document, [cluster.root])
  return checked.ok ? checked.value : assert.fail(checked.fault.message)
}

interface Wired {
  readonly port: GossipPort
  readonly events: OverlayEvents
  readonly sent: { readonly peer: string; readonly frame: Uint8Array }[]
  readonly admitted: { ids: readonly string[]; addresses: readonly string[] }[]
  readonly fed: Input[]
  until(condition: () => boolean): Promise<void>
}

/** A gossip port on an overlay that notes what it is asked to do. */
async function wire(t: Pick<TestContext, 'after'>): Promise<Wired> {
  const sent: { peer: string; frame: Uint8Array }[] = []
  const admitted: { ids: readonly string[]; addresses: readonly string[] }[] = []
  const fed: Input[] = []
  const opened = Promise.withResolvers<OverlayEvents>()
  const overlay: Overlay = {
    peerId: 'self',
    listen: async () => true,
    admit: (ids, addresses = []) =>
      void admitted.push({ ids: [...ids], addresses: [...addresses] }),
    dial: () => {},
    drop: () => {},
    send(peer, frame) {
      sent.push({ peer, frame })
      return true
    },
    request: () => Promise.reject(new Error('nobody answers')),
    traffic: () => ({ bytesIn: 0, bytesOut: 0 }),
    stop: async () => {},
  }
  const port = createGossipPort({
    async openOverlay(events) {
      opened.resolve(events)
      return overlay
    },
    seed: createHash('sha256').update('self').digest(),
    clock: { now: () => 0, sleep: () => Promise.resolve() },
    log: pino({ level: 'silent' }),
    feed: (input) => void fed.push(input),
    find: () => null,
    rootsAfter: () => [],
    wants: () => true,
  })
  t.after(() => port.stop())
  const events = await opened.promise
  const until = async (condition: () => boolean): Promise<void> => {
    while (!condition()) await turn()
  }
  await until(() => admitted.length > 0)
  return { port, events, sent, admitted, fed, until }
}

const seed = createHash('sha256').update('member').digest()

async function recordOf(sequence: number): Promise<SignedStatus> {
  const text = JSON.stringify({
    host: 'h1',
    peer_id: await peerIdOf(seed),
    sequence,
    state: 'in-sync',
    head: null,
    applied: null,
    objects: { converged: 1, pending: 0, failed: 0, unsupported: 0 },
    alarms: [],
  })
  const signature = sign(null, Buffer.from(text), privateKeyOf(seed)).toString('base64url')
  return { text, signature }
}

function received(fed: readonly Input[]): Extract<Input, { kind: 'received' }>[] {
  return fed.flatMap((input) => (input.kind === 'received' ? [input] : []))
}

test('G6: a document rides with its announcement up to 16 KiB, and not above', async (t) => {
  const { port, sent, until } = await wire(t)
  for (const [bytes, rides] of [
    [12_000, true],
    [17_500, false],
    [60_000, false],
  ] as const) {
    const held = await heldOf(bytes)
    port.announce(['peer'], held)
    const count = sent.length
    await until(() => sent.length > count)
    const frame = sent.at(-1)?.frame ?? assert.fail('nothing was sent')
    const decoded = await decodeFrame(frame)
    assert.ok(decoded.ok)
    const what = `${bytes} bytes: a frame of ${frame.byteLength}`
    assert.equal(decoded.value.delivery !== null, rides, what)
    assert.ok(frame.byteLength <= inlineDocumentBytesMax + 1_024, what)
    assert.ok(frame.byteLength <= gossipFrameBytesMax, what)
  }
})

test('H2: a record that its host has not signed is a breach', async (t) => {
  const { events, fed, until } = await wire(t)
  const good = await recordOf(1)
  const bad = { ...good, text: good.text.replace('"sequence":1', '"sequence":2') }
  events.frame('peer', encodeFrame({ kind: 'status', records: [good] }, null))
  events.frame('peer', encodeFrame({ kind: 'status', records: [good, bad] }, null))
  await until(() => fed.length === 2)
  assert.deepEqual(
    fed.map(({ kind }) => kind),
    ['received', 'misbehaved'],
  )
})

test('H10: one peer has so many records looked at in a burst, and no more', async (t) => {
  const { events, fed, until } = await wire(t)
  const records = Array.from({ length: statusEntriesMax }, () => ({ ...one }))
  const frame = encodeFrame({ kind: 'status', records }, null)
  const frames = statusRecordsBurstMax / statusEntriesMax + 2
  for (let count = 0; count < frames; count++) {
    events.frame('peer', frame)
    await turn()
  }
  events.frame('other', encodeFrame({ kind: 'status', records: [one] }, null))
  await until(() => fed.length > frames)
  assert.deepEqual(
    fed.filter(({ kind }) => kind !== 'received'),
    [],
    'nobody is dropped for it',
  )
  const count = (peer: string): number =>
    received(fed)
      .filter((input) => input.peer === peer)
      .reduce(
        (sum, { message }) => sum + (message.kind === 'status' ? message.records.length : 0),
        0,
      )
  assert.equal(count('peer'), statusRecordsBurstMax)
  assert.equal(count('other'), 1, 'and it costs no other peer anything')
})

test('H10: one peer has so many questions answered in a burst', async (t) => {
  const { events, fed, until } = await wire(t)
  const hosts = Array.from({ length: statusEntriesMax }, (_, index) => `h${index}`)
  const frame = encodeFrame({ kind: 'status-want', hosts }, null)
  const frames = statusRecordsBurstMax / statusEntriesMax + 2
  for (let count = 0; count < frames; count++) {
    events.frame('peer', frame)
    await turn()
  }
  await until(() => fed.length === frames)
  const asked = received(fed).reduce((sum, { message }) => {
    return sum + (message.kind === 'status-want' ? message.hosts.length : 0)
  }, 0)
  assert.ok(asked === statusRecordsBurstMax, `${asked}`)
})

test('P5, P8: a flood is a breach; addresses of listed peers are handed on', async (t) => {
  const { port, events, fed, admitted } = await wire(t)
  events.flooded('peer')
  assert.deepEqual(
    fed.map(({ kind }) => kind),
    ['misbehaved'],
  )
  const place = { host: 'h1', peerId: 'p1', address: '10.69.0.2', port: 4069, hasEndpoint: true }
  port.admit({
    kind: 'admit',
    listed: new Map([['p1', place]]),
    but: new Set(),
    also: new Set(['leaver']),
  })
  assert.deepEqual(admitted.at(-1), { ids: ['p1', 'leaver'], addresses: ['10.69.0.2'] })
})

const one = await recordOf(1)
