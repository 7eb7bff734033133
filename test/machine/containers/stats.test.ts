import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createStats } from '../../../machine/containers/stats/read-stats.ts'
import { statsSchema } from '../../../protocol/api/stats.ts'
import { openMachine, scriptObject, serving } from './machine.ts'

test('what containers use is counted by the kernel, for those that run', {
  timeout: 60_000,
}, async (t) => {
  const on = await openMachine(t)
  const busy = 'head -c 20000000 /dev/zero | tail -c 1 >/dev/null; while :; do :; done'
  const labels = { 'covey.service': 'shop/busy', 'covey.replica': '2' }
  const resources = { memory_bytes: 100_000_000, pids: 50 }
  on.adopt({
    busy: scriptObject(busy, { labels, resources, stop_grace_seconds: 0 }),
    done: scriptObject('exit 0', { restart: 'never' }),
    idle: scriptObject(serving),
  })
  const { pid } = await on.running('busy')
  await on.running('idle')
  await on.until('the other one has ended', async () => {
    const seen = (await on.look()).find(({ object }) => object === 'done')
    return seen?.process.state === 'exited'
  })
  let nowMs = 1_000
  const stats = createStats(on.machine().state, () => nowMs)
  const first = stats.sample()
  assert.deepEqual(statsSchema.parse(first), first)
  assert.deepEqual(
    first.containers.map(({ name }) => name),
    ['busy', 'idle'],
  )
  const [of] = first.containers
  assert.deepEqual(
    [of?.service, of?.replica, of?.pid, of?.memory_limit_bytes, of?.pids_limit],
    ['shop/busy', 2, pid, 99_999_744, 50],
  )
  // On the host's network its traffic is that of others too.
  assert.deepEqual([of?.rx_bytes, of?.tx_bytes], [null, null])
  assert.ok((of?.memory_bytes ?? 0) > 0 && (of?.memory_bytes ?? 0) < 100_000_000)
  assert.ok((of?.pids ?? 0) >= 1)
  // Many who ask at once make one look.
  nowMs += 100
  assert.equal(stats.sample(), first)
  nowMs += 1_000
  await on.until('its processor time grows', () => {
    nowMs += 1_000
    const [now] = stats.sample().containers
    return (now?.cpu_ns ?? 0) > (of?.cpu_ns ?? 0)
  })
})
