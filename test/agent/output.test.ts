import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { it } from 'node:test'
import { temporaryFolder } from './temporary.ts'

it('a card that cannot be written is told in one line', async (t) => {
  const main = join(import.meta.dirname, '../../agent/main.ts')
  const args = ['identity', '--host', 'cloud01', '--state-dir', await temporaryFolder(t)]
  const full = openSync('/dev/full', 'w')
  t.after(() => closeSync(full))
  const stdio: ['ignore', number, 'pipe'] = ['ignore', full, 'pipe']
  const { status, stderr } = spawnSync(process.execPath, [main, ...args], { stdio })
  assert.equal(status, 1)
  assert.match(String(stderr), /^covey: cannot write the output: ENOSPC.*\nhint: make room.*\n$/)
})
