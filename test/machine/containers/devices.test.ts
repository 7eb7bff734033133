import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { afterwards } from '../../temporary.ts'
import { openMachine, scriptObject, serving } from './machine.ts'

const timeout = 60_000

/** Prints the number of its device, and whether it may be read and written, and stays. */
const script = [
  'try() { "$@" 2>/dev/null && echo yes || echo no; }',
  'reads() { true < /dev/stick; }',
  'writes() { true > /dev/stick; }',
  'echo "it is $(stat -c %t:%T /dev/stick) $(try reads) $(try writes)"',
  'trap "exit 0" TERM; while :; do sleep 0.02; done',
].join('; ')

test('a device is waited for, attached at its path, and attached again', { timeout }, async (t) => {
  const folder = mkdtempSync('/dev/covey-test-')
  afterwards(t, async () => rmSync(folder, { recursive: true }))
  const [link, path] = [join(folder, 'by-id'), join(folder, 'usb')]
  const on = await openMachine(t, { grants: () => [`device:${link}`] })
  const devices = [{ source: link, target: '/dev/stick', permissions: 'r' }]
  on.adopt({ web: scriptObject(script, { devices, stop_grace_seconds: 1 }) })
  const waits = `pending: waits for the device ${link}`
  await on.until('it waits', () => on.said('web') === waits)
  const logs = join(on.folder, 'state/logs/web')
  const log = (): string =>
    existsSync(logs)
      ? readdirSync(logs)
          .map((name) => readFileSync(join(logs, name), 'utf8'))
          .join('')
      : ''
  symlinkSync('usb', link)
  execFileSync('mknod', [path, 'b', '7', '6'])
  const first = await on.running('web')
  await on.until('it has looked', () => log().includes('it is 7:6 yes no'))

  rmSync(path)
  await on.until('it is missed', () => on.said('web') === `${waits}, which is gone; runs without`)
  execFileSync('mknod', [path, 'b', '7', '7'])
  await on.until('it is attached again', () => log().includes('it is 7:7 yes no'))
  const second = await on.running('web')
  assert.equal(second.id, first.id)
  assert.notEqual(second.pid, first.pid)

  // Who may exchange the link does not move the grant: nothing of what it leads to is given.
  chmodSync(folder, 0o777)
  rmSync(link)
  symlinkSync('/dev/fuse', link)
  await on.until('it is refused', () =>
    /goes through the link .* grant the real device/.test(on.said('web')),
  )
})

test('a link for /dev leads no node into a folder of the host', { timeout }, async (t) => {
  const on = await openMachine(t, {
    grants: (folder) => [`path:${folder}/data`, 'device:/dev/fuse'],
  })
  const [data, dev] = [join(on.folder, 'data'), join(on.folder, 'layer/dev')]
  mkdirSync(data)
  rmSync(dev, { recursive: true, force: true })
  symlinkSync('/data', dev)
  const mounts = [{ host_path: data, path: '/data' }]
  on.adopt({ web: scriptObject(serving, { mounts, devices: ['/dev/fuse'] }) })
  const reason = 'failed: /dev of the image is a symbolic link, not a folder'
  await on.until('it is refused', () => on.said('web') === reason)
  assert.deepEqual(readdirSync(data), [])
})
