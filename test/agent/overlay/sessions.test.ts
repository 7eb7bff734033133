import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import { judgeOffer, type Standing } from '../../../agent/overlay/duplicates.ts'
import { type SessionStream, Sessions } from '../../../agent/overlay/sessions.ts'
import { Pair } from './pair.ts'

const judgements: readonly (readonly [Standing['state'], boolean, boolean, string])[] = [
  // state, dialled here, our id is smaller
  ['none', false, false, 'take'],
  ['none', false, true, 'take'],
  ['dialling', false, false, 'take'],
  ['dialling', false, true, 'take'],
  ['offered', false, false, 'replace'],
  ['offered', false, true, 'hold'],
  ['up', false, false, 'replace'],
  ['up', false, true, 'replace'],
  ['up', true, false, 'replace'],
  ['up', true, true, 'hold'],
]
for (const [state, dialledHere, smaller, expected] of judgements) {
  test(`T6: an offer while ${state}, ${dialledHere ? 'dialled here' : 'dialled there'}, ${
    smaller ? 'smaller' : 'larger'
  } id: ${expected}`, () => {
    assert.equal(judgeOffer({ state, dialledHere, smaller }), expected)
  })
}

/** The sessions of `a`, the smaller id, with streams that only note what is done to them. */
function alone(): {
  readonly sessions: Sessions<SessionStream>
  readonly told: string[]
  stream(id: string, dialledHere: boolean): SessionStream
} {
  const told: string[] = []
  const sessions = new Sessions<SessionStream>('a', {
    peerUp: () => told.push('up'),
    peerDown: (_, reason) => told.push(`down: ${reason}`),
    dialFailed: (_, reason) => told.push(`failed: ${reason}`),
    frame: () => told.push('frame'),
    flooded: () => {},
    serve: async (_, request) => request,
  })
  const stream = (id: string, dialledHere: boolean): SessionStream => ({
    peerId: 'b',
    connection: { id },
    dialledHere,
    accept: () => told.push(`accepted ${id}`),
    send: () => true,
    beat: () => {},
    abort: (reason) => told.push(`aborted ${id}: ${reason}`),
    finish: async () => {},
  })
  return { sessions, told, stream }
}

test('a held stream takes over from an attempt that failed', async () => {
  const { sessions, told, stream } = alone()
  const attempt = { cancel: (): void => {} }
  sessions.dialling('b', attempt)
  sessions.offered('b', attempt, stream('ours', true))
  sessions.offer(stream('theirs', false))
  await turn()
  assert.deepEqual(told, [])
  sessions.failed('b', attempt, 'timeout')
  await turn()
  assert.deepEqual(told, ['accepted theirs', 'up'])
})

test('a held stream takes over from a stream that turns out dead', async () => {
  const { sessions, told, stream } = alone()
  const attempt = { cancel: (): void => {} }
  const ours = stream('ours', true)
  sessions.dialling('b', attempt)
  sessions.offered('b', attempt, ours)
  sessions.frame(ours, new Uint8Array(0))
  sessions.offer(stream('theirs', false))
  await turn()
  assert.deepEqual(told, ['up'])
  sessions.closed(ours, 'silent')
  await turn()
  assert.deepEqual(told, ['up', 'accepted theirs', 'down: silent', 'up'])
})

test('of two held streams the newer stays', () => {
  const { sessions, told, stream } = alone()
  const attempt = { cancel: (): void => {} }
  sessions.dialling('b', attempt)
  sessions.offered('b', attempt, stream('ours', true))
  sessions.offer(stream('first', false))
  sessions.offer(stream('second', false))
  assert.deepEqual(told, ['aborted first: replaced'])
})

const choices = fc.array(fc.nat(1_000), { minLength: 0, maxLength: 60 })

test('whatever the order, two dials at once end in one peerUp on each side', async () => {
  await fc.assert(
    fc.asyncProperty(choices, async (order) => {
      const pair = new Pair()
      pair.dial('a')
      pair.dial('b')
      for (const choice of order) pair.step(choice)
      pair.settle()
      await turn()
      assert.deepEqual(pair.told('a'), ['up'])
      assert.deepEqual(pair.told('b'), ['up'])
      assert.equal(pair.upOn('a'), pair.upOn('b'))
      assert.equal(pair.openConnections(), 1)
    }),
    { numRuns: 2_000 },
  )
})

test('after any faults, both sides come to agree and no frame is lost unseen', async () => {
  await fc.assert(
    fc.asyncProperty(choices, async (order) => {
      const pair = new Pair()
      for (const choice of order) {
        if (choice % 3 === 0) pair.fault(choice)
        else pair.step(choice)
        await turn()
      }
      pair.settle()
      // What the core does: it dials a peer that is down. What the heartbeat does: it ends what is
      // dead.
      for (let round = 0; round < 4; round += 1) {
        pair.endDead()
        pair.dial('a')
        pair.dial('b')
        pair.settle()
        await turn()
      }
      assert.notEqual(pair.upOn('a'), undefined)
      assert.equal(pair.upOn('a'), pair.upOn('b'))
      assert.equal(pair.openConnections(), 1)
      for (const side of ['a', 'b'] as const) {
        const ups = pair.told(side).filter((it) => it !== 'failed')
        assert.deepEqual(
          ups,
          ups.map((_, index) => (index % 2 === 0 ? 'up' : 'down')),
        )
        assert.equal(pair.pendingDials(side), 0)
      }
      pair.sendNow('a', 'from a')
      pair.sendNow('b', 'from b')
      pair.settle()
      await turn()
      assert.equal(pair.frames('b').at(-1), 'from a')
      assert.equal(pair.frames('a').at(-1), 'from b')
      assert.deepEqual(pair.breaches, [])
    }),
    { numRuns: 2_000 },
  )
})
