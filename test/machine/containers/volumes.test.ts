import assert from 'node:assert/strict'
import { mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { foldersOfVolumes, makeVolumes } from '../../../machine/containers/make/volumes.ts'
import { temporaryFolder } from '../../temporary.ts'

test('a volume is its first user’s, and others may look', async (t) => {
  const folder = await temporaryFolder(t)
  // As `covey agent` has it.
  const before = process.umask(0o077)
  t.after(() => process.umask(before))
  makeVolumes(folder, [{ object: 'data', uid: 1000, gid: 1001 }])
  makeVolumes(folder, [{ object: 'data', uid: 5, gid: 6 }])
  const { uid, gid, mode } = statSync(join(folder, 'data'))
  assert.deepEqual([uid, gid, mode & 0o7777], [1000, 1001, 0o755])
  assert.deepEqual(foldersOfVolumes(folder), ['data'])
})

test('a file in the place of a volume is not mounted as one', async (t) => {
  const folder = await temporaryFolder(t)
  writeFileSync(join(folder, 'data'), '')
  const use = { object: 'data', uid: 0, gid: 0 }
  assert.throws(() => makeVolumes(folder, [use]), /data is not a folder: move it away$/)
})

test('a link in the place of a volume is not mounted as one', async (t) => {
  const folder = await temporaryFolder(t)
  mkdirSync(join(folder, 'elsewhere'))
  symlinkSync('elsewhere', join(folder, 'data'))
  const use = { object: 'data', uid: 0, gid: 0 }
  assert.throws(
    () => makeVolumes(folder, [use]),
    /^CoveyError: the volume data: \S+ is a symbolic link/,
  )
})
