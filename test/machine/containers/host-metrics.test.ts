import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { openMachine, scriptObject, serving } from './machine.ts'

const timeout = 60_000

const mounts = ['/', '/proc', '/sys'].map((host_path) => {
  const path = `/host${host_path === '/' ? '' : `-${host_path.slice(1)}`}`
  return { host_path, path, read_only: true }
})
const members = { mounts, host_pid: true, user_namespace: true, stop_grace_seconds: 1 }

test('a container of metrics looks at its host, and at nothing of covey', {
  timeout,
}, async (t) => {
  const granted: string[] = []
  const on = await openMachine(t, { granted })
  // The root of a user namespace passes through it to its root file system.
  chmodSync(on.folder, 0o711)
  const open = join(on.folder, 'open')
  mkdirSync(open)
  chmodSync(open, 0o777)
  const layer = join(on.folder, 'layer')
  execFileSync('chown', ['-R', '1996488704:1996488704', layer])
  const key = join(on.folder, 'state/key')
  mkdirSync(join(on.folder, 'state'), { recursive: true })
  writeFileSync(key, 'of covey', { mode: 0o644 })
  on.adopt({ web: scriptObject(serving, members) })
  await on.until('it is refused', () => on.said('web').includes('"host-metrics"'))
  granted.push('host-metrics')
  on.loop().poke('grants')
  const { pid, id } = await on.running('web')
  const uid = readFileSync(`/proc/${pid}/status`, 'latin1').match(/^Uid:\s*(\d+)/m)?.[1]
  assert.equal(uid, '1996488704')
  const inside = (script: string): string => {
    const target = ['--target', String(pid), '--user', '--mount', '--root', '--setuid', '0']
    const shell = ['/bin/sh', '-c', `( ${script} ) 2>&1 || true`]
    return execFileSync('nsenter', [...target, ...shell], { encoding: 'utf8' }).trim()
  }
  // It sees the host's processes and files.
  assert.equal(inside('cat /host-proc/loadavg').split(' ').length, 5)
  assert.match(inside(`cat /proc/${process.pid}/comm`), /./)
  assert.match(inside('cat /host/etc/hostname /host/etc/os-release'), /NAME=/)
  assert.match(inside('ls /host-sys/class/net'), /lo/)
  // Nothing of covey, whichever way.
  const tries = [
    `cat /host${key}`,
    `cat /host-proc/${process.pid}/root${key}`,
    `cat /proc/1/root${key}`,
  ]
  for (const each of tries) assert.doesNotMatch(inside(each), /of covey/, each)
  assert.match(inside(`ls /host${join(on.folder, 'state')}`), /Permission denied|^$/)
  assert.match(inside(`cat /host-proc/${process.pid}/environ`), /Permission denied/)
  // And it writes nothing.
  for (const place of [`/host${open}/x`, '/host-proc/sys/vm/x', '/host-sys/x']) {
    assert.match(inside(`echo > ${place}`), /Read-only|nonexistent|denied/, place)
  }
  assert.match(inside('echo 1 > /host-proc/sys/kernel/panic'), /Read-only|denied/)
  assert.match(inside('umount /host; mount -o remount,rw /host'), /denied|not permitted/)
  assert.deepEqual(readdirSync(open), [])
  // What is hidden is hidden from the host's own root as well, and not by modes alone.
  const { hostRoot } = on.machine().state.of(id)
  assert.deepEqual(readdirSync(join(hostRoot, on.folder, 'state')), [])
  on.adopt({})
  await on.until('nothing is left', async () => (await on.look()).length === 0)
  assert.equal(existsSync(hostRoot), false)
  assert.equal(readFileSync(key, 'utf8'), 'of covey')
})
