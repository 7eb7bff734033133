import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { writeState } from '../../agent/state/store.ts'
import { createDisk, SyncFailed } from '../../machine/files/disk.ts'
import { reserveBytes, reserveFile, reserveRoomBytes } from '../../machine/files/reserve.ts'
import { type CrashCase, makeCases, stateFolder } from './cases.ts'
import { signWorld } from './documents.ts'
import type { Files } from './file-tree.ts'
import { createModelDisk, type ModelDisk, type Trouble } from './model-disk.ts'
import { assertBetween, factsOf, startOn } from './starts.ts'

const world = await signWorld()
const cases = await makeCases(world)
const path = `${stateFolder}/${reserveFile}`
const found = cases.find(({ name }) => name === 'a head after another')
assert.ok(found)
const head: CrashCase = found
const bytesIn = (files: Files): number =>
  [...files.values()].reduce((sum, one) => sum + one.length, 0)
/** Runs a command in a mount namespace of its own. */
const alone = 'unshare'
const isThere = (files: Files): boolean => files.get(path)?.length === reserveBytes

describe('the reserve', () => {
  /** A disk on which nothing but the reserve and what is there already fits. */
  const full = new Map(head.files).set(path, Buffer.alloc(reserveBytes))

  const run = async (troubles: ReadonlyMap<number, Trouble>): Promise<[ModelDisk, unknown]> => {
    const model = createModelDisk(full, { troubles, capacityBytes: bytesIn(full) })
    const written = head.write(createDisk(stateFolder, model.calls)).then(
      () => null,
      (error: unknown) => error,
    )
    return [model, await Promise.race([written, model.ended])]
  }

  it('D4: is given up for a head, at any call of which a crash does no harm', async () => {
    const [calm, error] = await run(new Map())
    assert.equal(error, null)
    assert.ok(!calm.files().has(path))
    assert.deepEqual(factsOf(await startOn(calm.restart())), head.after)
    for (const at of calm.made.keys()) {
      const [model] = await run(new Map([[at, 'crash-after']]))
      const what = `crash after call ${at}`
      for (const files of model.afterPowerCut()) {
        assertBetween(await startOn(createModelDisk(files).calls), head.before, head.after, what)
      }
      const calls = model.restart()
      await startOn(calls)
      await head.write(createDisk(stateFolder, calls))
      assert.deepEqual(factsOf(await startOn(calls)), head.after, what)
    }
  })

  it('D4: is kept for a head: nothing else that does not fit takes it', async () => {
    const model = createModelDisk(full, { capacityBytes: bytesIn(full) })
    const disk = createDisk(stateFolder, model.calls)
    await assert.rejects(writeState(disk, { evidence: world.twoToo }), { code: 'ENOSPC' })
    assert.ok(isThere(model.files()))
  })

  it('is whole or not there, and made again, where making it is cut off or fails', async () => {
    const capacityBytes = bytesIn(head.files) + reserveRoomBytes
    const make = async (troubles: ReadonlyMap<number, Trouble>): Promise<[ModelDisk, unknown]> => {
      const model = createModelDisk(head.files, { troubles, capacityBytes })
      const made = createDisk(stateFolder, model.calls).keepReserve()
      return [model, await Promise.race([made.catch((error: unknown) => error), model.ended])]
    }
    const [calm, made] = await make(new Map())
    assert.equal(made, true)
    for (const [at, { name }] of calm.made.entries()) {
      for (const trouble of ['crash-after', 'ENOSPC', 'EIO'] as const) {
        const [model, outcome] = await make(new Map([[at, trouble]]))
        const what = `${trouble} at call ${at} (${name})`
        if (name === 'sync' && trouble !== 'crash-after')
          assert.ok(outcome instanceof SyncFailed, what)
        else if (trouble !== 'crash-after') {
          assert.equal(outcome, false, what)
          assert.ok(![...model.files().keys()].some((file) => file.endsWith('.tmp')), what)
        }
        const calls = model.restart()
        assertBetween(await startOn(calls), head.before, head.before, what)
        assert.equal(await createDisk(stateFolder, calls).keepReserve(), true, what)
        assert.ok(isThere(model.files()), what)
      }
    }
  })

  it('is not what fills a disk', async () => {
    const capacityBytes = bytesIn(head.files) + reserveRoomBytes - 1
    const model = createModelDisk(head.files, { capacityBytes })
    assert.equal(await createDisk(stateFolder, model.calls).keepReserve(), false)
    assert.deepEqual([...model.files().keys()], [...head.files.keys()])
  })

  it('works on a real file system that is full', () => {
    const folder = mkdtempSync(join(tmpdir(), 'covey-full-'))
    try {
      const script = 'mount -t tmpfs -o size=40m tmpfs "$0" && exec "$1" "$2" "$0"'
      const program = join(import.meta.dirname, 'full-disk.ts')
      const inside = ['sh', '-c', script, folder, process.execPath, program]
      const said = execFileSync(alone, ['--mount', '--propagation', 'private', ...inside])
      assert.deepEqual(JSON.parse(said.toString()), {
        made: true,
        without: 'ENOSPC',
        names: ['floor.json', reserveFile],
        withReserve: 'stored',
        left: ['floor.json', 'head.json'].sort(),
        whole: true,
        refused: true,
        again: true,
      })
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
})
