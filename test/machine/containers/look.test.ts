import assert from 'node:assert/strict'
import { mkdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { type Life, newLife } from '../../../machine/containers/life.ts'
import { type LookInit, lookAt } from '../../../machine/containers/look/look.ts'
import { hostPlaces, placesOf } from '../../../machine/containers/places.ts'
import { startTicksOf } from '../../../machine/containers/processes.ts'
import { temporaryFolder } from '../../temporary.ts'

/** A process that was never there, and the one that runs this test. */
const gone = { pid: 4_000_000, startTicks: 1 }
const here = { pid: process.pid, startTicks: startTicksOf(process.pid) ?? 0 }
const id = 'covey-web-0123456789ab'

/** The settings for looking at a container whose process has ended, in a folder of its own. */
function lookOf(folder: string, life: Partial<Life>): LookInit {
  const places = placesOf(hostPlaces(join(folder, 'state'), join(folder, 'run')), id)
  for (const path of [dirname(places.exit), places.notes]) mkdirSync(path, { recursive: true })
  return {
    ...{ id, places, record: null, ran: undefined, log: join(folder, 'no.log') },
    life: { ...newLife('boot'), process: gone, startedMs: 1, ...life },
    ...{ mounts: new Set(), strays: [], nowMs: 2 },
    memory: {
      ...{ exit: null, files: new Map(), isStarted: true, isOomTold: false },
      ...{ checkedTicks: null, isMaking: false, brokenTold: null },
    },
  }
}

test('a supervisor that says how it ended, and is gone at once, is heard', async (t) => {
  const folder = await temporaryFolder(t)
  const init = lookOf(folder, {})
  // It writes its file at the very moment at which somebody asks whether it lives, and ends.
  const life = Object.defineProperty({ ...init.life } as Life, 'supervisor', {
    get() {
      writeFileSync(init.places.exit, '137')
      return gone
    },
  })
  const { process } = lookAt({ ...init, life })
  assert.equal(process.state === 'exited' && process.exit.exitCode, 137)
})

test('an exit file without a code is none yet while its supervisor lives', async (t) => {
  const folder = await temporaryFolder(t)
  const init = lookOf(folder, { supervisor: here })
  writeFileSync(init.places.exit, '')
  assert.equal(lookAt(init).process.state, 'running')
  writeFileSync(init.places.exit, '3')
  const { process } = lookAt(init)
  assert.equal(process.state === 'exited' && process.exit.exitCode, 3)
})

test('the copy of a code that its supervisor keeps beside the container is read too', async (t) => {
  const folder = await temporaryFolder(t)
  const init = lookOf(folder, {})
  writeFileSync(join(init.places.notes, 'exit'), '4')
  const { process } = lookAt(init)
  assert.equal(process.state === 'exited' && process.exit.exitCode, 4)
})

test('an end that is kept stays kept, whichever file of it is there', async (t) => {
  const folder = await temporaryFolder(t)
  const init = lookOf(folder, {})
  // Both files of one end; the supervisor writes the second a moment after the first.
  for (const [path, seconds] of [
    [init.places.exit, 7],
    [join(init.places.notes, 'exit'), 8],
  ] as const) {
    writeFileSync(path, '4')
    utimesSync(path, seconds, seconds)
  }
  const first = lookAt(init).process
  assert.ok(first.state === 'exited' && !first.isKept)
  rmSync(init.places.exit)
  const next = { ...init, ran: first.exit, memory: { ...init.memory, exit: null } }
  assert.deepEqual(lookAt(next).process, { state: 'exited', exit: first.exit, isKept: true })
})

test('an end that nobody saw is told as such', async (t) => {
  const { process } = lookAt(lookOf(await temporaryFolder(t), {}))
  assert.deepEqual(process.state === 'exited' && process.exit.exitCode, null)
})
