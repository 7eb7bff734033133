import assert from 'node:assert/strict'
import { chmodSync, chownSync, existsSync, lstatSync, readdirSync } from 'node:fs'
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { until } from '../../lab/waiting.ts'
import { afterwards, temporaryFolder } from '../../temporary.ts'
import { ask, holdOpen, serverIn } from './server-of.ts'

function modeOf(path: string): string {
  return (lstatSync(path).mode & 0o7777).toString(8)
}

suite('the sockets of an agent', () => {
  for (const mask of [0, 0o022, 0o077, 0o177, 0o777]) {
    test(`have their modes under umask ${mask.toString(8)}, and leave it alone`, async (t) => {
      const folder = await temporaryFolder(t)
      const before = process.umask(mask)
      const change = t.mock.method(process, 'umask')
      try {
        const { covey, admin } = await serverIn(t, folder)
        assert.deepEqual([modeOf(covey), modeOf(admin)], ['660', '600'])
        assert.equal(modeOf(join(folder, 'run')), '750')
        // The mask is the whole process's: what others make meanwhile would get another mode.
        assert.equal(change.mock.callCount(), 0)
      } finally {
        change.mock.restore()
        process.umask(before)
      }
    })
  }

  test('take the place of what is left over, in a folder that gets its mode', async (t) => {
    const folder = await temporaryFolder(t)
    const run = join(folder, 'run')
    await mkdir(join(run, '.aB3dE6'), { recursive: true })
    chmodSync(run, 0o777)
    await writeFile(join(run, 'covey.sock'), '')
    const { covey } = await serverIn(t, folder)
    assert.equal(await ask(covey), 200)
    assert.equal(modeOf(run), '750')
    assert.deepEqual(readdirSync(run).sort(), ['admin.sock', 'covey.sock'])
  })

  test('are refused in a folder of somebody else, and where another agent answers', async (t) => {
    const folder = await temporaryFolder(t)
    await mkdir(join(folder, 'run'))
    chownSync(join(folder, 'run'), 65_534, 0)
    await assert.rejects(serverIn(t, folder), { code: 'not-root-owned' })
    chownSync(join(folder, 'run'), 0, 0)
    const { covey } = await serverIn(t, folder)
    await assert.rejects(serverIn(t, folder), {
      code: 'run-dir',
      message: `another covey agent answers at ${join(folder, 'run/admin.sock')}`,
    })
    assert.equal(await ask(covey), 200)
  })

  test('are refused beside what somebody else made; what stood open is closed', async (t) => {
    const folder = await temporaryFolder(t)
    const secrets = join(folder, 'run/secrets')
    await mkdir(secrets, { recursive: true })
    chmodSync(secrets, 0o777)
    const { close } = await serverIn(t, folder)
    assert.equal(modeOf(secrets), '700')
    await close()
    chownSync(secrets, 65_534, 0)
    await assert.rejects(serverIn(t, folder), { code: 'not-root-owned' })
  })

  test('that are deleted are made again, and open connections go on', async (t) => {
    const folder = await temporaryFolder(t)
    const { covey, admin, close } = await serverIn(t, folder)
    const open = await holdOpen(t, covey)
    const heard = (): Promise<string> =>
      new Promise((resolve) => open.once('data', (bytes) => resolve(String(bytes))))
    const hello = 'GET /v1/hello HTTP/1.1\r\nhost: covey\r\n\r\n'
    open.write(hello)
    assert.match(await heard(), /^HTTP\/1\.1 200/)
    await rm(covey)
    await rm(admin)
    await until('both answer again', async () => {
      return (await ask(covey)) === 200 && (await ask(admin)) === 200
    })
    assert.deepEqual([modeOf(covey), modeOf(admin)], ['660', '600'])
    open.write(hello)
    assert.match(await heard(), /^HTTP\/1\.1 200/)
    await rm(join(folder, 'run'), { recursive: true })
    await until('both answer again', async () => {
      return (await ask(covey)) === 200 && (await ask(admin)) === 200
    })
    assert.deepEqual([modeOf(covey), modeOf(admin)], ['660', '600'])
    assert.equal(modeOf(join(folder, 'run')), '750')
    await close()
    assert.deepEqual(readdirSync(join(folder, 'run')), [])
  })

  test('are not made where another agent has made its own meanwhile', async (t) => {
    const folder = await temporaryFolder(t)
    const { covey, admin, close } = await serverIn(t, folder)
    const other = createServer((connection) => connection.on('error', () => undefined).end())
    const made = join(folder, 'other.sock')
    await new Promise<void>((resolve) => other.listen(made, resolve))
    afterwards(t, () => new Promise((resolve) => other.close(resolve)))
    await rename(made, covey)
    const { ino } = lstatSync(covey)
    await rm(admin)
    // Both are looked at equally often: once the one is there, the other was looked at as well.
    for (let round = 0; round < 2; round++) {
      await until('the other one is made again', async () => existsSync(admin))
      await rm(admin)
    }
    assert.equal(lstatSync(covey).ino, ino)
    await close()
    assert.equal(lstatSync(covey).ino, ino)
  })
})
