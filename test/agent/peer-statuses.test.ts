import assert from 'node:assert/strict'
import { sign } from 'node:crypto'
import { test } from 'node:test'
import { privateKeyOf } from '../../agent/identity/peer-id.ts'
import { verifiedStatusesMax } from '../../agent/limits.ts'
import { createStatusVerifier } from '../../agent/peer-statuses.ts'
import type { SignedStatus } from '../../protocol/status-record.ts'
import { seedOf } from './overlay/host.ts'
import { peerIdOf } from './overlay/stranger.ts'

async function signedStatus(sequence: number): Promise<SignedStatus> {
  const objects = { converged: 1, pending: 0, failed: 0, unsupported: 0 }
  const record = { host: 'h1', peer_id: await peerIdOf('h1'), sequence, state: 'in-sync' }
  const text = JSON.stringify({ ...record, head: null, applied: null, objects, alarms: [] })
  const key = privateKeyOf(seedOf('h1'))
  return { text, signature: sign(null, Buffer.from(text), key).toString('base64url') }
}

test('H2: a record that was verified is good again, and nothing that differs from it', async () => {
  const verifier = createStatusVerifier()
  const check = (...records: SignedStatus[]): string | undefined =>
    verifier.check({ kind: 'status', records })?.code
  const [one, two] = [await signedStatus(1), await signedStatus(2)]
  for (const again of [one, one, two, one]) assert.equal(check(again), undefined)
  assert.equal(check({ text: two.text, signature: one.signature }), 'status-signature')
  assert.equal(check({ text: one.text, signature: two.signature }), 'status-signature')
  assert.equal(
    check(one, { ...one, text: one.text.replace('in-sync', 'held') }),
    'status-signature',
  )
  for (let sequence = 3; sequence <= verifiedStatusesMax + 3; sequence++) {
    assert.equal(check(await signedStatus(sequence)), undefined)
  }
  assert.equal(check(one), undefined)
})
