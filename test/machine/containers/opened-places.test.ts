import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { accountFilesOf } from '../../../machine/containers/exec/account-files.ts'
import { accountFileBytesMax } from '../../../machine/containers/exec/limits.ts'
import { grantedNodes } from '../../../machine/containers/make/device-nodes.ts'
import { grantFacts } from '../../../machine/containers/mounts/grant-facts.ts'
import { grantedPath } from '../../../machine/containers/mounts/granted-path.ts'
import { afterwards, temporaryFolder } from '../../temporary.ts'
import { flip } from './flipping.ts'

/** Looks beside somebody who exchanges names; the old ways were led astray within a few hundred. */
const looks = 5_000

/** A process whose root is a folder with `/etc`. */
async function rooted(t: TestContext): Promise<{ pid: number; root: string; outside: string }> {
  const folder = await temporaryFolder(t)
  const [root, outside] = [join(folder, 'root'), join(folder, 'outside')]
  for (const path of [root, join(root, 'etc'), outside]) mkdirSync(path)
  cpSync('/bin/busybox', join(root, 'busybox'))
  for (const [at, text] of [
    [join(root, 'etc'), 'own'],
    [outside, 'the host’s'],
  ] as const) {
    for (const name of ['passwd', 'group']) writeFileSync(join(at, name), text)
  }
  const script = 'echo here; exec /busybox sleep 1000'
  const args = [root, '/busybox', 'sh', '-c', script]
  const child = spawn('chroot', args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = new Promise((resolve) => child.once('exit', resolve))
  afterwards(t, async () => {
    child.kill('SIGKILL')
    await ended
  })
  await new Promise((resolve) => child.stdout.once('data', resolve))
  assert.ok(child.pid)
  return { pid: child.pid, root, outside }
}

test('accounts are read within a container, and from plain files alone', async (t) => {
  const { pid, root, outside } = await rooted(t)
  const [etc, passwd] = [join(root, 'etc'), join(root, 'etc/passwd')]
  assert.deepEqual(accountFilesOf(pid, root), { passwd: 'own', group: 'own' })
  // Its number is another's by now.
  assert.deepEqual(accountFilesOf(process.pid, root), { passwd: null, group: null })
  rmSync(passwd)
  symlinkSync(join(outside, 'passwd'), passwd)
  assert.deepEqual(accountFilesOf(pid, root), { passwd: null, group: 'own' })
  rmSync(passwd)
  execFileSync('mkfifo', [passwd])
  assert.equal(accountFilesOf(pid, root).passwd, null)
  rmSync(passwd)
  writeFileSync(passwd, 'x'.repeat(accountFileBytesMax + 1))
  assert.equal(accountFilesOf(pid, root).passwd, null)
  rmSync(etc, { recursive: true })
  symlinkSync(outside, etc)
  assert.deepEqual(accountFilesOf(pid, root), { passwd: null, group: null })
})

test('accounts are never read outside of it, whoever exchanges /etc meanwhile', {
  timeout: 60_000,
}, async (t) => {
  const { pid, root, outside } = await rooted(t)
  await flip(t, join(root, 'etc'), outside)
  const seen = new Set<string | null>()
  const isExchanged = (): boolean => seen.has('own') && seen.has(null)
  for (let look = 0; look < looks || !isExchanged(); look++) {
    const { passwd, group } = accountFilesOf(pid, root)
    seen.add(passwd).add(group)
    assert.ok(!t.signal.aborted)
  }
  assert.equal(seen.has('the host’s'), false)
})

/** A folder below /dev with a node in it, and one beside it with another. */
function devices(t: TestContext): { granted: string; other: string } {
  const folder = mkdtempSync('/dev/shm/covey-')
  afterwards(t, async () => rmSync(folder, { recursive: true }))
  const [granted, other] = [join(folder, 'granted'), join(folder, 'other')]
  for (const path of [granted, join(granted, 'sub'), other]) mkdirSync(path)
  execFileSync('mknod', [join(granted, 'sub/full'), 'c', '1', '7'])
  execFileSync('mknod', [join(other, 'zero'), 'c', '1', '5'])
  return { granted, other }
}

function factsOf(grants: readonly string[]): ReturnType<typeof grantFacts> {
  return grantFacts({ grants, settingsFile: 'agent.json', stateDir: '/none/a', runDir: '/none/b' })
}

test('nodes of a granted folder are those in it, whoever exchanges it meanwhile', {
  timeout: 60_000,
}, async (t) => {
  const { granted, other } = devices(t)
  const facts = factsOf([`device:${granted}`])
  const path = join(granted, 'sub')
  const names = (): readonly string[] => grantedNodes(path, facts).map((node) => node.path)
  assert.deepEqual(names(), [join(path, 'full')])
  assert.deepEqual(
    grantedNodes(path, facts).map(({ type, major, minor }) => [type, major, minor]),
    [['c', 1, 7]],
  )
  symlinkSync(other, join(granted, 'link'))
  for (const name of ['link', 'link/zero']) {
    assert.throws(() => grantedNodes(join(granted, name), facts), /is not granted on this host/)
  }
  symlinkSync('sub/full', join(granted, 'by-id'))
  const [linked] = grantedNodes(join(granted, 'by-id'), facts)
  assert.deepEqual([linked?.path, linked?.real], [join(granted, 'by-id'), join(path, 'full')])
  await flip(t, path, other)
  const seen = new Set<string>()
  for (let look = 0; look < looks; look++) {
    try {
      for (const { minor } of grantedNodes(path, facts)) seen.add(String(minor))
    } catch {
      seen.add('refused')
    }
  }
  assert.equal(seen.has('5'), false)
})

test('a grant goes by no link that others than root may have made', async (t) => {
  const folder = await temporaryFolder(t)
  chmodSync(folder, 0o755)
  const [roots, alices] = ['roots', 'alices'].map((name) => join(folder, name)) as [string, string]
  for (const path of [roots, alices, join(roots, 'data'), join(roots, 'open')]) mkdirSync(path)
  // Every name below a temporary folder could be exchanged: what is asked is asked from the top.
  const links = mkdtempSync('/var/lib/covey-test-')
  afterwards(t, async () => rmSync(links, { recursive: true }))
  chmodSync(links, 0o755)
  mkdirSync(join(links, 'alices'))
  chownSync(join(links, 'alices'), 1000, 1000)
  mkdirSync(join(links, 'shared'))
  chmodSync(join(links, 'shared'), 0o1777)
  mkdirSync(join(links, 'granted'))
  for (const at of ['', 'alices', 'shared', 'granted']) {
    symlinkSync(join(roots, 'data'), join(links, at, 'link'))
  }
  symlinkSync('alices/../link', join(links, 'twice'))
  const real = { real: join(roots, 'data') }
  const at = (...names: readonly string[]): string => join(links, ...names)
  assert.deepEqual(grantedPath(at('link'), []), real)
  assert.deepEqual(grantedPath(at('link', 'x'), []), { real: join(roots, 'data/x') })
  assert.deepEqual(grantedPath(at('twice'), []), { link: at('link') })
  assert.deepEqual(grantedPath(at('alices'), []), { real: at('alices') })
  for (const name of ['alices', 'shared']) {
    assert.deepEqual(grantedPath(at(name, 'link'), []), { link: at(name, 'link') })
  }
  assert.deepEqual(grantedPath(at('granted/link'), []), real)
  const nested = { link: at('granted/link') }
  assert.deepEqual(grantedPath(at('granted/link'), [at('granted/link'), at('granted')]), nested)
  assert.deepEqual(grantedPath(at('granted'), [at('granted/link'), at('granted')]), {
    real: at('granted'),
  })
})
