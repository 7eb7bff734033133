import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { HealthObject, HealthSeen } from '../../../reconcilers/host-containers.ts'
import { afterCheck, checkOf, nextCheckMs } from '../../../reconcilers/runc/health.ts'
import { policyOf } from '../../../reconcilers/runc/object/resolve-revision.ts'
import { containerSchema } from '../../../reconcilers/runc/spec.ts'
import { containerObject } from './objects.ts'

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
    const later = { ...check, start_interval_seconds: 4 }
    assert.equal(nextCheckMs(starting, later, 1_000), 4_000)
    assert.equal(nextCheckMs(healthy, later, 1_000), 10_000)
    assert.equal(nextCheckMs(starting, { ...later, interval_seconds: 2 }, 1_000), 2_000)
  })

  it('is asked as the image says, where the object asks for that', () => {
    const policyFor = (more: object) =>
      policyOf(containerSchema.parse(containerObject({ health: more })))
    const imageHealth = { command: ['/check'], interval_seconds: 30, retries: 2 }
    const own = policyFor({ from_image: true, interval_seconds: 7, restart: false })
    assert.deepEqual(checkOf({ policy: own, imageHealth }), {
      ...{ command: ['/check'], interval_seconds: 7, timeout_seconds: 5, retries: 2 },
      ...{ start_seconds: 0, start_interval_seconds: undefined },
    })
    assert.equal(checkOf({ policy: own, imageHealth: undefined }), null)
    const tcp = policyFor({ tcp: { port: 1 } })
    assert.equal(checkOf({ policy: tcp, imageHealth }), tcp.health)
    assert.equal(checkOf({ policy: { ...own, health: null }, imageHealth }), null)
  })
})
