import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { runsAnother } from '../../../machine/containers/make/exec-fifo.ts'
import { programOf, startTicksOf } from '../../../machine/containers/processes.ts'
import { afterwards } from '../../temporary.ts'

const timeout = 30_000

test('a process is waited for until it has become another program', { timeout }, async (t) => {
  const child = spawn('/bin/sh', ['-c', 'read line; exec sleep 1000'])
  afterwards(t, async () => void child.kill('SIGKILL'))
  await once(child, 'spawn')
  const pid = child.pid ?? 0
  const before = programOf(pid)
  const waited = runsAnother({ pid, startTicks: startTicksOf(pid) ?? 0 }, before)
  child.stdin.write('\n')
  await waited
  assert.notEqual(programOf(pid), before)
})

test('a process that ends instead is waited for no longer', { timeout }, async () => {
  const child = spawn('/bin/sh', ['-c', 'read line; exit 3'])
  await once(child, 'spawn')
  const pid = child.pid ?? 0
  const waited = runsAnother({ pid, startTicks: startTicksOf(pid) ?? 0 }, programOf(pid))
  child.stdin.write('\n')
  await waited
  assert.equal(startTicksOf(pid), null)
})
