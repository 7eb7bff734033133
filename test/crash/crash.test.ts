import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createDisk, SyncFailed } from '../../machine/files/disk.ts'
import { CoveyError } from '../../protocol/fault.ts'
import { type CrashCase, makeCases, stateFolder } from './cases.ts'
import { signWorld } from './documents.ts'
import {
  createModelDisk,
  MachineEnded,
  type MadeCall,
  type ModelDisk,
  type Trouble,
} from './model-disk.ts'
import { assertBetween, factsOf, startFrom, startOn } from './starts.ts'

const world = await signWorld()
const cases = await makeCases(world)

interface Run {
  readonly model: ModelDisk
  /** The error that the write threw, or null where it was reported as durable. */
  readonly error: unknown
  readonly what: string
}

/** Runs a write into troubles. */
async function run(one: CrashCase, troubles: ReadonlyMap<number, Trouble>): Promise<Run> {
  const model = createModelDisk(one.files, { troubles })
  const written = one.write(createDisk(stateFolder, model.calls)).then(
    () => null,
    (reason: unknown) => reason,
  )
  const error = await Promise.race([written, model.ended])
  const told = [...troubles].map(([at, trouble]) => {
    const call = model.made[at]
    return `${trouble} at call ${at} (${call?.name} ${call?.path})`
  })
  return { model, error, what: `${one.name}: ${told.join(', ')}` }
}

async function callsOf(one: CrashCase): Promise<readonly MadeCall[]> {
  const { model, error } = await run(one, new Map())
  assert.equal(error, null)
  return model.made
}

/** A process that starts on what is there repeats the write, and then a power cut takes nothing. */
async function assertRepeats(one: CrashCase, model: ModelDisk, what: string): Promise<void> {
  const calls = model.restart()
  await startOn(calls)
  await one.write(createDisk(stateFolder, calls))
  for (const files of model.afterPowerCut()) {
    assert.deepEqual(factsOf(await startFrom(files)), one.after, `${what}, then repeated`)
  }
}

for (const one of cases) {
  describe(`crash points: ${one.name}`, () => {
    it('D1: is durable when it is reported', async () => {
      const { model, error } = await run(one, new Map())
      assert.equal(error, null)
      for (const files of model.afterPowerCut()) {
        const found = await startFrom(files)
        assert.deepEqual(found?.damage, [])
        assert.deepEqual(factsOf(found), one.after)
      }
    })

    it('D1, D2: loses and invents nothing where the power is cut at any call', async () => {
      const calls = await callsOf(one)
      for (const at of calls.keys()) {
        for (const trouble of ['crash-before', 'crash-after'] as const) {
          const { model, error, what } = await run(one, new Map([[at, trouble]]))
          assert.ok(error instanceof MachineEnded || error === null, what)
          for (const files of model.afterPowerCut()) {
            assertBetween(await startFrom(files), one.before, one.after, what)
            await assertRepeats(one, createModelDisk(files), what)
          }
        }
      }
    })

    it('reports after kill -9 at any call only what a power cut then leaves', async () => {
      const calls = await callsOf(one)
      for (const at of calls.keys()) {
        const { model, what } = await run(one, new Map([[at, 'crash-after']]))
        const found = await startOn(model.restart())
        assertBetween(found, one.before, one.after, what)
        if (found !== null) {
          for (const files of model.afterPowerCut()) {
            assert.deepEqual(factsOf(await startFrom(files)), factsOf(found), `${what}, power cut`)
          }
        }
        await assertRepeats(one, model, what)
      }
    })

    it('D4: fails without harm at any call, leaves nothing, and succeeds later', async () => {
      const calls = await callsOf(one)
      for (const [at, { name }] of calls.entries()) {
        if (name === 'sync') continue
        for (const trouble of ['ENOSPC', 'EIO'] as const) {
          const { model, error, what } = await run(one, new Map([[at, trouble]]))
          assert.ok(!(error instanceof SyncFailed), what)
          assert.equal(Reflect.get(Object(error), 'code'), trouble, `${what}: nobody noticed`)
          const left = [...model.files().keys()].filter((file) => file.endsWith('.tmp'))
          assert.deepEqual(left, [], what)
          for (const files of [model.files(), ...model.afterPowerCut()]) {
            assertBetween(await startFrom(files), one.before, one.after, what)
          }
          await assertRepeats(one, model, what)
        }
      }
    })

    it('D3: ends the process where an fsync fails, and tries nothing again', async () => {
      const calls = await callsOf(one)
      for (const [at, { name, path }] of calls.entries()) {
        if (name !== 'sync') continue
        const { model, error, what } = await run(one, new Map([[at, 'EIO']]))
        assert.ok(error instanceof SyncFailed, what)
        const later = model.made.slice(at + 1)
        assert.ok(!later.some((call) => call.name === 'sync' && call.path === path), what)
        assert.ok(!later.some((call) => ['rename', 'remove'].includes(call.name)), what)
        for (const files of [model.files(), ...model.afterPowerCut()]) {
          assertBetween(await startFrom(files), one.before, one.after, what)
        }
        await assertRepeats(one, model, what)
      }
    })

    it('D3: lets no lesser error hide a failed fsync', async () => {
      const calls = await callsOf(one)
      const syncs = [...calls.keys()].filter((at) => calls[at]?.name === 'sync')
      for (const sync of syncs) {
        for (const other of calls.keys()) {
          if (syncs.includes(other)) continue
          const troubles = new Map<number, Trouble>([[sync, 'EIO']]).set(other, 'ENOSPC')
          const { model, error, what } = await run(one, troubles)
          const call = model.made[sync]
          if (call?.name === 'sync') assert.ok(error instanceof SyncFailed, what)
        }
      }
    })

    it('takes no half document where an fsync lies and the power is cut later', async () => {
      const calls = await callsOf(one)
      const known = JSON.stringify([one.before, one.after, factsOf(null)])
      for (const [lie, { name }] of calls.entries()) {
        if (name !== 'sync') continue
        for (let at = lie + 1; at <= calls.length; at++) {
          const troubles = new Map<number, Trouble>([[lie, 'lie']])
          if (at < calls.length) troubles.set(at, 'crash-after')
          const { model, what } = await run(one, troubles)
          for (const files of model.afterPowerCut()) {
            const found = await startFrom(files).catch((error: unknown) => {
              assert.ok(error instanceof CoveyError, what)
              return null
            })
            const { head, confirmed, roots, rivals, evidence } = factsOf(found)
            for (const digest of [head, confirmed, ...roots, ...rivals, ...evidence]) {
              assert.ok(digest === null || known.includes(digest), what)
            }
          }
        }
      }
    })
  })
}
