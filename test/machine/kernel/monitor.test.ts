import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'

test('a watch of the kernel ends with an agent that is killed', { timeout: 60_000 }, async () => {
  const script = `
    const { startMonitor } = await import(process.argv[1])
    const { readFileSync } = await import('node:fs')
    const log = { warn() {}, info() {}, debug() {}, error() {} }
    startMonitor({ tool: 'ip', args: ['-o', 'monitor', 'route'], log, onLine() {}, onBreak() {},
      onStart() {
        const children = () => readFileSync('/proc/self/task/' + process.pid + '/children', 'utf8')
        const name = (pid) => readFileSync('/proc/' + pid + '/comm', 'utf8').trim()
        const look = setInterval(() => {
          const pid = children().trim()
          if (pid === '' || name(pid) !== 'ip') return
          clearInterval(look)
          console.log(pid)
        }, 10)
      },
    })`
  const monitor = join(import.meta.dirname, '../../../machine/kernel/monitor.ts')
  const agent = spawn(process.execPath, ['--input-type=module', '-e', script, monitor], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [pid] = (await once(createInterface({ input: agent.stdout }), 'line')) as [string]
  assert.ok(existsSync(`/proc/${pid}`))
  agent.kill('SIGKILL')
  await once(agent, 'exit')
  while (existsSync(`/proc/${pid}`)) await sleep(10)
})
