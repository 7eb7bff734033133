import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { mergeLogs } from '../../operator/commands/containers/log-merge.ts'
import type { SourceRecord } from '../../operator/commands/containers/log-source.ts'

function record(second: number): SourceRecord {
  const time = `2026-01-31T12:00:${String(second).padStart(2, '0')}.000000000+00:00`
  return { time, stream: 'stdout', partial: false, textAt: 0, text: Buffer.from(String(second)) }
}

async function* source(
  batches: readonly (readonly number[])[],
  endless = false,
): AsyncGenerator<readonly SourceRecord[]> {
  for (const batch of batches) yield batch.map(record)
  if (endless) await new Promise(() => setTimeout(() => undefined, 2_000).unref())
}

async function merged(sources: Parameters<typeof mergeLogs>[0]): Promise<readonly string[]> {
  const found: string[] = []
  for await (const batch of mergeLogs(sources, new AbortController().signal)) {
    found.push(...batch.map((each) => `${each.source}:${each.record.text}`))
  }
  return found
}

describe('logs of several containers', () => {
  it('are merged by time, over the batches in which they come', async () => {
    const found = await merged([
      source([
        [1, 4],
        [5, 9],
      ]),
      source([[2], [3, 6]]),
      source([]),
    ])
    assert.deepEqual(found, ['0:1', '1:2', '1:3', '0:4', '0:5', '1:6', '0:9'])
  })

  it('are not held up by one that is silent', async () => {
    const stop = new AbortController()
    const logs = [source([[1], [2]], true), source([], true)]
    const found: string[] = []
    const reading = (async () => {
      for await (const batch of mergeLogs(logs, stop.signal)) {
        found.push(...batch.map((each) => `${each.record.text}`))
      }
    })()
    for (let waits = 0; waits < 100 && found.length < 2; waits++) await sleep(20)
    assert.deepEqual(found, ['1', '2'])
    stop.abort()
    await reading
  })

  it('end with what one of them throws', async () => {
    async function* broken(): AsyncGenerator<readonly SourceRecord[]> {
      yield [record(1)]
      throw new Error('it burns')
    }
    await assert.rejects(merged([broken(), source([[2]])]), /it burns/)
  })
})
