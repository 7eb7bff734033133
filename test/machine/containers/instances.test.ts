import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { instanceMark } from '../../../machine/containers/instance.ts'
import { afterwards, temporaryFolder } from '../../temporary.ts'
import { openMachine, scriptObject, serving } from './machine.ts'

const timeout = 60_000

test('a state folder has one mark for good', { timeout }, async (t) => {
  const folder = await temporaryFolder(t)
  const mark = await instanceMark(folder)
  assert.match(mark, /^[0-9a-f]{8}$/)
  assert.equal(await instanceMark(folder), mark)
  assert.notEqual(await instanceMark(await temporaryFolder(t)), mark)
  writeFileSync(join(folder, 'instance.json'), '{"mark":"../../x"}')
  assert.match(await instanceMark(folder), /^[0-9a-f]{8}$/)
})

test("two agents in one tree of control groups leave each other's containers alone", {
  timeout,
}, async (t) => {
  const [one, other] = [await openMachine(t), await openMachine(t)]
  const object = scriptObject(serving)
  one.adopt({ web: object })
  const { id, pid } = await one.running('web')
  // The same object, so the same id; and one that the other one does not have.
  other.adopt({ web: object, more: scriptObject(`: more; ${serving}`) })
  const second = await other.running('web')
  assert.equal(second.id, id)
  await other.running('more')
  assert.deepEqual(
    (await one.look()).map((seen) => seen.object),
    ['web'],
  )
  other.adopt({})
  await other.until('its containers are gone', async () => (await other.look()).length === 0)
  assert.equal((await one.running('web')).pid, pid)
  assert.equal(one.events.filter(({ what }) => what === 'started').length, 1)
})

test('a group by the older name counts only where this state folder knows of it', {
  timeout,
}, async (t) => {
  const on = await openMachine(t)
  on.adopt({ web: scriptObject(serving) })
  const { id } = await on.running('web')
  await on.loop().stop()
  const { state } = on.machine()
  const { cgroups, mark } = state
  const noted = state.life(id)?.cgroups ?? {}
  const parents = cgroups.parents.map((parent) => parent.replace(`-${mark}`, ''))
  const foreign = 'covey-web-000000000000'
  const remove = (): void => {
    for (const parent of parents) {
      for (const path of [join(parent, id), join(parent, foreign), parent]) {
        if (existsSync(path)) rmdirSync(path)
      }
    }
  }
  afterwards(t, async () => remove())
  for (const parent of parents) {
    for (const each of [id, foreign]) mkdirSync(join(parent, each), { recursive: true })
  }
  assert.deepEqual(
    (await on.look()).map((seen) => seen.id),
    [id],
  )
  cgroups.remove(foreign)
  cgroups.remove(id)
  const left = (): string[] => readdirSync(parents[0] ?? '').filter((each) => /^covey-/.test(each))
  assert.deepEqual(left().sort(), [foreign, id].sort())
  // Where the runtime has noted nothing, or that very group, it is what the record is about.
  state.setLife(id, { cgroups: {} })
  cgroups.remove(id)
  assert.deepEqual(left(), [foreign])
  state.setLife(id, { cgroups: noted })
})
