import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { chownSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { seedVolumes } from '../../../machine/containers/make/seed.ts'
import { afterwards, temporaryFolder } from '../../temporary.ts'

test('a volume that is a mount is filled past the links of who has it already', async (t) => {
  const folder = await temporaryFolder(t)
  const [volumes, rootfs] = [join(folder, 'volumes'), join(folder, 'rootfs')]
  const [data, victim] = [join(volumes, 'data'), join(folder, 'victim')]
  mkdirSync(data, { recursive: true })
  mkdirSync(join(rootfs, 'srv/sub'), { recursive: true })
  writeFileSync(join(rootfs, 'srv/file'), 'of the image', { mode: 0o640 })
  writeFileSync(join(rootfs, 'srv/sub/deep'), 'x')
  chownSync(join(rootfs, 'srv/file'), 12, 34)
  chownSync(join(rootfs, 'srv'), 70, 71)
  execFileSync('mkfifo', [join(rootfs, 'srv/pipe')])
  writeFileSync(victim, 'of the host')
  execFileSync('mount', ['-t', 'tmpfs', 'covey-test', data])
  afterwards(t, async () => execFileSync('umount', ['--lazy', data]))
  const seeds = [{ object: 'data', path: '/srv' }]
  const seed = (): Promise<void> =>
    seedVolumes({ volumes, rootfs, id: 'web-1' }, seeds, new AbortController().signal)
  await seed()
  assert.deepEqual(readdirSync(data).sort(), ['file', 'sub'])
  assert.equal(readFileSync(join(data, 'sub/deep'), 'utf8'), 'x')
  const [file, top] = [statSync(join(data, 'file')), statSync(data)]
  assert.deepEqual([file.uid, file.gid, file.mode & 0o777], [12, 34, 0o640])
  assert.deepEqual([top.uid, top.gid], [70, 71])
  const code = `const fs = require('node:fs')
    const gone = { recursive: true, force: true }
    const all = () => { for (const each of fs.readdirSync('.')) fs.rmSync(each, gone) }
    for (;;) try { all(); fs.symlinkSync(process.argv[1], 'file'); fs.unlinkSync('file') } catch {}`
  const options = { cwd: data, stdio: 'ignore' } as const
  const hostile = spawn(process.execPath, ['-e', code, victim], options)
  afterwards(t, async () => void hostile.kill('SIGKILL'))
  // How often both sides meet is luck, so it goes on for a while.
  for (const until = performance.now() + 3_000; performance.now() < until; ) {
    await seed().catch(() => undefined)
  }
  assert.equal(readFileSync(victim, 'utf8'), 'of the host')
  assert.deepEqual(readdirSync(volumes), ['data'])
})
