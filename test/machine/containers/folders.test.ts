import assert from 'node:assert/strict'
import { lstatSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { makeFolders } from '../../../machine/containers/make/rootfs.ts'
import { temporaryFolder } from '../../temporary.ts'

test('folders of an image are made where it has nothing, and through no link', async (t) => {
  const folder = await temporaryFolder(t)
  const [root, outside] = [join(folder, 'root'), join(folder, 'outside')]
  for (const each of [root, outside, join(root, 'var')]) mkdirSync(each, { mode: 0o700 })
  symlinkSync(outside, join(root, 'link'))
  symlinkSync('/var', join(root, 'inner'))
  writeFileSync(join(root, 'file'), '')
  const before = process.umask(0o077)
  t.after(() => process.umask(before))
  const paths = [
    '/var/lib/data',
    '/var',
    '/link/data',
    '/inner/data',
    '/file',
    '/file/data',
    '/new',
  ]
  makeFolders(
    root,
    paths.map((path) => ({ path, uid: 70_000, gid: 70_001 })),
  )
  for (const made of ['var/lib', 'var/lib/data', 'new']) {
    const { mode, uid, gid } = lstatSync(join(root, made))
    assert.deepEqual([mode & 0o7777, uid, gid], [0o755, 70_000, 70_001], made)
  }
  const { mode, uid } = lstatSync(join(root, 'var'))
  assert.deepEqual([mode & 0o7777, uid], [0o700, 0])
  assert.deepEqual(readdirSync(root).sort(), ['file', 'inner', 'link', 'new', 'var'])
  assert.deepEqual([readdirSync(join(root, 'var')), readdirSync(outside)], [['lib'], []])
})
