import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { localPlace } from '../../operator/agent-client/sockets.ts'
import { terminalSafe } from '../../operator/terminal/log-text.ts'
import { openSession } from '../../operator/terminal/session.ts'
import { fakeAgent, openWorkspace, type Workspace } from './workspace.ts'

const image = `registry.lan/nginx:1.27@sha256:${'0123456789abcdef'.repeat(4)}`
const rows = [
  {
    name: 'db',
    state: 'exited',
    pid: null,
    image,
    restarts: 12,
    exit_code: 137,
    health: null,
  },
  {
    name: 'web',
    state: 'running',
    pid: 4711,
    image,
    restarts: 0,
    exit_code: null,
    health: 'healthy',
  },
]

describe('covey ps', () => {
  it('shows a table, and with --json exactly what the agent says', async (context) => {
    const space = await openWorkspace(context)
    await fakeAgent(context, space, { 'GET /v1/containers': () => ({ status: 200, body: rows }) })
    const short = 'registry.lan/nginx:1.27@sha256:0123456789ab'
    const table = [
      'NAME  STATE    HEALTH   PID   RESTARTS  EXIT  IMAGE',
      `db    exited   -        -     12        137   ${short}`,
      `web   running  healthy  4711  0         -     ${short}`,
    ]
    assert.equal(await space.must('ps'), `${table.join('\n')}\n`)
    assert.deepEqual(JSON.parse(await space.must('ps', '--json')), rows)
  })

  it('says so where there are none, and what it does not understand', async (context) => {
    const space = await openWorkspace(context)
    let body: unknown = []
    await fakeAgent(context, space, { 'GET /v1/containers': () => ({ status: 200, body }) })
    assert.equal(await space.must('ps'), 'this host has no containers\n')
    assert.equal(await space.must('ps', '--json'), '[]\n')
    body = [{ name: 7 }]
    const outcome = await space.covey(['ps'])
    assert.equal(outcome.exit, 1)
    assert.match(
      outcome.err,
      /^covey: ps: the agent listed its containers in an unknown .*\nhint: /,
    )
  })
})

const events = [
  { event: 'head', head: { epoch: 1, version: 7, digest: 'sha256:x' }, at: 1 },
  { event: 'state', state: 'in-sync', at: 2 },
  {
    event: 'object',
    object: { name: 'web', type: 'runc_container', state: 'failed', reason: 'x' },
  },
  { event: 'peer', host: 'local01', connected: false, at: 3 },
  { event: 'alarm', alarm: { code: 'isolated', message: 'alone' }, raised: true, at: 4 },
  { event: 'container', name: 'web', what: 'exited', detail: 'exit code 1', at: 5 },
  { event: 'image', image: 'nginx', what: 'pulled', detail: null, at: 6 },
  { event: 'later', what: 'a\u001b[2J', at: 7 },
]

function eventStream(first: unknown): string {
  const all = [first, ...events].map((event) => `event: x\ndata: ${JSON.stringify(event)}\n\n`)
  return all.join('')
}

describe('covey events', () => {
  it('tells each as a line, and that the agent went away: exit code 5', async (context) => {
    const space = await openWorkspace(context)
    const body = eventStream({ host: 'a', state: 'in-sync' })
    await fakeAgent(context, space, { 'GET /v1/events': () => ({ status: 200, body }) })
    const outcome = await space.covey(['events'])
    assert.deepEqual(
      outcome.out.split('\n').map((line) => line.replace(/^\S+( \S+)? {2}/, '')),
      [
        'config: version 7 is held',
        'host: in-sync',
        'web: runc_container failed (x)',
        'local01: disconnected',
        'alarm: isolated: alone',
        'web: exited (exit code 1)',
        'nginx: pulled',
        'later: {"what":"a?[2J"}',
        '',
      ],
    )
    assert.equal(outcome.exit, 5)
    assert.match(outcome.err, /^covey: events: the agent at .* went away\nhint: /)
    const json = await space.covey(['events', '--json'])
    const lines = json.out.split('\n').slice(0, events.length)
    assert.deepEqual(
      lines.map((line) => JSON.parse(line)),
      events,
    )
  })

  it('goes on until Ctrl-C, and then ends cleanly', async (context) => {
    const space = await openWorkspace(context)
    await serve(context, space, (response) => {
      response.write(`data: ${JSON.stringify(events[1])}\n\n`)
    })
    const stopping = new AbortController()
    const watch = (): void => stopping.abort()
    const outcome = await space.covey(['events'], { signal: stopping.signal, watch })
    assert.deepEqual([outcome.exit, outcome.err], [0, ''])
    assert.match(outcome.out, /host: in-sync\n$/)
  })

  it('does not take what is none', async (context) => {
    const space = await openWorkspace(context)
    const body = 'data: {"event":\n\n'
    await fakeAgent(context, space, { 'GET /v1/events': () => ({ status: 200, body }) })
    const outcome = await space.covey(['events'])
    assert.equal(outcome.exit, 1)
    assert.match(outcome.err, /^covey: events: the agent sent something that is not an event/)
  })
})

async function serve(
  context: TestContext,
  space: Workspace,
  answer: (response: { write(text: string): void }) => void,
): Promise<void> {
  const server = createServer((_request, response) => answer(response))
  await new Promise<void>((listening) => {
    server.listen(join(space.runDir, 'covey.sock'), listening)
  })
  context.after(() => {
    server.closeAllConnections()
    server.close()
  })
}

describe('without an agent', () => {
  for (const line of ['ps', 'logs web', 'logs -f web', 'events', 'exec web -- id']) {
    it(`covey ${line} says so: exit code 5`, async (context) => {
      const space = await openWorkspace(context)
      const outcome = await space.covey(line.split(' '))
      assert.equal(outcome.exit, 5)
      assert.equal(outcome.out, '')
      assert.match(outcome.err, /^covey: \w+: no agent answers at .*\.sock\nhint: /)
    })
  }
})

describe('the problem of an agent', () => {
  for (const line of ['logs wbe', 'exec wbe -- id']) {
    it(`ends covey ${line} with its own words and hint`, async (context) => {
      const space = await openWorkspace(context)
      const body = { detail: 'no such container', code: 'no-such-container', hint: 'it has: web' }
      const problem = (): { status: number; body: unknown } => ({ status: 404, body })
      await fakeAgent(context, space, {
        'GET /v1/containers/wbe/logs': problem,
        'POST /v1/containers/wbe/exec': problem,
      })
      const outcome = await space.covey([
        '--to',
        join(space.runDir, 'covey.sock'),
        ...line.split(' '),
      ])
      assert.equal(outcome.exit, 1)
      assert.match(outcome.err, /^covey: \w+: no such container\nhint: it has: web\n$/)
      const words = ['--json', '--to', join(space.runDir, 'covey.sock'), ...line.split(' ')]
      const { error } = JSON.parse((await space.covey(words)).out)
      assert.equal(error.code, 'no-such-container')
    })
  }
})

describe('wrong usage', () => {
  const table: readonly (readonly [line: string, err: RegExp])[] = [
    ['exec web', /no command given/],
    ['exec', /missing required argument/],
    ['exec web ls -l', /unknown option '-l'/],
    ['exec -e A web -- id', /--env A: must be NAME=VALUE/],
    ['exec -e =x web -- id', /--env =x: must be NAME=VALUE/],
    ['logs', /missing required argument/],
    ['logs -n many web', /--tail many: must be a number of lines/],
    ['logs -n -1 web', /--tail -1/],
    ['logs --since x web', /--since x: must be an age or a time/],
    ['logs --since 10 web', /--since 10/],
    ['logs --since 2026-02-30T12:00:00Z web', /must be an age or a time/],
    ['logs --since 99999999d web', /--since 99999999d/],
    ['logs ', /the name of the container is empty/],
    ['exec  -- id', /the name of the container is empty/],
    ['events web', /too many arguments/],
  ]
  for (const [line, err] of table) {
    it(`covey ${line}`, async (context) => {
      const space = await openWorkspace(context)
      const outcome = await space.covey(line.split(' '))
      assert.deepEqual([outcome.exit, outcome.out], [2, ''])
      assert.match(outcome.err, err)
      assert.match(outcome.err, /\nhint: /)
    })
  }
})

describe('covey logs', () => {
  it('asks for what was meant', async (context) => {
    const space = await openWorkspace(context)
    const route = (): { status: number; body: string } => ({ status: 200, body: '' })
    const { asked } = await fakeAgent(context, space, { 'GET /v1/containers/web/logs': route })
    const lines = [
      'web',
      '-f -n 5 web',
      '--since 1h30m web',
      '--since 2026-01-31 web',
      '-n all web',
    ]
    for (const line of lines) await space.must('logs', ...line.split(' '))
    assert.deepEqual(
      asked
        .filter(({ url }) => url.includes('/logs'))
        .map(({ url }) => decodeURIComponent(url.split('?')[1] ?? '')),
      [
        '',
        'tail=5&follow=1',
        'since=2026-09-21T12:43:20.000Z',
        'since=2026-01-31T00:00:00.000Z',
        'tail=999999999',
      ],
    )
  })
})

describe("what is root's alone", () => {
  it('is asked on admin.sock, also where --to names covey.sock beside it', async (context) => {
    const space = await openWorkspace(context)
    const path = (to?: string): string => {
      const io = { cwd: space.runDir, env: {} } as never
      return localPlace(openSession({ runDir: space.runDir, ...(to && { to }) }, io)).admin
    }
    assert.equal(path(), join(space.runDir, 'admin.sock'))
    assert.equal(path('covey.sock'), join(space.runDir, 'covey.sock'))
    await writeFile(join(space.runDir, 'admin.sock'), '')
    assert.equal(path('covey.sock'), join(space.runDir, 'admin.sock'))
    await mkdir(join(space.runDir, 'far'))
    assert.equal(path('far/cloud01.sock'), join(space.runDir, 'far/cloud01.sock'))
  })
})

describe('text of programs on a terminal', () => {
  const table: readonly (readonly [text: string, shown: string])[] = [
    ['plain\ttext ü ✓', 'plain\ttext ü ✓'],
    ['\x1b[31mred\x1b[0m \x1b[1;38:5:9mtoo', '\x1b[31mred\x1b[0m \x1b[1;38:5:9mtoo'],
    ['\x1b[2J\x1b[H', '?[2J?[H'],
    ['\x1b]0;title\x07', '?]0;title?'],
    ['a\rb\x08\x7f', 'a?b??'],
    ['\u009b2J', '??2J'],
    ['\x1b', '?'],
    ['\x1b[31', '?[31'],
    ['a\u202eb\u2066c\u200fd\u2028', 'a???b???c???d???'],
    ['\u{1f600} \u{e0041}', '\u{1f600} \u{e0041}'],
  ]
  for (const [text, shown] of table) {
    it(`shows ${JSON.stringify(text)} without what moves the cursor`, () => {
      assert.equal(Buffer.from(terminalSafe(Buffer.from(text))).toString(), shown)
    })
  }

  it('takes a control character that two records share for none', () => {
    const whole = Buffer.from('\u009b2J\u202e', 'utf8')
    for (let cut = 1; cut < whole.length; cut++) {
      const parts = [whole.subarray(0, cut), whole.subarray(cut)].map(terminalSafe)
      const shown = Buffer.concat(parts).toString('utf8')
      assert.ok(!/[\p{Cc}\p{Bidi_Control}]/u.test(shown), `${cut}: ${JSON.stringify(shown)}`)
    }
  })

  it('leaves Latin-1 as it is, but for its control characters', () => {
    const bytes = Uint8Array.from([0xe4, 0x20, 0x9b, 0x41, 0xff, 0xfc])
    assert.deepEqual([...terminalSafe(bytes)], [0xe4, 0x20, 0x3f, 0x41, 0xff, 0xfc])
  })
})
