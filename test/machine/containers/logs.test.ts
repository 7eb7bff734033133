import assert from 'node:assert/strict'
import { rename, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { createLogKeeper } from '../../../machine/containers/logs/keeper.ts'
import { logFolder } from '../../../machine/containers/logs/places.ts'
import { readLog } from '../../../machine/containers/logs/read.ts'
import { prepareLog } from '../../../machine/containers/logs/rotate.ts'
import { temporaryFolder } from '../../temporary.ts'
import { follow, read, record, texts, write } from './log-lines.ts'

const numbers = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, index) => `line ${from + index}`)

describe('reading a log', () => {
  it('gives every record, over rotated files and containers, in their order', async (t) => {
    const folder = await temporaryFolder(t)
    await write(join(folder, 'b.2.log'), record(30, 'three'))
    await write(join(folder, 'b.10.log'), record(40, 'four'))
    await write(join(folder, 'b.log'), record(50, 'five'))
    await write(join(folder, 'c.log'), record(10, 'one'), record(20, 'two', 'stderr'))
    await write(join(folder, 'notes.txt'), 'not a log\n')
    assert.deepEqual(texts(await read(folder)), ['one', 'two', 'three', 'four', 'five'])
    assert.equal(await read(join(folder, 'nothing')), '')
  })

  it('leaves bytes as they are, and passes over what is longer than any record', async (t) => {
    const folder = await temporaryFolder(t)
    const path = join(folder, 'a.log')
    const odd = Buffer.from([0x41, 0xff, 0x00, 0x1b, 0x0d, 0x42]).toString('latin1')
    await write(path, record(1, 'before'))
    await writeFile(path, Buffer.from(record(2, odd), 'latin1'), { flag: 'a' })
    await writeFile(path, Buffer.alloc(3 * 1024 * 1024), { flag: 'a' })
    await write(path, `\n${record(3, 'after')}`)
    assert.deepEqual(texts(await read(folder)), ['before', odd, 'after'])
    assert.deepEqual(texts(await read(folder, { tail: 2 })), [odd, 'after'])
  })

  it('ends a last record that was cut off', async (t) => {
    const folder = await temporaryFolder(t)
    await write(join(folder, 'a.log'), record(1, 'whole'), record(2, 'cut').trimEnd())
    assert.deepEqual(texts(await read(folder)), ['whole', 'cut'])
    assert.deepEqual(texts(await read(folder, { tail: 1 })), ['cut'])
  })
})

describe('the last lines of a log', () => {
  it('are as many as are asked for, over the borders of files and blocks', async (t) => {
    const folder = await temporaryFolder(t)
    const padding = 'x'.repeat(5000)
    const all: string[] = []
    for (const [index, name] of ['a.1.log', 'a.2.log', 'a.log'].entries()) {
      const some = numbers(index * 100, index * 100 + 100).map((line) => `${line} ${padding}`)
      await write(join(folder, name), ...some.map((text, at) => record(index * 100 + at, text)))
      all.push(...some)
    }
    for (const tail of [0, 1, 2, 51, 52, 53, 99, 100, 101, 250, 300, 301, 1e9]) {
      assert.deepEqual(texts(await read(folder, { tail })), tail === 0 ? [] : all.slice(-tail))
    }
  })

  it('are no more than that while somebody goes on writing', async (t) => {
    const folder = await temporaryFolder(t)
    const path = join(folder, 'a.log')
    await write(path, record(1, 'one'), record(2, 'two'), record(3, 'three'))
    const chunks: Uint8Array[] = []
    await readLog(
      folder,
      { sinceMs: null, tail: 2, follow: false },
      async (records) => {
        chunks.push(records)
        await write(path, record(4, 'since'))
      },
      new AbortController().signal,
    )
    assert.deepEqual(texts(Buffer.concat(chunks).toString()), ['two', 'three'])
  })

  it('count lines of both streams, and what is still partial as part of its line', async (t) => {
    const folder = await temporaryFolder(t)
    await write(
      join(folder, 'a.log'),
      record(1, 'O1'),
      record(2, 'E1a', 'stderr', 'P'),
      record(3, 'O2a', 'stdout', 'P'),
      record(4, 'E1b', 'stderr'),
      record(5, 'O2b', 'stdout', 'P'),
      record(6, 'E2', 'stderr'),
      record(7, 'O2c'),
      record(8, 'E3a', 'stderr', 'P'),
    )
    const expected: readonly (readonly [number, readonly string[]])[] = [
      [1, ['E3a']],
      [2, ['O2a', 'O2b', 'O2c', 'E3a']],
      [3, ['O2a', 'O2b', 'E2', 'O2c', 'E3a']],
      [4, ['E1a', 'O2a', 'E1b', 'O2b', 'E2', 'O2c', 'E3a']],
      [5, ['O1', 'E1a', 'O2a', 'E1b', 'O2b', 'E2', 'O2c', 'E3a']],
    ]
    for (const [tail, lines] of expected) {
      assert.deepEqual(texts(await read(folder, { tail })), lines, `tail ${tail}`)
    }
  })

  it('are found without reading what lies before them', async (t) => {
    const folder = await temporaryFolder(t)
    const path = join(folder, 'a.log')
    // A hole of a terabyte: whoever read it would not end within this test's life.
    await writeFile(path, '')
    await truncate(path, 2 ** 40)
    await write(path, `\n${record(1, 'one')}${record(2, 'two')}`)
    assert.deepEqual(texts(await read(folder, { tail: 2 })), ['one', 'two'])
  })
})

describe('a log since some time', () => {
  it('begins with the first record that is not older', async (t) => {
    const folder = await temporaryFolder(t)
    const name = (at: number): string => `line ${at} ${'y'.repeat((at * 37) % 3000)}`
    const records = Array.from({ length: 2000 }, (_, at) => record(10 * at, name(at)))
    await write(join(folder, 'a.1.log'), ...records.slice(0, 1000))
    await write(join(folder, 'a.log'), ...records.slice(1000))
    for (const since of [0, 1, 10, 4995, 9990, 9991, 10_000, 19_990, 19_991, 99_999]) {
      const found = texts(await read(folder, { sinceMs: since * 1000 }))
      const first = Math.ceil(since / 10)
      assert.equal(found.length, Math.max(0, 2000 - first), `since ${since}`)
      if (first < 2000) assert.equal(found[0], name(first))
    }
    const both = await read(folder, { sinceMs: 19_950_000, tail: 3 })
    assert.deepEqual(texts(both), [name(1997), name(1998), name(1999)])
    assert.equal(texts(await read(folder, { sinceMs: 19_980_000, tail: 300 })).length, 2)
  })
})

describe('following a log', () => {
  it('goes on over new records, rotation, other containers, and a folder made later', async (t) => {
    const folder = join(await temporaryFolder(t), 'later')
    const follower = follow(folder)
    t.after(() => follower.stop())
    const path = join(folder, 'a.log')
    await write(path, record(1, 'one'))
    await follower.until('one')
    await rename(path, join(folder, 'a.1.log'))
    // The supervisor has not been told yet, and goes on with the file that it has open.
    await write(join(folder, 'a.1.log'), record(2, 'two'))
    await follower.until('two')
    await write(path, record(3, 'three'))
    await write(join(folder, 'b.log'), record(4, 'four'))
    await Promise.all([follower.until('three'), follower.until('four')])
    await rm(join(folder, 'a.1.log'))
    await write(path, record(5, 'fi').trimEnd())
    await write(join(folder, 'b.log'), record(6, 'six'))
    await follower.until('six')
    await write(path, 've\n')
    await follower.until('five')
    assert.deepEqual(follower.lines().toSorted(), ['five', 'four', 'one', 'six', 'three', 'two'])
  })

  it('can begin with the last lines', async (t) => {
    const folder = await temporaryFolder(t)
    await write(join(folder, 'a.1.log'), record(1, 'one'), record(2, 'two'))
    await write(join(folder, 'a.log'), record(3, 'three'))
    const follower = follow(folder, 2)
    t.after(() => follower.stop())
    await follower.until('three')
    // Into the file that is written to: one that was rotated away before is read to its end once.
    await write(join(folder, 'a.log'), record(4, 'last'))
    await follower.until('last')
    assert.deepEqual(follower.lines(), ['two', 'three', 'last'])
  })
})

describe('logs in bounds', () => {
  const keeperOf = (stateDir: string, isKept = true) =>
    createLogKeeper({
      stateDir,
      bundleOf: (id) => join(stateDir, 'bundles', id),
      isKept: () => isKept,
      log: { info() {}, warn() {}, error() {}, debug() {} } as never,
      fileBytesMax: 1000,
      bytesMax: 5000,
    })

  it('rotates what has grown, and removes the oldest over the budget', async (t) => {
    const stateDir = await temporaryFolder(t)
    const keeper = keeperOf(stateDir)
    t.after(() => keeper.stop())
    const path = await prepareLog(stateDir, 'web', 'covey-web-1')
    for (let round = 0; round < 20; round++) {
      await write(path, record(round, `${round} ${'x'.repeat(1000)}`))
      await keeper.check()
    }
    const left = texts(await read(logFolder(stateDir, 'web'))).map((text) => text.split(' ')[0])
    assert.ok(left.length >= 3 && left.length <= 5, left.join(' '))
    assert.equal(left.at(-1), '19')
  })

  it('gives up the newest one too where it alone is more than all may be', async (t) => {
    const stateDir = await temporaryFolder(t)
    const keeper = keeperOf(stateDir)
    t.after(() => keeper.stop())
    for (const id of ['a', 'b', 'c']) {
      await write(await prepareLog(stateDir, 'web', id), record(1, id))
    }
    await write(join(logFolder(stateDir, 'web'), 'c.log'), record(2, 'x'.repeat(20_000)))
    await keeper.check()
    await keeper.check()
    assert.doesNotMatch(await read(logFolder(stateDir, 'web')), /x{20000}/)
  })

  it('begins a new file where another container has written since', async (t) => {
    const stateDir = await temporaryFolder(t)
    const folder = logFolder(stateDir, 'web')
    await write(await prepareLog(stateDir, 'web', 'v1'), record(1, 'first'))
    await new Promise((resolve) => setTimeout(resolve, 20))
    await write(await prepareLog(stateDir, 'web', 'v2'), record(2, 'second'))
    await new Promise((resolve) => setTimeout(resolve, 20))
    await write(await prepareLog(stateDir, 'web', 'v1'), record(3, 'third'))
    await write(await prepareLog(stateDir, 'web', 'v1'), record(4, 'fourth'))
    assert.deepEqual(texts(await read(folder)), ['first', 'second', 'third', 'fourth'])
  })
})
