import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { chmod, chown, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { makeBelow } from '../../../machine/containers/make/open-folders.ts'
import { placeIn, seedVolumes } from '../../../machine/containers/make/seed.ts'
import { temporaryFolder } from '../../temporary.ts'
import { openMachine, scriptObject } from './machine.ts'

const timeout = 60_000
const ends = { stop_grace_seconds: 0 }

test('missing folders are made for their user, and never by a link', async (t) => {
  const folder = await temporaryFolder(t)
  const owner = { uid: 1000, gid: 1001 }
  makeBelow(folder, ['a', 'b'], owner, 'it')
  const [above, made] = [await stat(join(folder, 'a')), await stat(join(folder, 'a/b'))]
  assert.deepEqual([above.uid, made.uid, made.gid, made.mode & 0o777], [0, 1000, 1001, 0o755])
  await chown(join(folder, 'a/b'), 7, 7)
  makeBelow(folder, ['a', 'b'], owner, 'it')
  assert.equal((await stat(join(folder, 'a/b'))).uid, 7)
  const other = await temporaryFolder(t)
  await symlink(other, join(folder, 'link'))
  assert.throws(
    () => makeBelow(folder, ['link', 'x'], owner, 'it'),
    /it: link is no folder or is a/,
  )
  assert.deepEqual(await readdir(other), [])
})

test('an empty volume gets the image’s folder whole, one with data nothing', async (t) => {
  const folder = await temporaryFolder(t)
  const [volumes, rootfs] = [join(folder, 'volumes'), join(folder, 'rootfs')]
  await mkdir(join(volumes, 'data'), { recursive: true })
  await mkdir(join(rootfs, 'srv/site'), { recursive: true })
  await writeFile(join(rootfs, 'srv/site/page'), 'hello')
  await chown(join(rootfs, 'srv/site'), 33, 34)
  await chmod(join(rootfs, 'srv/site'), 0o2750)
  await symlink('/srv', join(rootfs, 'www'))
  const seeding = { volumes, rootfs, id: 'x' }
  const seeds = [{ object: 'data', path: '/www/site' }]
  await seedVolumes(seeding, seeds, t.signal)
  const seeded = await stat(join(volumes, 'data'))
  assert.deepEqual([seeded.uid, seeded.gid, seeded.mode & 0o7777], [33, 34, 0o2750])
  await writeFile(join(volumes, 'data/page'), 'mine')
  await seedVolumes(seeding, seeds, t.signal)
  assert.equal(await readFile(join(volumes, 'data/page'), 'utf8'), 'mine')
  assert.deepEqual(await readdir(volumes), ['data'])
})

test('a path in an image is followed within it alone', async (t) => {
  const rootfs = await temporaryFolder(t)
  await mkdir(join(rootfs, 'etc'))
  await symlink('../../../etc', join(rootfs, 'out'))
  await symlink('loop', join(rootfs, 'loop'))
  await writeFile(join(rootfs, 'file'), '')
  assert.equal(placeIn(rootfs, '/out'), join(rootfs, 'etc'))
  assert.equal(placeIn(rootfs, '/loop'), null)
  assert.equal(placeIn(rootfs, '/file'), null)
  assert.equal(placeIn(rootfs, '/none/etc'), null)
})

test('parts of volumes and granted folders are made and mounted', { timeout }, async (t) => {
  const host = await openMachine(t, { grants: (folder) => [`path:${folder}/granted`] })
  const granted = join(host.folder, 'granted')
  const mounts = [
    { volume: 'own', subpath: 'a/b', create: true, path: '/own' },
    { volume: 'theirs', subpath: 'c', create: true, path: '/theirs' },
    { host_path: `${granted}/d/e`, create: true, path: '/path' },
    { host_path: '/etc/localtime', path: '/etc/localtime' },
  ]
  const script = 'echo 1 >/own/x; echo 2 >/theirs/x; echo 3 >/path/x; sleep 1000'
  host.adopt({
    own: { type: 'volume' },
    theirs: { type: 'volume', path: `${granted}/stack` },
    web: scriptObject(script, { mounts, ...ends }),
  })
  await host.running('web')
  const places = [join(host.folder, 'state/volumes/own/a/b/x'), `${granted}/stack/c/x`]
  for (const [index, path] of [...places, `${granted}/d/e/x`].entries()) {
    await host.until(path, () => existsSync(path) && readFileSync(path, 'utf8') !== '')
    assert.equal(readFileSync(path, 'utf8'), `${index + 1}\n`)
  }
})

test('a part of a volume that is a link is refused', { timeout }, async (t) => {
  const host = await openMachine(t)
  const volume = join(host.folder, 'state/volumes/own')
  await mkdir(join(host.folder, 'elsewhere/b'), { recursive: true })
  await mkdir(volume, { recursive: true })
  await symlink(join(host.folder, 'elsewhere'), join(volume, 'a'))
  const mounts = [{ volume: 'own', subpath: 'a/b', path: '/own' }]
  const web = scriptObject('sleep 1000', { mounts, ...ends })
  host.adopt({ own: { type: 'volume' }, web })
  await host.until('it is refused', () => host.said('web').includes('by a symbolic link'))
})

test('a volume on a path that nobody grants is refused', { timeout }, async (t) => {
  const host = await openMachine(t)
  const web = scriptObject('sleep 1000', { mounts: [{ volume: 'own', path: '/own' }], ...ends })
  host.adopt({ own: { type: 'volume', path: `${host.folder}/stack` }, web })
  await host.until('it is refused', () => host.said('web').includes('is not granted'))
  assert.equal(existsSync(`${host.folder}/stack`), false)
})
