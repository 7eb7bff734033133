import assert from 'node:assert/strict'
import { readdirSync, statSync } from 'node:fs'
import { rename, rm, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { listLogFiles } from '../../../machine/containers/logs/files.ts'
import { createLogKeeper, type LogKeeper } from '../../../machine/containers/logs/keeper.ts'
import {
  logFileBytesMax,
  logHardBytesMax,
  logSupervisorBytesMax,
} from '../../../machine/containers/logs/limits.ts'
import { logFolder } from '../../../machine/containers/logs/places.ts'
import { prepareLog } from '../../../machine/containers/logs/rotate.ts'
import { afterwards, temporaryFolder } from '../../temporary.ts'
import { follow, read, record, texts, write } from './log-lines.ts'
import { openMachine, scriptObject } from './machine.ts'
import { quietLog } from './quiet-log.ts'

const timeout = 120_000
const loss = '[covey: lines may be missing here: more was written than its log can keep]'

/** The bytes that all files of a folder take of the disk, each counted once. */
function bytesIn(folder: string): number {
  const sizes = new Map<number, number>()
  for (const name of readdirSync(folder)) {
    const seen = statSync(join(folder, name), { throwIfNoEntry: false })
    if (seen !== undefined) sizes.set(seen.ino, seen.size)
  }
  return [...sizes.values()].reduce((sum, bytes) => sum + bytes, 0)
}

describe('a log that nobody looks after', () => {
  it('stays within its bound, however much is written', { timeout }, async (t) => {
    const on = await openMachine(t)
    const flood = 'yes 0123456789012345678901234567890123456789 | head -c 60000000; echo the end'
    const script = `cat /proc/1/cmdline >/dev/null; ${flood}`
    on.adopt({ web: scriptObject(script, { restart: 'never' }) })
    const folder = logFolder(on.machine().state.stateDir, 'web')
    let most = 0
    await on.until('it has written all', async () => {
      try {
        most = Math.max(most, bytesIn(folder))
      } catch {
        return false
      }
      const [seen] = await on.look()
      return seen?.process.state === 'exited'
    })
    assert.ok(most <= logSupervisorBytesMax + 64 * 1024, `${most} bytes`)
    assert.ok(most > 1_000_000, `${most} bytes, so it has written little`)
    const lines = texts(await read(folder))
    assert.match(lines.at(-1) ?? '', /the end$/)
    assert.ok(logHardBytesMax >= 2 * logSupervisorBytesMax)
  })
})

/** A keeper of the log of `web`, and what a supervisor does to its file. */
async function kept(
  folder: string,
  memoryPath: string,
): Promise<{ readonly keeper: LogKeeper; readonly path: string; throwAway(): Promise<void> }> {
  const path = await prepareLog(folder, 'web', 'covey-web-1')
  const keeper = createLogKeeper({
    ...{ stateDir: folder, memoryPath, log: quietLog },
    bundleOf: () => join(folder, 'no bundle'),
    isKept: () => true,
  })
  return {
    keeper,
    path,
    // As conmon does: the next file takes the place of the one before (reopen_k8s_file).
    async throwAway() {
      await writeFile(`${path}.tmp`, '')
      await rename(`${path}.tmp`, path)
    },
  }
}

describe('a supervisor that begins another file by itself', () => {
  it('loses nothing where somebody has looked since the one before', async (t) => {
    const folder = await temporaryFolder(t)
    const { keeper, path, throwAway } = await kept(folder, join(folder, 'seen.json'))
    afterwards(t, () => keeper.stop())
    const logs = logFolder(folder, 'web')
    const follower = follow(logs)
    afterwards(t, () => follower.stop())
    for (let at = 1; at <= 5; at++) {
      await write(path, record(at, `line ${at}`))
      await keeper.check()
      assert.equal(listLogFiles(logs).length, at)
      await throwAway()
    }
    await write(path, record(6, 'line 6'))
    await keeper.check()
    const all = [1, 2, 3, 4, 5, 6].map((at) => `line ${at}`)
    assert.deepEqual(texts(await read(logs)), all)
    await follower.until('line 6')
    assert.deepEqual([...follower.lines()].sort(), all)
  })

  it('loses lines where it was faster than that, and the log says so', async (t) => {
    const folder = await temporaryFolder(t)
    const memory = join(folder, 'seen.json')
    const { keeper, path, throwAway } = await kept(folder, memory)
    await write(path, record(1, 'one'))
    await keeper.check()
    await throwAway()
    await write(path, record(2, 'two'))
    await keeper.check()
    await keeper.stop()
    // The agent is down. What it had seen is kept, and what is begun and left meanwhile is lost.
    const long = new Date(Date.now() - 60_000)
    await utimes(path, long, long)
    await throwAway()
    await write(path, record(3, 'three'))
    await throwAway()
    await write(path, record(4, 'four'))
    const next = await kept(folder, memory)
    afterwards(t, () => next.keeper.stop())
    await next.keeper.check()
    const logs = logFolder(folder, 'web')
    assert.deepEqual(texts(await read(logs)), ['one', 'two', loss, 'four'])
    await next.keeper.check()
    // And where what was seen last is gone itself.
    await rm(path)
    for (const name of readdirSync(logs)) if (name.endsWith('.4.log')) await rm(join(logs, name))
    await write(path, record(5, 'five'))
    await next.keeper.check()
    assert.deepEqual(texts(await read(logs)), ['one', 'two', loss, loss, 'five'])
  })

  it('is told from a container that was started anew', async (t) => {
    const folder = await temporaryFolder(t)
    const { keeper, path } = await kept(folder, join(folder, 'seen.json'))
    afterwards(t, () => keeper.stop())
    const short = 'y'.repeat(1_000)
    await write(path, record(1, 'one'), record(2, 'x'.repeat(logFileBytesMax - 1_000)))
    await keeper.check()
    await write(path, record(3, short))
    const long = new Date(Date.now() - 60_000)
    await utimes(path, long, long)
    await prepareLog(folder, 'web', 'covey-web-1')
    await write(path, record(4, 'again'))
    await keeper.check()
    // What is longer than any record is passed over.
    assert.deepEqual(texts(await read(logFolder(folder, 'web'))), ['one', short, 'again'])
  })
})
