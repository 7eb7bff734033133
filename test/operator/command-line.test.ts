import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { ask } from '../../operator/agent-client/client.ts'
import { dailyCommands } from '../../operator/commands/daily.ts'
import type { CommandDefinition } from '../../operator/commands/definition.ts'
import { hostCommands } from '../../operator/commands/hosts/on-host.ts'
import { plumbingCommands } from '../../operator/commands/plumbing.ts'
import { Failure } from '../../operator/terminal/failure.ts'
import type { Session } from '../../operator/terminal/session.ts'
import { table } from '../../operator/terminal/style.ts'
import { ideaConfig } from '../idea.ts'
import { programFile } from '../programs.ts'
import { fakeAgent, openCluster, openWorkspace, type Workspace } from './workspace.ts'

const everything: readonly (readonly [path: string, definition: CommandDefinition])[] = [
  ...dailyCommands,
  ...plumbingCommands,
].flatMap((definition) => [
  [definition.name, definition] as const,
  ...(definition.subcommands ?? []).map(
    (below) => [`${definition.name} ${below.name}`, below] as const,
  ),
])

describe('help', () => {
  it('shows daily commands first, then those on a host, then plumbing', async (context) => {
    const space = await openWorkspace(context)
    const text = await space.must('--help')
    const places = [
      'Daily:',
      '\n  init',
      '\n  status',
      'On a host:',
      '\n  agent',
      'Plumbing:',
      '\n  sign',
    ]
    const found = places.map((place) => text.indexOf(place))
    assert.deepEqual(
      found,
      [...found].sort((a, b) => a - b),
    )
    assert.ok(!found.includes(-1), text)
    for (const line of text.split('\n')) assert.ok(line.length <= 100, line)
  })

  for (const [path, definition] of everything) {
    it(`of ${path} has an example that is one`, async (context) => {
      const space = await openWorkspace(context)
      const text = await space.must(...path.split(' '), '--help')
      assert.match(text, /^Examples:\n {2}\$ covey /m)
      assert.ok(
        definition.examples.some(
          (example) =>
            example.includes(`covey ${definition.name}`) || example.includes(`covey ${path}`),
        ),
        path,
      )
      assert.equal(definition.summary.endsWith('.'), false)
    })
  }

  it('knows the commands of the other program, and says how to run them', async (context) => {
    const space = await openWorkspace(context)
    for (const { name } of hostCommands) {
      const outcome = await space.covey(['--debug', name, '--host', 'x'])
      assert.equal(outcome.exit, 2)
    }
    const outcome = await space.covey(['--run-dir', 'x', 'agent'])
    assert.match(outcome.err, /^covey: agent: "agent" must come first/)
  })
})

describe('covey help', () => {
  it('shows the help of a command, however deep', async (context) => {
    const space = await openWorkspace(context)
    for (const words of [[], ['sign'], ['host'], ['host', 'add'], ['up']]) {
      assert.equal(await space.must('help', ...words), await space.must(...words, '--help'))
    }
    const outcome = await space.covey(['help', 'host', 'ad'])
    assert.equal(outcome.exit, 2)
    assert.match(outcome.err, /^covey: help: there is no command "host ad"/)
  })
})

describe('wrong usage', () => {
  const table: readonly (readonly [argv: readonly string[], err: RegExp])[] = [
    [['nothing'], /^covey: unknown command 'nothing'\nhint: covey --help\n$/],
    [['satus'], /unknown command 'satus'\nhint: did you mean status\? See covey --help\n$/],
    [['statsu'], /\nhint: did you mean one of stats, status\? See covey --help\n$/],
    [['status', '--jsn'], /^covey: status: unknown option '--jsn'\nhint: did you mean --json\?/],
    [['sign'], /^covey: sign: missing required argument 'config'\nhint: covey sign --help\n$/],
    [['sign', 'a', 'b'], /^covey: sign: too many arguments/],
    [['sign', 'a', '-o'], /^covey: sign: option '-o, --output <file>' argument missing\n/],
    [['host', 'ad'], /^covey: host: unknown command 'ad'\nhint: did you mean add\?/],
    [['nothing', '--help'], /^covey: unknown command 'nothing'\n/],
    [['host', 'ad', '-h'], /^covey: host: unknown command 'ad'\n/],
    [['exec', 'web', 'ls', '-la'], /^covey: exec: unknown option '-la'\nhint: .* NAME -- COMMAND/],
    [['host'], /covey: host: which command\?\nhint: covey host --help\n$/],
    [[], /covey: which command\?\nhint: covey --help\n$/],
  ]
  for (const [argv, err] of table) {
    it(`covey ${argv.join(' ')}`, async (context) => {
      const space = await openWorkspace(context)
      const outcome = await space.covey(argv)
      assert.equal(outcome.exit, 2)
      assert.equal(outcome.out, '')
      assert.match(outcome.err, err)
      const json = await space.covey([...argv, '--json'])
      assert.equal(JSON.parse(json.out).error.code, 'usage')
    })
  }

  it('shows a stack only with --debug', async (context) => {
    const space = await openWorkspace(context)
    assert.doesNotMatch((await space.covey(['status'])).err, /^ +at /m)
    assert.match((await space.covey(['status', '--debug'])).err, /^ +at .*\ncaused by /ms)
  })
})

describe('tables', () => {
  it('line up, also with colours and wide rows', () => {
    const paint = (_tone: unknown, text: string): string => `<${text}>`
    const rows = [
      ['a', { text: 'bb', tone: 'good' as const }, 'c'],
      ['aaaa', 'b', ''],
    ]
    assert.equal(table(['X', 'Y', 'Z'], rows, paint), '<X>     <Y>   <Z>\na     <bb>  c\naaaa  b\n')
  })
})

/** Starts the command as its users do, as a process of its own. */
function start(context: TestContext, space: Workspace, argv: readonly string[]): ChildProcess {
  const main = programFile('operator')
  const env = { ...process.env, COVEY_KEY_DIR: space.keyDir, COVEY_RUN_DIR: space.runDir }
  const child = spawn(process.execPath, [main, ...argv], { cwd: space.dir, env, stdio: 'pipe' })
  context.after(() => child.kill('SIGKILL'))
  return child
}

async function textOf(stream: NodeJS.ReadableStream | null): Promise<string> {
  let text = ''
  for await (const chunk of stream ?? []) text += String(chunk)
  return text
}

describe('the process', () => {
  it('gives each of several at once a version of its own', async (context) => {
    const space = await openCluster(context)
    await space.write('config.json', ideaConfig)
    const versions = await Promise.all(
      [1, 2, 3, 4].map(async () => {
        const child = start(context, space, ['sign', 'config.json', '--json'])
        return JSON.parse(await textOf(child.stdout)).head.version
      }),
    )
    assert.deepEqual(versions.sort(), [1, 2, 3, 4])
  })

  it('is quiet when nobody reads on', async (context) => {
    const space = await openCluster(context)
    const child = start(context, space, ['schema'])
    child.stdout?.destroy()
    const [[code], err] = await Promise.all([once(child, 'exit'), textOf(child.stderr)])
    assert.deepEqual([code, err], [0, ''])
  })

  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    it(`ends a watch cleanly on ${signal}`, async (context) => {
      const space = await openWorkspace(context)
      const head = { epoch: 1, version: 1, digest: 'sha256:x' }
      const body = { host: 'a', cluster: 'home', head, state: 'in-sync' }
      await fakeAgent(context, space, { 'GET /v1/status': () => ({ status: 200, body }) })
      const child = start(context, space, ['status', '--watch'])
      const ended = once(child, 'exit')
      await once(child.stdout ?? assert.fail(), 'data')
      child.kill(signal)
      assert.deepEqual(await ended, [0, null])
      assert.equal(await textOf(child.stderr), '')
    })
  }

  it('reads a signed config from a pipe', async (context) => {
    const space = await openCluster(context)
    const child = start(context, space, ['inject', '-', '--json'])
    child.stdin?.end('hello')
    const [[code], out] = await Promise.all([once(child, 'exit'), textOf(child.stdout)])
    assert.deepEqual([code, JSON.parse(out).code], [2, 'envelope-not-json'])
  })
})

describe('an agent that does not answer', () => {
  it('is given up after its time: exit code 1', async (context) => {
    const space = await openWorkspace(context)
    const server = createServer(() => {})
    const path = join(space.runDir, 'covey.sock')
    await new Promise<void>((listening) => server.listen(path, () => listening()))
    context.after(() => server.close())
    const session = { settings: { runDir: space.runDir, to: undefined } } as unknown as Session
    const question = { method: 'GET', path: '/v1/status', timeoutMs: 20 } as const
    await assert.rejects(ask(session, question), (error) => {
      assert.ok(error instanceof Failure)
      assert.deepEqual([error.exit, error.code], [1, 'no-answer'])
      return true
    })
  })
})
