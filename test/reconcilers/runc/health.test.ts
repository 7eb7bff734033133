import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { HealthObject, HealthSeen } from '../../../reconcilers/host-containers.ts'
import { afterCheck, nextCheckMs } from '../../../reconcilers/runc/health.ts'

const check: HealthObject = {
  tcp: { port: 80 },
  interval_seconds: 10,
  timeout_seconds: 5,
  retries: 3,
  start_seconds: 30,
}
const good = { ok: true } as const
const bad = { ok: false, reason: 'port 80 refuses connections' } as const
const { reason } = bad
const starting: HealthSeen = { state: 'starting', failures: 0, reason: null }
const healthy: HealthSeen = { state: 'healthy', failures: 0, reason: null }

describe('health', () => {
  const cases: readonly (readonly [
    name: string,
    before: HealthSeen,
    result: typeof good | typeof bad,
    ranMs: number,
    after: HealthSeen,
  ])[] = [
    ['one success is enough', starting, good, 0, healthy],
    ['failures at the start do not count', starting, bad, 29_999, { ...starting, reason }],
    ['later they do', starting, bad, 30_000, { state: 'starting', failures: 1, reason }],
    [
      'also at the start, once it was well',
      healthy,
      bad,
      5_000,
      { state: 'healthy', failures: 1, reason },
    ],
    [
      'enough of them are too many',
      { state: 'healthy', failures: 2, reason },
      bad,
      60_000,
      { state: 'unhealthy', failures: 3, reason },
    ],
    [
      'it never started well',
      { state: 'starting', failures: 2, reason },
      bad,
      60_000,
      { state: 'unhealthy', failures: 3, reason },
    ],
    [
      'it stays so',
      { state: 'unhealthy', failures: 3, reason },
      bad,
      1,
      { state: 'unhealthy', failures: 3, reason },
    ],
    ['and gets well again', { state: 'unhealthy', failures: 3, reason }, good, 60_000, healthy],
  ]
  for (const [name, before, result, ranMs, after] of cases) {
    it(name, () => assert.deepEqual(afterCheck(before, result, check, ranMs), after))
  }

  it('is asked for more often as long as it is not known', () => {
    assert.equal(nextCheckMs(starting, check, 1_000), 1_000)
    assert.equal(nextCheckMs(healthy, check, 1_000), 10_000)
    assert.equal(nextCheckMs(starting, { ...check, interval_seconds: 1 }, 5_000), 1_000)
  })
})
