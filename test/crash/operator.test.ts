import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { FileCalls } from '../../platform/files/calls.ts'
import type { Files } from './file-tree.ts'
import {
  createModelDisk,
  MachineEnded,
  type MadeCall,
  type ModelDisk,
  type Trouble,
} from './model-disk.ts'
import { makeOperatorCases, type OperatorCase } from './operator-cases.ts'
import {
  type Documents,
  documentsIn,
  documentsOn,
  type Said,
  signCommand,
  startCommand,
} from './operator-run.ts'
import { fingerprint } from './power-cut.ts'

interface Run {
  readonly model: ModelDisk
  readonly said: Said
  readonly what: string
}

/** Runs the command of a case into one trouble, or into none. */
async function run(one: OperatorCase, at = -1, trouble: Trouble = 'lie'): Promise<Run> {
  const model = createModelDisk(one.files, { troubles: new Map([[at, trouble]]) })
  const { said, ended } = startCommand(model.calls, one.command)
  const end = await Promise.race([ended, model.ended])
  const call = model.made[at]
  const what = `${one.name}: ${trouble} at call ${at} (${call?.name} ${call?.path}): ${said.err}`
  assert.ok(end instanceof MachineEnded || said.exit !== null, what)
  return { model, said, what }
}

async function callsOf(one: OperatorCase): Promise<readonly MadeCall[]> {
  const { model, said, what } = await run(one)
  assert.equal(said.exit, 0, what)
  return model.made
}

function namesOf(documents: Documents): readonly string[] {
  return [...(documents ?? new Map()).keys()].sort()
}

/** Roots and recorded configs are for ever; what waits for signatures may be replaced. */
function assertKept(before: Documents, now: Documents, what: string): void {
  for (const [name, digest] of before ?? []) {
    if (/^(root|config) /.test(name)) assert.equal(now?.get(name), digest, `${what}: ${name} lost`)
  }
}

/**
 * A folder is as it was, or as the command leaves it, and nothing else. Keys are made anew in each
 * run, so what is new is known by its names; that it is whole has been proven.
 */
function stateOf(one: OperatorCase, now: Documents, what: string): 'old' | 'new' {
  const { before, after } = one
  assertKept(before, now, what)
  const isOld =
    (now === null) === (before === null) &&
    now?.size === before?.size &&
    [...(now ?? [])].every(([name, digest]) => before?.get(name) === digest)
  if (isOld) return 'old'
  assert.deepEqual(namesOf(now), namesOf(after), `${what}: neither the old nor the new state`)
  return 'new'
}

const repeated = new Set<string>()

/** Whoever runs the command again, and then signs, gets on, and no number is given twice. */
async function assertRepeats(one: OperatorCase, files: Files, what: string): Promise<void> {
  const key = `${one.name} ${fingerprint(files)}`
  if (repeated.has(key)) return
  repeated.add(key)
  const { calls } = createModelDisk(files)
  const found = await documentsIn(files)
  for (const command of [one.command, signCommand]) {
    const { exit, err } = await startCommand(calls, command).ended
    assert.ok(exit === 0 || exit === 4, `${what}, then ${command.argv.join(' ')}: ${err}`)
  }
  const now = await documentsOn(calls)
  assertKept(found, now, `${what}, then repeated`)
  assertKept(one.before, now, `${what}, then repeated`)
}

/**
 * Asserts that each power cut leaves the old or the new state, and the new one if it was told of.
 */
async function assertWhole(one: OperatorCase, { model, said, what }: Run): Promise<void> {
  for (const files of model.afterPowerCut()) {
    const state = stateOf(one, await documentsIn(files), what)
    if (said.out !== '') assert.equal(state, 'new', `${what}: told before it was durable`)
    await assertRepeats(one, files, what)
  }
}

/** A command that starts on the same running machine tells of nothing that a power cut takes. */
async function assertTellsDurable(one: OperatorCase, { model, what }: Run): Promise<void> {
  const calls: FileCalls = model.restart()
  const found = await documentsOn(calls)
  stateOf(one, found, what)
  if (found === null) return
  for (const files of model.afterPowerCut()) {
    assert.deepEqual(await documentsIn(files), found, `${what}, then a power cut`)
  }
}

for (const one of await makeOperatorCases()) {
  describe(`crash points of the operator: ${one.name}`, () => {
    it('is durable when it is told', async () => {
      const calm = await run(one)
      assert.equal(calm.said.exit, 0, calm.what)
      assert.notEqual(calm.said.out, '')
      await assertWhole(one, calm)
    })

    it('is the old or the new state where the power is cut at any call', async () => {
      for (const at of (await callsOf(one)).keys()) {
        await assertWhole(one, await run(one, at, 'crash-before'))
        await assertWhole(one, await run(one, at, 'crash-after'))
      }
    })

    it('is told of after kill -9 at any call only as a power cut then leaves it', async () => {
      for (const at of (await callsOf(one)).keys()) {
        const killed = await run(one, at, 'crash-after')
        await assertTellsDurable(one, killed)
        await assertRepeats(one, killed.model.files(), killed.what)
      }
    })

    it('fails without harm at any call, and leaves nothing behind', async () => {
      for (const [at, { name }] of (await callsOf(one)).entries()) {
        if (name === 'sync') continue
        for (const trouble of ['ENOSPC', 'EIO'] as const) {
          const failed = await run(one, at, trouble)
          // That what nobody reads could not be removed is no failure.
          assert.equal(failed.said.exit, name === 'remove' ? 0 : 1, failed.what)
          const left = [...failed.model.files().keys()].filter((path) => path.endsWith('.tmp'))
          assert.equal(left.length, name === 'remove' ? 1 : 0, failed.what)
          await assertWhole(one, failed)
        }
      }
    })

    it('ends where an fsync fails, and tries it on nothing again', async () => {
      for (const [at, { name, path }] of (await callsOf(one)).entries()) {
        if (name !== 'sync') continue
        const failed = await run(one, at, 'EIO')
        assert.equal(failed.said.exit, 1, failed.what)
        assert.doesNotMatch(failed.said.err, /is unchanged/)
        const later = failed.model.made.slice(at + 1)
        assert.ok(!later.some((call) => ['sync', 'link', 'rename'].includes(call.name)), path)
        await assertWhole(one, failed)
      }
    })
  })
}
