import assert from 'node:assert/strict'
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { setHostSettings } from '../../../machine/containers/make/host-settings.ts'
import { temporaryFolder } from '../../temporary.ts'

test('a setting of the host is written where it differs, by its name alone', async (t) => {
  const root = await temporaryFolder(t)
  await mkdir(join(root, 'vm'))
  const path = join(root, 'vm', 'overcommit')
  await writeFile(path, '1\t2\n')
  const { mtimeNs } = await stat(path, { bigint: true })
  setHostSettings({ 'vm.overcommit': '1 2' }, root)
  assert.equal((await stat(path, { bigint: true })).mtimeNs, mtimeNs)
  setHostSettings({ 'vm.overcommit': '7' }, root)
  assert.equal(await readFile(path, 'utf8'), '7')
  const missing = /container-create|sysctls vm.none: the kernel of this host does not take "1"/
  assert.throws(() => setHostSettings({ 'vm.none': '1' }, root), missing)
  assert.throws(() => setHostSettings({ 'vm/../../x': '1' }, root), /must be a setting/)
})
