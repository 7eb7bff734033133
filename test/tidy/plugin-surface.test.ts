import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { it } from 'node:test'

const root = join(import.meta.dirname, '../..')

it('everything that a plug-in may use has a description, and no link of one is broken', () => {
  const typedoc = join(root, 'node_modules/typedoc/bin/typedoc')
  const run = spawnSync(process.execPath, [typedoc, '--emit', 'none'], {
    cwd: root,
    encoding: 'utf8',
  })
  assert.equal(run.status, 0, `\n${run.stdout}${run.stderr}`)
})
