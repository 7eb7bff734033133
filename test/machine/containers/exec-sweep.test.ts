import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { openExecSessions } from '../../../machine/containers/exec/sessions.ts'
import { startTicksOf } from '../../../machine/containers/processes.ts'
import { afterwards, temporaryFolder } from '../../temporary.ts'
import { quietLog } from './quiet-log.ts'

test('all commands of a killed agent are ended, also beside a file that was cut off', async (t) => {
  const runDir = await temporaryFolder(t)
  const child = spawn('sleep', ['1000'], { detached: true })
  afterwards(t, async () => void child.kill('SIGKILL'))
  const ended = once(child, 'exit')
  const { pid = 0 } = child
  const leader = JSON.stringify({ pid, startTicks: startTicksOf(pid) })
  for (const [index, text] of [
    '',
    leader.slice(0, 5),
    leader,
    '[]',
    leader.slice(0, 9),
  ].entries()) {
    const folder = join(runDir, 'exec', String(index))
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, 'leader.json'), text)
  }
  openExecSessions({ runDir, log: quietLog, onExec() {} })
  const tooLate = sleep(10_000, null, { ref: false })
  assert.deepEqual(await Promise.race([ended, tooLate]), [null, 'SIGHUP'])
  while (readdirSync(join(runDir, 'exec')).length > 0) await sleep(10)
})
