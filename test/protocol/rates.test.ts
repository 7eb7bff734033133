import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { statusRecordsBurstMax } from '../../protocol/limits.ts'
import type { Message } from '../../protocol/messages.ts'
import { Bucket, statusBucket, withinRate } from '../../protocol/rates.ts'

test('rates: in any time a bucket gives no more than a burst and what has flown in', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(50), fc.integer({ min: -500, max: 2_000 })), { maxLength: 60 }),
      (asks) => {
        const bucket = new Bucket({ burst: 20, perSecond: 10 }, 0)
        let now = 0
        let latest = 0
        let given = 0
        for (const [count, later] of asks) {
          now += later
          latest = Math.max(latest, now)
          given += bucket.take(count, now)
          assert.ok(given <= 20 + latest / 100 + 1e-6, `${given} in ${latest} ms`)
        }
      },
    ),
  )
})

test('rates: who has to wait may go on after that time, and not before', () => {
  const bucket = new Bucket({ burst: 10, perSecond: 125 }, 0)
  assert.equal(bucket.spend(10, 0), 0)
  assert.equal(bucket.spend(50, 0), 400)
  assert.equal(bucket.spend(0, 399), 1)
  assert.equal(bucket.spend(0, 400), 0)
  assert.equal(bucket.isFull(479), false)
  assert.equal(bucket.isFull(480), true)
})

test('H10: of records and of questions as many are looked at as the rate leaves', () => {
  const bucket = statusBucket(0)
  const hosts = Array.from({ length: 64 }, (_, index) => `h${index}`)
  const want: Message = { kind: 'status-want', hosts }
  for (let count = 0; count < statusRecordsBurstMax / 64 - 1; count++) {
    assert.equal(withinRate(want, bucket, 0), want)
  }
  const records = hosts.map(() => ({ text: '{}', signature: '' }))
  assert.equal(bucket.take(32, 0), 32)
  const cut = withinRate({ kind: 'status', records }, bucket, 0)
  assert.equal(cut.kind === 'status' && cut.records.length, 32)
  const none = withinRate(want, bucket, 0)
  assert.deepEqual(none, { kind: 'status-want', hosts: [] })
  const digest: Message = { kind: 'status-digest', known: [['h1', 1]] }
  assert.equal(withinRate(digest, bucket, 0), digest)
})
