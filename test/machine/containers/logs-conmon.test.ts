import assert from 'node:assert/strict'
import { rename } from 'node:fs/promises'
import { request } from 'node:http'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { listLogFiles } from '../../../machine/containers/logs/files.ts'
import { createLogKeeper } from '../../../machine/containers/logs/keeper.ts'
import { logFolder } from '../../../machine/containers/logs/places.ts'
import { hasSupervisor, prepareLog, reopenLog } from '../../../machine/containers/logs/rotate.ts'
import { afterwards, temporaryFolder } from '../../temporary.ts'
import { type RunningContainer, runBusybox } from './busybox.ts'
import { endOf, outputOf, serveContainer } from './control.ts'
import { follow, read, record, wholeLines, write } from './log-lines.ts'
import { quietLog } from './quiet-log.ts'

async function runLogged(
  t: TestContext,
  folder: string,
  script: string,
): Promise<{ readonly container: RunningContainer; readonly logs: string }> {
  const path = await prepareLog(folder, 'web', 'covey-web-1')
  const container = await runBusybox(t, folder, script, path)
  return { container, logs: logFolder(folder, 'web') }
}

describe('logs of a real supervisor', () => {
  it('lose nothing while they are rotated again and again', async (t) => {
    const folder = await temporaryFolder(t)
    const count = 'seq $((i * 1000)) $((i * 1000 + 999)); sleep 0.02'
    const script = `for i in $(seq 1 60); do ${count}; done; echo end; sleep 1000`
    const { container, logs } = await runLogged(t, folder, script)
    const follower = follow(logs)
    afterwards(t, () => follower.stop())
    const keeper = createLogKeeper({
      stateDir: folder,
      bundleOf: () => container.bundle,
      isKept: () => true,
      log: quietLog,
      fileBytesMax: 200_000,
      bytesMax: 1_000_000_000,
    })
    afterwards(t, () => keeper.stop())
    let isOver = false
    const over = follower.until('end').then(() => {
      isOver = true
    })
    while (!isOver) {
      await keeper.check()
      await new Promise((next) => setImmediate(next))
    }
    await over
    const expected = Array.from({ length: 60_000 }, (_, index) => String(index + 1000))
    assert.deepEqual(follower.wholeLines(), [...expected, 'end'])
    assert.deepEqual(wholeLines(await read(logs)), [...expected, 'end'])
    assert.ok(listLogFiles(logs).length >= 3)
  })

  it('go on where an agent was killed between the two halves of a rotation', async (t) => {
    const folder = await temporaryFolder(t)
    const script = 'i=0; while :; do echo $i; i=$((i + 1)); sleep 0.05; done'
    const { container, logs } = await runLogged(t, folder, script)
    const follower = follow(logs)
    afterwards(t, () => follower.stop())
    await follower.until(' 3')
    const path = join(logs, 'covey-web-1.log')
    await rename(path, join(logs, 'covey-web-1.1.log'))
    const written = follower.lines().length
    await follower.until(` ${written + 3}`)
    assert.equal(await reopenLog(container.bundle), true)
    await follower.until(` ${written + 10}`)
    const lines = follower.lines()
    assert.deepEqual(
      lines,
      lines.map((_, index) => String(index)),
    )
    await container.end()
    while (await hasSupervisor(container.bundle)) await new Promise((wait) => setTimeout(wait, 5))
  })

  it('hold long lines in pieces, and covey logs joins them', async (t) => {
    const folder = await temporaryFolder(t)
    const long = 'head -c 3000000 /dev/zero | tr "\\\\0" a'.replace('tr', 'busybox tr')
    const script = `${long}; echo; echo short; sleep 0.3; echo error >&2; sleep 0.3; echo -n open`
    const { container } = await runLogged(t, folder, `${script}; sleep 1000`)
    const host = await serveContainer(t, folder, container)
    const following = host.covey('logs', '-f', 'web')
    const out = await outputOf(following, 'open')
    following.kill('SIGINT')
    assert.equal(out, `${'a'.repeat(3_000_000)}\nshort\nopen`)
    const ended = await endOf(host.covey('logs', '-n', '2', '--json', 'web'))
    const lines = ended.out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    assert.deepEqual(
      lines.map(({ stream, text, partial }) => [stream, text, partial]),
      [
        ['stderr', 'error', false],
        ['stdout', 'open', true],
      ],
    )
  })
})

describe('covey logs', () => {
  it('shows what is asked for, each stream where it belongs', async (t) => {
    const folder = await temporaryFolder(t)
    const path = join(logFolder(folder, 'web'), 'covey-web-1.log')
    const bad = 'red \x1b[31mtext\x1b[0m \x1b]0;title\x07'
    await write(path, record(10, 'one'), record(20, 'two', 'stderr'), record(30, bad))
    await write(join(logFolder(folder, 'gone'), 'covey-gone-1.log'), record(5, 'was here'))
    const host = await serveContainer(t, folder, null)
    const table: readonly (readonly [argv: string, out: string, err: string])[] = [
      ['web', `one\n${bad}\n`, 'two\n'],
      ['-n 1 web', `${bad}\n`, ''],
      ['--tail 2 web', `${bad}\n`, 'two\n'],
      ['--since 1970-01-01T00:00:20Z web', `${bad}\n`, 'two\n'],
      [
        '--since 1970-01-01T00:00:21+00:00 --timestamps web',
        `1970-01-01T00:00:30.000000000+00:00 ${bad}\n`,
        '',
      ],
      ['--since 1s web', '', ''],
      ['gone', 'was here\n', ''],
    ]
    for (const [argv, out, err] of table) {
      const ended = await endOf(host.covey('logs', ...argv.split(' ')))
      assert.deepEqual(ended, { code: 0, out, err }, argv)
    }
    const unknown = await endOf(host.covey('logs', 'wbe'))
    assert.equal(unknown.code, 1)
    assert.equal(
      unknown.err,
      'covey: logs: this host has no container "wbe"\nhint: it has: gone, web\n',
    )
    for (const argv of ['-n x web', '--since yesterday web', '--since 2026-99-01 web']) {
      assert.equal((await endOf(host.covey('logs', ...argv.split(' ')))).code, 2, argv)
    }
  })

  it('ends with exit code 5 when the agent goes away, and cleanly at a signal', async (t) => {
    const folder = await temporaryFolder(t)
    await write(join(logFolder(folder, 'web'), 'a.log'), record(1, 'one'))
    const host = await serveContainer(t, folder, null)
    const [stays, leaves] = [host.covey('logs', '-f', 'web'), host.covey('logs', '-f', 'web')]
    await Promise.all([outputOf(stays, 'one'), outputOf(leaves, 'one')])
    const [left, gone] = [endOf(leaves), endOf(stays)]
    leaves.kill('SIGINT')
    assert.deepEqual(await left, { code: 0, out: '', err: '' })
    host.close()
    const { code, err } = await gone
    assert.equal(code, 5)
    assert.match(err, /^covey: logs: the agent at .* went away\nhint: /)
  })

  it('is asked for in a form that can be checked', async (t) => {
    const folder = await temporaryFolder(t)
    const { runDir } = await serveContainer(t, folder, null)
    const status = async (query: string): Promise<number | undefined> =>
      await new Promise((resolve, reject) => {
        const path = `/v1/containers/web/logs${query}`
        const outgoing = request({ socketPath: join(runDir, 'covey.sock'), path }, (incoming) => {
          incoming.resume()
          resolve(incoming.statusCode)
        })
        outgoing.on('error', reject).end()
      })
    const table = { '': 200, '?tail=1': 200, '?tail=-1': 400, '?tail=x': 400, '?since=x': 400 }
    for (const [query, expected] of Object.entries(table)) {
      assert.equal(await status(query), expected, query)
    }
  })
})
