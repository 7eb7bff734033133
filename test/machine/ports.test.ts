import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { machineClock } from '../../machine/clock.ts'
import { createHostFiles } from '../../machine/files/host-files.ts'
import { createNameResolver } from '../../machine/names.ts'
import { createCommandRunner } from '../../machine/tools.ts'

const never = new AbortController().signal

describe('running tools', () => {
  const run = createCommandRunner()

  it('runs what is on the list, with data on stdin', async () => {
    const version = await run({ tool: 'ip', args: ['-Version'] }, never)
    assert.equal(version.exitCode, 0)
    assert.match(version.stdout, /iproute2/)
    const batch = await run({ tool: 'ip', args: ['-batch', '-'], stdin: 'link show lo\n' }, never)
    assert.match(batch.stdout, /LOOPBACK/)
  })

  it('tells a failure as a result', async () => {
    const result = await run({ tool: 'ip', args: ['link', 'show', 'no_such_link'] }, never)
    assert.equal(result.exitCode, 1)
    assert.match(result.stderr, /does not exist/)
  })

  it('refuses what is not on the list', async () => {
    for (const tool of ['sh', '/bin/sh', '../../bin/sh', 'toString', '']) {
      await assert.rejects(run({ tool, args: [] }, never), { code: 'tool-missing' }, tool)
    }
  })

  it('gives no environment of its own to a tool', async () => {
    process.env['COVEY_TEST_SECRET'] = 'leaked'
    try {
      const env = createCommandRunner(['/usr/bin/env', '/usr/bin/env', '--'])
      const { stdout } = await env({ tool: 'ip', args: [] }, never)
      assert.doesNotMatch(stdout, /leaked/)
    } finally {
      delete process.env['COVEY_TEST_SECRET']
    }
  })

  it('ends what takes too long, and what is not wanted any more', async () => {
    const slow = createCommandRunner(['/bin/sh', '-c', 'exec sleep 60', '--'])
    await assert.rejects(slow({ tool: 'ip', args: [], timeoutMs: 50 }, never), {
      code: 'tool-timeout',
    })
    const gone = new AbortController()
    const running = slow({ tool: 'ip', args: [] }, gone.signal)
    gone.abort(new Error('not wanted'))
    await assert.rejects(running, { message: 'not wanted' })
    await assert.rejects(run({ tool: 'ip', args: [] }, gone.signal), { message: 'not wanted' })
  })

  it('ends what says too much', async () => {
    const loud = createCommandRunner(['/bin/sh', '-c', 'exec cat /dev/zero', '--'])
    await assert.rejects(loud({ tool: 'ip', args: [] }, never), { code: 'tool-output' })
  })
})

describe('files of the reconcilers', () => {
  let folder = ''
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'covey-files-'))
  })
  after(() => rm(folder, { recursive: true }))
  const open = () =>
    createHostFiles({ stateDir: join(folder, 'state'), runDir: join(folder, 'run') })

  it('are private, whole, and gone when they are removed', async () => {
    const files = open()
    assert.equal(await files.read('a/b.json'), null)
    await files.write('a/b.json', 'one')
    await files.write('a/b.json', 'two')
    assert.equal(await files.read('a/b.json'), 'two')
    assert.equal((await stat(join(folder, 'state/a/b.json'))).mode & 0o777, 0o600)
    assert.deepEqual(await readdir(join(folder, 'state/a')), ['b.json'])
    await files.remove('a/b.json')
    await files.remove('a/b.json')
    await files.remove('never/there')
    assert.equal(await files.read('a/b.json'), null)
  })

  it('lie below the state folder, whatever a name says', async () => {
    const files = open()
    for (const path of [
      '../x',
      '/etc/x',
      'a/../../x',
      '',
      'a//b',
      '.hidden',
      'a/.',
      '-x',
      'a\0b',
    ]) {
      await assert.rejects(async () => files.read(path), { code: 'unsafe-path' }, path)
      await assert.rejects(async () => files.write(path, ''), { code: 'unsafe-path' }, path)
      await assert.rejects(async () => files.remove(path), { code: 'unsafe-path' }, path)
    }
  })

  it('for a moment only, are private and gone afterwards, also after a failure', async () => {
    const files = open()
    const seen = await files.withTemporary('secret', async (path) => {
      assert.equal((await stat(path)).mode & 0o777, 0o600)
      return readFile(path, 'utf8')
    })
    assert.equal(seen, 'secret')
    const fail = files.withTemporary('secret', () => Promise.reject(new Error('no')))
    await assert.rejects(fail, { message: 'no' })
    assert.deepEqual(await readdir(join(folder, 'run')), [])
  })
})

describe('the clock', () => {
  it('sleeps no longer than it is wanted', async () => {
    const gone = new AbortController()
    const sleep = machineClock.sleep(3_600_000, gone.signal)
    gone.abort()
    await sleep
    await machineClock.sleep(3_600_000, gone.signal)
    await machineClock.sleep(1, never)
  })
})

describe('resolving names', () => {
  it('takes the addresses of the machine itself', async () => {
    const found = await createNameResolver()('localhost', never)
    assert.ok(found.includes('127.0.0.1') || found.includes('::1'), found.join())
  })

  it('asks few at a time, and once for everyone who asks for the same', async () => {
    const open = new Map<string, (addresses: readonly string[]) => void>()
    let asked = 0
    const resolveName = createNameResolver((name) => {
      asked++
      return new Promise((resolve) => open.set(name, resolve))
    })
    const answers = ['a', 'b', 'c', 'a'].map((name) => resolveName(name, never))
    await new Promise(setImmediate)
    assert.deepEqual([...open.keys()], ['a', 'b'])
    open.get('a')?.(['192.0.2.1'])
    assert.deepEqual(await answers[0], ['192.0.2.1'])
    assert.deepEqual(await answers[3], ['192.0.2.1'])
    await new Promise(setImmediate)
    assert.deepEqual([...open.keys()], ['a', 'b', 'c'])
    open.get('b')?.([])
    await assert.rejects(answers[1] ?? Promise.resolve(), { code: 'name-unresolved' })
    open.get('c')?.(['192.0.2.3'])
    await answers[2]
    assert.equal(asked, 3)
  })

  it('lets an asker give up', async () => {
    const resolveName = createNameResolver(() => new Promise(() => {}))
    const gone = new AbortController()
    const asked = resolveName('a', gone.signal)
    gone.abort(new Error('too late'))
    await assert.rejects(asked, { message: 'too late' })
  })

  it('passes a failure on to who still waits, and to nobody else', async () => {
    const resolveName = createNameResolver(() => Promise.reject(new Error('SERVFAIL')))
    await assert.rejects(resolveName('a', never), { code: 'name-unresolved' })
    const gone = new AbortController()
    const asked = resolveName('b', gone.signal)
    gone.abort(new Error('too late'))
    await assert.rejects(asked)
  })
})
