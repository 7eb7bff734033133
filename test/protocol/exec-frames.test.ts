import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  createFrameReader,
  encodeFrame,
  execStartSchema,
  type FrameKind,
  framePayloadBytesMax,
  runStartSchema,
} from '../../protocol/exec-frames.ts'
import { parseLogRecord } from '../../protocol/log-record.ts'

const kinds: readonly FrameKind[] = ['start', 'stdin', 'stdin-end', 'resize', 'stdout', 'exit']

describe('frames', () => {
  it('arrive as they were sent, however they are cut on the way', () => {
    const parts = {
      kind: fc.constantFrom(...kinds),
      payload: fc.uint8Array({ maxLength: 300 }),
    }
    const frame = fc.record(parts, { noNullPrototype: true })
    const cuts = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 })
    fc.assert(
      fc.property(fc.array(frame), cuts, (frames, sizes) => {
        const bytes = Buffer.concat(frames.map(({ kind, payload }) => encodeFrame(kind, payload)))
        const reader = createFrameReader()
        const read = []
        for (let at = 0, turn = 0; at < bytes.length; turn++) {
          const size = sizes[turn % sizes.length] ?? 1
          read.push(...reader.feed(bytes.subarray(at, at + size)))
          at += size
        }
        assert.deepEqual(read, frames)
      }),
    )
  })

  it('are refused where their kind is unknown or they are too long', () => {
    for (const head of [[0], [255], [2, 0, 4, 0, 1], [2, 255, 255, 255, 255]]) {
      const bytes = Uint8Array.from([...head, 0, 0, 0, 0, 0].slice(0, 8))
      assert.throws(() => createFrameReader().feed(bytes), { code: 'frame' })
    }
    assert.throws(() => encodeFrame('stdin', new Uint8Array(framePayloadBytesMax + 1)), RangeError)
    const longest = encodeFrame('stdin', new Uint8Array(framePayloadBytesMax))
    assert.equal(createFrameReader().feed(longest).length, 1)
  })
})

describe('what is to be run', () => {
  const start = {
    command: ['id'],
    terminal: null,
    stdin: false,
    user: null,
    workingDir: null,
    environment: ['A=1'],
  }
  const wrong: readonly object[] = [
    { command: [] },
    { command: ['a\0b'] },
    { terminal: { rows: 0, columns: 80 } },
    { terminal: { rows: 24, columns: 99_999 } },
    { user: 'a\0' },
    { environment: ['A'] },
    { environment: ['=A'] },
    { privileged: true },
  ]
  it('is checked', () => {
    assert.deepEqual(execStartSchema.parse(start), start)
    for (const each of wrong) {
      assert.equal(execStartSchema.safeParse({ ...start, ...each }).success, false)
    }
    const own = { ...start, command: [], entrypoint: ['sh'] }
    assert.deepEqual(runStartSchema.parse(own), own)
    assert.equal(execStartSchema.safeParse({ ...own, command: ['id'] }).success, false)
  })
})

describe('records of logs', () => {
  const time = '2026-01-31T12:00:00.123456789+00:00'
  const read = (text: string): unknown => parseLogRecord(Buffer.from(text))
  it('are read from their heads', () => {
    const stdout = { time, stream: 'stdout', partial: false, textAt: time.length + 10 }
    assert.deepEqual(read(`${time} stdout F text`), stdout)
    assert.deepEqual(read(`${time} stdout F `), stdout)
    const tagged = { time, stream: 'stderr', partial: true, textAt: time.length + 14 }
    assert.deepEqual(read(`${time} stderr P:tag text`), tagged)
  })

  it('are none where anything is missing', () => {
    const none = ['', 'text', time, `${time} stdout`, `${time} stdout F`, `${time} stdin F x`]
    const odd = [`${time} stdout X x`, `x${time} stdout F x`, `2026-01-31 stdout F x`]
    for (const text of [...none, ...odd]) assert.equal(read(text), null, text)
  })

  it('are looked for in anything without an error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        parseLogRecord(bytes)
        parseLogRecord(Buffer.concat([Buffer.from(`${time} std`), bytes]))
      }),
    )
  })
})
