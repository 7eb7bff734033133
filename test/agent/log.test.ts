import assert from 'node:assert/strict'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { openLog } from '../../agent/log.ts'
import { temporaryFolder } from '../temporary.ts'

test('a full disk under the log does not end the agent', () => {
  const descriptor = openSync('/dev/full', 'w')
  const log = openLog('info', descriptor)
  for (let line = 0; line < 500; line++) log.info({ line }, 'x'.repeat(200))
  closeSync(descriptor)
})

test('the log says why something failed', async (context) => {
  const file = join(await temporaryFolder(context), 'log')
  const descriptor = openSync(file, 'w')
  openLog('info', descriptor).warn({ error: new Error('nft: no such table') }, 'make the table')
  closeSync(descriptor)
  assert.equal(JSON.parse(readFileSync(file, 'utf8')).error, 'nft: no such table')
})
