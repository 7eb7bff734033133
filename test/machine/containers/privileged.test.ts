import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { openMachine, scriptObject, serving } from './machine.ts'

const timeout = 60_000

test('a container is privileged where its host says so, and else runs without', {
  timeout,
}, async (t) => {
  const granted: string[] = []
  const on = await openMachine(t, { granted })
  const members = { privileged: true, no_new_privileges: false, stop_grace_seconds: 1 }
  on.adopt({ web: scriptObject(serving, members) })
  const first = await on.running('web')
  const statusOf = (pid: number, name: string): string | undefined =>
    new RegExp(`^${name}:\\s*(\\S+)`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]
  const inside = (pid: number, ...command: readonly string[]): string =>
    execFileSync('nsenter', ['--target', String(pid), '--mount', '--root', ...command], {
      encoding: 'utf8',
    })
  assert.equal(statusOf(first.pid, 'Seccomp'), '2')
  assert.doesNotMatch(inside(first.pid, '/bin/ls', '/dev'), /loop0/)
  const says = /^converged: runs UNPRIVILEGED: .*covey host grant privileged:web$/
  await on.until('it is said', () => says.test(on.said('web')))

  granted.push('privileged:web')
  on.loop().poke('grants')
  await on.until('it says nothing more', () => on.said('web') === 'converged')
  const second = await on.running('web')
  assert.notEqual(second.pid, first.pid)
  assert.equal(second.id, first.id)
  assert.equal(statusOf(second.pid, 'Seccomp'), '0')
  assert.equal(statusOf(second.pid, 'CapEff'), statusOf(process.pid, 'CapBnd'))
  assert.match(inside(second.pid, '/bin/ls', '/dev'), /loop0/)
  const { bundle } = on.machine().state.of(second.id)
  const { linux } = JSON.parse(readFileSync(join(bundle, 'config.json'), 'utf8'))
  const nodeMembers = new Set(linux.devices.flatMap((node: object) => Object.keys(node)))
  const known = ['fileMode', 'gid', 'major', 'minor', 'path', 'type', 'uid']
  assert.deepEqual([...nodeMembers].sort(), known)
  const table = readFileSync(`/proc/${second.pid}/mountinfo`, 'latin1')
  assert.match(table, / \/sys rw[^\n]* - sysfs /)
  assert.doesNotMatch(table, /\/proc\/sys|\/proc\/kcore/)
})
