import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { usageBetween } from '../../operator/commands/containers/stats/rates.ts'
import { watchStats } from '../../operator/commands/containers/stats/watch-stats.ts'
import { Failure } from '../../operator/terminal/failure.ts'
import { openSession } from '../../operator/terminal/session.ts'
import type { ContainerCounters, StatsSample } from '../../protocol/api/stats.ts'
import { fakeAgent, openWorkspace } from './workspace.ts'

const web: ContainerCounters = {
  ...{ name: 'shop-web', service: 'shop/web', replica: 1, pid: 7, start_ticks: 100 },
  ...{ cpu_ns: 1e9, memory_bytes: 50_000_000, memory_limit_bytes: 100_000_000 },
  ...{ rx_bytes: 1_000, tx_bytes: 2_000, read_bytes: 0, write_bytes: 5_000 },
  ...{ pids: 3, pids_limit: null },
}

function sample(at_ms: number, ...containers: readonly ContainerCounters[]): StatsSample {
  return { at_ms, memory_total_bytes: 1e9, containers }
}

describe('what containers use', () => {
  it('is the difference of two looks, by the clock of the host', () => {
    const after = { ...web, cpu_ns: 1.5e9, rx_bytes: 3_000, write_bytes: 5_001 }
    const [usage] = usageBetween(sample(1_000, web), sample(3_000, after))
    assert.deepEqual(usage, {
      ...after,
      ...{ cpu_percent: 25, memory_percent: 50 },
      ...{ rx_bytes_per_second: 1_000, tx_bytes_per_second: 0 },
      ...{ read_bytes_per_second: 0, write_bytes_per_second: 0.5 },
    })
  })

  it('is not known of one that was started anew, or was not seen before', () => {
    const anew = { ...web, pid: 8, cpu_ns: 1 }
    for (const before of [sample(1_000, web), sample(1_000), null]) {
      const [usage] = usageBetween(before, sample(2_000, anew))
      assert.deepEqual([usage?.cpu_percent, usage?.rx_bytes_per_second], [null, null])
      assert.equal(usage?.memory_percent, 50)
    }
    const back = { ...web, rx_bytes: 10 }
    const [usage] = usageBetween(sample(1_000, web), sample(2_000, back))
    assert.deepEqual([usage?.rx_bytes_per_second, usage?.tx_bytes_per_second], [null, 0])
    const [still] = usageBetween(sample(1_000, web), sample(1_000, web))
    assert.equal(still?.cpu_percent, null)
  })

  it('is of the memory of the host without a limit', () => {
    const [usage] = usageBetween(null, sample(1, { ...web, memory_limit_bytes: null }))
    assert.equal(usage?.memory_percent, 5)
  })
})

describe('covey stats', () => {
  const db = { ...web, name: 'shop-db', service: 'shop/db', memory_bytes: 96_000_000 }
  const looks = (asked: number): StatsSample => {
    const more = { cpu_ns: asked * 2e9, rx_bytes: 1_000 + asked * 1_500_000 }
    return sample(asked * 1_000, { ...db, rx_bytes: null, tx_bytes: null }, { ...web, ...more })
  }

  it('shows a table, and documents with --json', async (context) => {
    const space = await openWorkspace(context)
    let asked = 0
    await fakeAgent(context, space, {
      'GET /v1/stats': () => ({ status: 200, body: looks(++asked) }),
    })
    const lines = [
      'NAME      CPU %  MEMORY  LIMIT   MEM %  NET IN    NET OUT  READ    WRITE   PIDS',
      'shop/db   0.0    96 MB   100 MB  96.0   -         -        0 kB/s  0 kB/s  3',
      'shop/web  200.0  50 MB   100 MB  50.0   1.5 MB/s  0 kB/s   0 kB/s  0 kB/s  3',
    ]
    assert.equal(await space.must('stats'), `${lines.join('\n')}\n`)
    assert.equal(await space.must('stats', 'web'), `${[lines[0], lines[2]].join('\n')}\n`)
    const [document, ...more] = JSON.parse(await space.must('stats', 'shop-db', '--json'))
    assert.deepEqual(more, [])
    const { start_ticks: _, ...known } = db
    assert.deepEqual(document, {
      ...known,
      ...{ rx_bytes: null, tx_bytes: null, cpu_percent: 0, memory_percent: 96 },
      ...{ rx_bytes_per_second: null, tx_bytes_per_second: null },
      ...{ read_bytes_per_second: 0, write_bytes_per_second: 0 },
    })
    assert.equal(await space.must('stats', 'nobody'), 'nothing runs on this host\n')
  })

  it('says what is wrong with an agent', async (context) => {
    const space = await openWorkspace(context)
    for (const words of [['stats'], ['stats', '--watch']]) {
      assert.equal((await space.covey(words)).exit, 5)
    }
    let body: unknown = { at_ms: 'now' }
    let status = 200
    await fakeAgent(context, space, { 'GET /v1/stats': () => ({ status, body }) })
    const odd = await space.covey(['stats'])
    assert.deepEqual([odd.exit, /unknown form/.test(odd.err)], [1, true])
    status = 404
    body = { code: 'not-found' }
    const old = await space.covey(['stats'])
    assert.deepEqual([old.exit, /does not know this yet/.test(old.err)], [4, true])
  })

  it('shows who answers while another host does not', async (context) => {
    const space = await openWorkspace(context)
    let asked = 0
    await fakeAgent(context, space, {
      'GET /v1/stats': () => ({ status: 200, body: looks(++asked) }),
    })
    const over = new AbortController()
    let out = ''
    const io = {
      ...{ outIsTerminal: false, errIsTerminal: false, env: {}, cwd: space.dir },
      out(text: string) {
        out += text
        if (out.split('pi    shop/web').length > 3) over.abort()
      },
      wait: () => new Promise<void>((resolve) => setTimeout(resolve, 5)),
    }
    const session = openSession({ runDir: space.runDir }, io as never)
    const hosts = [
      { name: 'pi', session: async () => session },
      { name: 'away', session: () => new Promise<never>(() => undefined) },
      { name: 'refused', session: () => Promise.reject(new Failure(5, 'no-way', 'no way there')) },
    ]
    const watch = { hosts, words: ['web'], isSeveral: true, signal: over.signal }
    await watchStats(session, watch)
    assert.match(out, /^HOST {2}NAME +CPU %/m)
    assert.match(out, /^pi +shop\/web/m)
    assert.match(out, /^away: has not answered yet$/m)
    assert.match(out, /^refused: no way there$/m)
  })

  it('goes on with --watch until it is interrupted', async (context) => {
    const space = await openWorkspace(context)
    let asked = 0
    await fakeAgent(context, space, {
      'GET /v1/stats': () => ({ status: 200, body: looks(++asked) }),
    })
    const over = new AbortController()
    let shown = 0
    const watch = (text: string): void => {
      shown += text.includes('shop-web') ? 1 : 0
      if (shown >= 3) over.abort()
    }
    const options = { signal: over.signal, watch }
    const { exit, out } = await space.covey(['stats', 'web', '--watch', '--json'], options)
    assert.equal(exit, 0)
    const lists: readonly (readonly { name: string }[])[] = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    const names = lists.flatMap((list) => list.map(({ name }) => name))
    assert.deepEqual([...new Set(names)], ['shop-web'])
    assert.ok(names.length >= 3)
  })
})
