import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { describe, it } from 'node:test'
import { execsMax } from '../../../machine/containers/exec/limits.ts'
import { openExecSessions } from '../../../machine/containers/exec/sessions.ts'
import { temporaryFolder } from '../../temporary.ts'
import { isThere, runBusybox } from './busybox.ts'
import { endOf, outputOf, serveContainer } from './control.ts'
import { quietLog } from './quiet-log.ts'

const forever = 'trap "exit 0" TERM; while :; do sleep 1 & wait $!; done'

describe('covey exec', () => {
  it('runs a command as the container runs its own, and passes on what comes of it', async (t) => {
    const folder = await temporaryFolder(t)
    const container = await runBusybox(t, folder, forever, join(folder, 'log'))
    const host = await serveContainer(t, folder, container)
    // As `covey agent` has it.
    const before = process.umask(0o077)
    t.after(() => process.umask(before))
    const table: readonly (readonly [argv: string, code: number, out: RegExp, err: RegExp])[] = [
      ['web -- echo hello', 0, /^hello\n$/, /^$/],
      ['web -- sh -c exit\u00a07', 7, /^$/, /^$/],
      [
        'web -- sh -c echo\u00a0out;echo\u00a0err>&2;echo\u00a0dev>/dev/stderr',
        0,
        /^out\n$/,
        /^err\ndev\n$/,
      ],
      ['web -- sh -c kill\u00a0-9\u00a0$$', 137, /^$/, /^$/],
      ['web -- pwd', 0, /^\/etc\n$/, /^$/],
      ['web -- sh -c umask', 0, /^0022\n$/, /^$/],
      ['-w /tmp web -- pwd', 0, /^\/tmp\n$/, /^$/],
      ['-e A=1 -e KEPT=no -e A=2=3 web -- env', 0, /KEPT=no\nA=2=3\n/, /^$/],
      [
        '-u nobody web -- id',
        0,
        /uid=65534\(nobody\) gid=65533\(nogroup\) groups=77\(extra\)/,
        /^$/,
      ],
      ['-u 1000:5 web -- id', 0, /uid=1000 gid=5/, /^$/],
      ['-u nobody web -- sh -c echo\u00a0$HOME', 0, /^\/var\/nobody\n$/, /^$/],
      ['web -- cat /proc/self/status', 0, /CapBnd:\t0{14}21\n[\s\S]*NoNewPrivs:\t1\n/, /^$/],
      ['web -- nothing', 127, /^$/, /^covey: exec: .*no command nothing\n/],
      ['web -- /bin/nothing', 127, /^$/, /^covey: exec: .*no command \/bin\/nothing\n/],
      ['web -- /etc/plain', 126, /^$/, /^covey: exec: .*\/etc\/plain/],
      ['-u who web -- id', 126, /^$/, /^covey: exec: .*no user "who"/],
      ['-w tmp web -- id', 126, /^$/, /^covey: exec: .*absolute path/],
      ['-w /nowhere web -- pwd', 126, /^$/, /^covey: exec: .*\/nowhere/],
      [
        'other -- id',
        1,
        /^$/,
        /^covey: exec: this host has no container "other"\nhint: it has: web\n$/,
      ],
      ['web', 2, /^$/, /^covey: exec: no command given/],
    ]
    for (const [argv, code, out, err] of table) {
      const words = argv.split(' ').map((word) => word.replaceAll('\u00a0', ' '))
      const ended = await endOf(host.covey('exec', ...words))
      assert.equal(ended.code, code, `${argv}: ${ended.err}`)
      assert.match(ended.out, out, argv)
      assert.match(ended.err, err, argv)
    }
    assert.equal(host.told[0], 'web echo')
  })

  it('passes stdin on to its end, and output of any size, at the pace of who reads', async (t) => {
    const folder = await temporaryFolder(t)
    const container = await runBusybox(t, folder, forever, join(folder, 'log'))
    const host = await serveContainer(t, folder, container)
    const sent = randomBytes(5_000_000)
    const child = host.covey('exec', '-i', 'web', '--', 'cat')
    const received = digestOf(child.stdout)
    child.stdin?.end(sent)
    assert.equal(await received, createHash('sha256').update(sent).digest('hex'))
    const deaf = host.covey('exec', '-i', 'web', '--', 'true')
    deaf.stdin?.on('error', () => {})
    deaf.stdin?.end(sent)
    assert.equal((await endOf(deaf)).code, 0)
    const without = host.covey('exec', 'web', '--', 'cat')
    without.stdin?.end('not asked for')
    assert.deepEqual(await endOf(without), { code: 0, out: '', err: '' })
  })

  it('ends what it runs, and what that has started, when the client is gone', async (t) => {
    const folder = await temporaryFolder(t)
    const container = await runBusybox(t, folder, forever, join(folder, 'log'))
    const host = await serveContainer(t, folder, container)
    const script = 'trap "" HUP; sleep 4242 & (sleep 4242 & sleep 4242) & echo ready; sleep 4242'
    const child = host.covey('exec', '-i', 'web', '--', 'sh', '-c', script)
    // More than anybody holds for a program that does not read: the end is noticed all the same.
    child.stdin?.on('error', () => {})
    child.stdin?.write(Buffer.alloc(4_000_000))
    await outputOf(child, 'ready')
    while (sleepers(4242).length < 4) await pause()
    child.kill('SIGKILL')
    while (sleepers(4242).length > 0) await pause()
    assert.ok(isThere(container.pid))
    assert.equal((await endOf(host.covey('exec', 'web', '--', 'echo', 'next'))).out, 'next\n')
  })

  it('ends what it runs when the agent ends, and says so', async (t) => {
    const folder = await temporaryFolder(t)
    const container = await runBusybox(t, folder, forever, join(folder, 'log'))
    const host = await serveContainer(t, folder, container)
    const child = host.covey('exec', 'web', '--', 'sh', '-c', 'echo ready; sleep 4343')
    await outputOf(child, 'ready')
    const ended = endOf(child)
    await host.execs.stop()
    assert.deepEqual(sleepers(4343), [])
    assert.ok([5, 129, 137].includes((await ended).code ?? 0))
  })

  it('ends what an agent that was killed has left running', async (t) => {
    const folder = await temporaryFolder(t)
    const container = await runBusybox(t, folder, forever, join(folder, 'log'))
    const host = await serveContainer(t, folder, container)
    const child = host.covey('exec', 'web', '--', 'sh', '-c', 'echo ready; sleep 4444')
    await outputOf(child, 'ready')
    // Another agent finds the folder of the one that still runs: as it is after a SIGKILL.
    const next = openExecSessions({ runDir: host.runDir, log: quietLog, onExec() {} })
    assert.equal((await endOf(child)).code, 129)
    assert.deepEqual(sleepers(4444), [])
    await next.stop()
  })

  it('passes a first signal on, and waits for nobody after a second', async (t) => {
    const folder = await temporaryFolder(t)
    const container = await runBusybox(t, folder, forever, join(folder, 'log'))
    const host = await serveContainer(t, folder, container)
    const script = 'trap "echo caught; exit 9" INT; echo ready; while :; do sleep 1; done'
    const polite = host.covey('exec', 'web', '--', 'sh', '-c', script)
    await outputOf(polite, 'ready')
    polite.kill('SIGINT')
    assert.deepEqual(await endOf(polite), { code: 9, out: 'caught\n', err: '' })
    const deaf = host.covey(
      'exec',
      'web',
      '--',
      'sh',
      '-c',
      // A shell tells of a signal once its program has ended, and one that it is just about to
      // start may miss it: so they are short.
      'trap "echo no" INT; sleep 4545 & echo ready; while :; do sleep 0.1; done',
    )
    await outputOf(deaf, 'ready')
    deaf.kill('SIGINT')
    await outputOf(deaf, 'no')
    deaf.kill('SIGINT')
    assert.equal((await endOf(deaf)).code, 130)
    while (sleepers(4545).length > 0) await pause()
  })

  it('is refused where nothing runs, where too much does, and on the other socket', async (t) => {
    const folder = await temporaryFolder(t)
    const host = await serveContainer(t, folder, null)
    const ended = await endOf(host.covey('exec', 'web', '--', 'id'))
    assert.equal(ended.code, 1)
    assert.match(ended.err, /^covey: exec: web is not running \(exited\)\nhint: .*covey logs/)
    const places = Array.from({ length: execsMax }, () => host.execs.reserve())
    assert.equal(host.execs.reserve(), null)
    places[0]?.()
    places[0]?.()
    assert.notEqual(host.execs.reserve(), null)
    assert.equal(host.execs.reserve(), null)
    const path = join(host.runDir, 'covey.sock')
    assert.equal(await statusOf(path, '/v1/containers/web/exec'), 403)
    assert.equal(await statusOf(join(host.runDir, 'admin.sock'), '/v1/containers/web/exec'), 426)
  })
})

/** Processes of this machine that are `sleep` for so many seconds. */
function sleepers(seconds: number): readonly string[] {
  return readdirSync('/proc').filter((name) => {
    if (!/^\d+$/.test(name)) return false
    try {
      return readFileSync(`/proc/${name}/cmdline`, 'latin1') === `sleep\0${seconds}\0`
    } catch {
      return false
    }
  })
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 5))
}

async function digestOf(stream: Readable | null): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of stream ?? []) hash.update(chunk)
  return hash.digest('hex')
}

function statusOf(socketPath: string, path: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath, path, method: 'POST' }, (incoming) => {
      incoming.resume()
      resolve(incoming.statusCode)
    })
    outgoing.on('error', reject).end()
  })
}
