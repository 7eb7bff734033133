import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'

const root = join(import.meta.dirname, '../../..')
const name = 'covey-reconciler-sysctl'

test("the example's own tests hold, where an author would run them", async () => {
  const folder = await mkdtemp(join(tmpdir(), 'covey-example-'))
  try {
    const place = join(folder, name)
    await cp(join(root, 'examples', name), place, { recursive: true })
    await mkdir(join(place, 'node_modules'))
    await symlink(root, join(place, 'node_modules/covey'))
    await symlink(join(root, 'node_modules/zod'), join(place, 'node_modules/zod'))
    // A test that is started by a test would report to it instead of ending by itself.
    const { NODE_TEST_CONTEXT: _, ...env } = process.env
    const args = ['--test', '--test-reporter=tap', 'test.js']
    const { stdout } = await promisify(execFile)(process.execPath, args, { env, cwd: place })
    assert.match(stdout, /^# fail 0$/m)
    const [, passed] = /^# pass (\d+)$/m.exec(stdout) ?? []
    assert.ok(Number(passed) >= 8, stdout)
  } finally {
    await rm(folder, { recursive: true })
  }
})
