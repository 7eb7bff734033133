import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { mountHostRoot } from '../../../machine/containers/mounts/host-root.ts'
import { afterwards, temporaryFolder } from '../../temporary.ts'

test('the root of a host hides folders of covey that are mounts of others', async (t) => {
  const folder = await temporaryFolder(t)
  const [other, stateDir, runDir, hostRoot] = ['other', 'state', 'run', 'root'].map((name) => {
    const path = join(folder, name)
    mkdirSync(path)
    return path
  }) as [string, string, string, string]
  mkdirSync(join(other, 'deep'))
  writeFileSync(join(other, 'deep/key'), 'of covey')
  writeFileSync(join(folder, 'seen'), 'of the host')
  execFileSync('mount', ['--bind', other, stateDir])
  afterwards(t, async () => {
    const points = readFileSync('/proc/self/mounts', 'utf8').split('\n')
    const own = points.map((line) => line.split(' ')[1] ?? '').filter((at) => at.startsWith(folder))
    for (const at of own.toReversed()) execFileSync('umount', ['--lazy', at])
  })
  const settings = { grants: [], settingsFile: '', stateDir, runDir }
  await mountHostRoot(settings, { hostRoot }, new AbortController().signal)
  assert.equal(readFileSync(join(hostRoot, folder, 'seen'), 'utf8'), 'of the host')
  assert.deepEqual(readdirSync(join(hostRoot, other)), [])
  assert.deepEqual(readdirSync(join(hostRoot, stateDir)), [])
  assert.throws(() => writeFileSync(join(hostRoot, folder, 'new'), ''), { code: 'EROFS' })
  assert.equal(readFileSync(join(stateDir, 'deep/key'), 'utf8'), 'of covey')
})
