import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { ideaConfig } from '../idea.ts'
import { fakeAgent, openCluster, type Workspace } from './workspace.ts'

const digest = `sha256:${'a'.repeat(64)}`
const head = { epoch: 1, version: 4, digest }
const status = { host: 'cloud01', cluster: 'home', head, state: 'in-sync' }

async function withSigned(context: TestContext): Promise<Workspace> {
  const space = await openCluster(context)
  await space.write('config.json', ideaConfig)
  await space.must('sign', 'config.json', '-o', 'signed.json')
  return space
}

/** The verdicts of a node, each with its exit code (docs/API.md). */
const verdicts = [
  { verdict: 'accepted', code: 'accepted', status: 200, exit: 0 },
  { verdict: 'already-head', code: 'already-head', status: 200, exit: 0 },
  { verdict: 'fork', code: 'fork-won', status: 200, exit: 0 },
  { verdict: 'fork', code: 'fork', status: 409, exit: 4 },
  { verdict: 'older', code: 'older', status: 409, exit: 4 },
  { verdict: 'refused', code: 'bad-signature', status: 422, exit: 4 },
  { verdict: 'refused', code: 'isolation', status: 422, exit: 4 },
  { verdict: 'refused', code: 'disk-full', status: 503, exit: 4 },
]

describe('covey inject', () => {
  for (const { verdict, code, status: http, exit } of verdicts) {
    it(`${verdict} (${code}) comes to exit code ${exit}`, async (context) => {
      const space = await withSigned(context)
      const reply = { verdict, code, message: 'so it is', head }
      const problem = { type: 'about:blank', title: 'x', status: http, detail: 'so it is' }
      const body = http === 200 ? reply : { ...problem, ...reply, faults: [] }
      const agent = await fakeAgent(context, space, {
        'POST /v1/config': () => ({ status: http, body }),
      })
      const json = await space.covey(['inject', 'signed.json', '--json'])
      assert.equal(json.exit, exit, json.err)
      assert.deepEqual(JSON.parse(json.out), reply)
      assert.equal(agent.asked[0]?.body, await space.read('signed.json'))
      const plain = await space.covey(['inject', 'signed.json'])
      assert.equal(plain.exit, exit)
      assert.match(exit === 0 ? plain.out : plain.err, new RegExp(`${verdict}: so it is`))
    })
  }

  it('asks for what is meant', async (context) => {
    const space = await withSigned(context)
    const body = { verdict: 'accepted', code: 'accepted', message: 'm', head }
    const routes = { 'POST /v1/config': () => ({ status: 200, body }) }
    const agent = await fakeAgent(context, space, routes)
    await space.must('inject', 'signed.json', '--allow-gap', '--allow-isolation')
    assert.equal(agent.asked[0]?.url, '/v1/config?allow_gap=1&allow_isolation=1')
  })

  it('takes stdin and the compact form', async (context) => {
    const space = await withSigned(context)
    const body = { verdict: 'accepted', code: 'accepted', message: 'm', head }
    const routes = { 'POST /v1/config': () => ({ status: 200, body }) }
    const agent = await fakeAgent(context, space, routes)
    const { payload, signatures } = JSON.parse(await space.read('signed.json'))
    const jwt = ` ${signatures[0].protected}.${payload}.${signatures[0].signature}\n`
    const outcome = await space.covey(['inject', '-'], { stdin: jwt })
    assert.equal(outcome.exit, 0, outcome.err)
    assert.deepEqual(JSON.parse(agent.asked[0]?.body ?? ''), { payload, signatures })
  })

  it('prints every further fault that the node found', async (context) => {
    const space = await withSigned(context)
    const faults = ['a', 'b', 'c'].map((path) => ({ code: 'x', path, message: `wrong ${path}` }))
    const body = { verdict: 'refused', code: 'x', message: 'a: wrong a', head: null, faults }
    await fakeAgent(context, space, { 'POST /v1/config': () => ({ status: 422, body }) })
    const outcome = await space.covey(['inject', 'signed.json'])
    assert.equal(outcome.exit, 4)
    assert.match(outcome.err, /^b: wrong b\nc: wrong c\ncovey: inject: refused: a: wrong a\nhint: /)
  })

  const forms: readonly (readonly [string, (text: string) => string | Uint8Array, string])[] = [
    ['truncated', (text) => text.slice(0, 100), 'envelope-not-json'],
    ['no JSON', () => 'hello', 'envelope-not-json'],
    ['a config', () => JSON.stringify(ideaConfig), 'envelope-shape'],
    ['one member more', (text) => text.replace('{', '{"header":{},'), 'envelope-shape'],
    ['no signatures', () => '{"payload":"","signatures":[]}', 'no-signatures'],
    [
      'padding',
      (text) => text.replace('","signatures', '=","signatures'),
      'base64url-not-canonical',
    ],
    ['a member twice', (text) => text.replace('{', '{"payload":"",'), 'duplicate-member'],
    ['nothing', () => '', 'file-empty'],
    ['binary', () => Uint8Array.from([0, 1, 2]), 'file-binary'],
  ]
  for (const [name, change, code] of forms) {
    it(`finds a file that is no envelope: ${name}`, async (context) => {
      const space = await withSigned(context)
      const stdin = change(await space.read('signed.json'))
      const alone = await space.covey(['inject', '-', '--json'], { stdin })
      assert.equal(alone.exit, 2, alone.err)
      const { message, ...rest } = JSON.parse(alone.out)
      assert.deepEqual(rest, { verdict: 'refused', code, head: null })
      assert.equal(typeof message, 'string')
      const agent = await fakeAgent(context, space, {
        'GET /v1/status': () => ({ status: 200, body: status }),
      })
      const known = await space.covey(['inject', '-', '--json'], { stdin })
      assert.deepEqual([known.exit, JSON.parse(known.out).head], [2, head])
      assert.deepEqual(
        agent.asked.map(({ url }) => url),
        ['/v1/status'],
      )
    })
  }

  it('takes neither a folder nor a file that is missing', async (context) => {
    const space = await withSigned(context)
    for (const [file, code] of [
      ['history', 'file-unreadable'],
      ['nothing.json', 'file-missing'],
    ] as const) {
      const outcome = await space.covey(['inject', file, '--json'])
      assert.equal(outcome.exit, 2)
      assert.equal(JSON.parse(outcome.out).code, code)
    }
  })

  it('says where the syntax breaks', async (context) => {
    const space = await withSigned(context)
    await space.write('broken.json', '{"payload": "",\n  "signatures" []}')
    const outcome = await space.covey(['inject', 'broken.json'])
    assert.match(outcome.err, /^broken\.json:2:16: not valid JSON: /)
  })

  // In MiB of base64url: a payload of 4.5 MB, one of 5 MB, and more than any envelope.
  for (const size of [5.73, 6.36, 17]) {
    it(`refuses ${size} MiB with exit code 4`, async (context) => {
      const space = await withSigned(context)
      const payload = 'A'.repeat(4 * Math.floor(size * 2 ** 18))
      const stdin = JSON.stringify({ payload, signatures: [{ protected: 'A', signature: 'A' }] })
      const outcome = await space.covey(['inject', '-', '--json'], { stdin })
      assert.equal(outcome.exit, 4)
      assert.equal(JSON.parse(outcome.out).code, 'payload-too-large')
    })
  }
})

describe('the node to talk to', () => {
  it('is missing: exit code 5', async (context) => {
    const space = await withSigned(context)
    for (const argv of [['inject', 'signed.json'], ['status'], ['config', 'show']]) {
      const outcome = await space.covey([...argv, '--json'])
      assert.equal(outcome.exit, 5, outcome.err)
      assert.equal(JSON.parse(outcome.out).error.code, 'no-agent')
      assert.match(
        outcome.err,
        /no agent answers at .*covey\.sock\nhint: .*, or change to the operator's folder$/m,
      )
    }
  })

  it('is named by --to, --run-dir or COVEY_RUN_DIR', async (context) => {
    const space = await withSigned(context)
    await fakeAgent(context, space, { 'GET /v1/status': () => ({ status: 200, body: status }) })
    const elsewhere = { env: { COVEY_RUN_DIR: '/nowhere' } }
    const socket = join(space.runDir, 'covey.sock')
    assert.equal((await space.covey(['status'], elsewhere)).exit, 5)
    assert.equal((await space.covey(['status', '--to', socket], elsewhere)).exit, 0)
    assert.equal((await space.covey(['--run-dir', space.runDir, 'status'], elsewhere)).exit, 0)
    const web = await space.covey(['status', '--to', 'https://a'])
    assert.equal(web.exit, 2)
    assert.match(web.err, /by a socket or by ssh, not by https:\/\//)
  })

  it('hangs up: exit code 1', async (context) => {
    const space = await withSigned(context)
    const server = createServer((socket) => socket.destroy())
    await new Promise<void>((done) => server.listen(join(space.runDir, 'covey.sock'), () => done()))
    context.after(() => server.close())
    const outcome = await space.covey(['status'])
    assert.equal(outcome.exit, 1)
    assert.match(outcome.err, /broke off/)
  })

  const broken: readonly (readonly [name: string, status: number, body: unknown, says: RegExp])[] =
    [
      ['no JSON', 200, 'hello', /no JSON/],
      ['no status', 200, { host: 1 }, /not understood \(at host\)/],
      ['a problem', 500, { code: 'x', detail: 'it burns' }, /covey: status: it burns/],
    ]
  for (const [name, http, body, says] of broken) {
    it(`says ${name}: exit code 1`, async (context) => {
      const space = await withSigned(context)
      await fakeAgent(context, space, { 'GET /v1/status': () => ({ status: http, body }) })
      const outcome = await space.covey(['status'])
      assert.equal(outcome.exit, 1)
      assert.match(outcome.err, says)
    })
  }
})

describe('covey config show', () => {
  it('prints the config, the JWT or the signed document', async (context) => {
    const space = await withSigned(context)
    const signed = await space.read('signed.json')
    await fakeAgent(context, space, { 'GET /v1/config': () => ({ status: 200, body: signed }) })
    const shown = JSON.parse(await space.must('config', 'show', '--json'))
    assert.deepEqual(shown.hosts, ideaConfig.hosts)
    const { payload, signatures } = JSON.parse(signed)
    const jwt = `${signatures[0].protected}.${payload}.${signatures[0].signature}`
    assert.equal(await space.must('config', 'show', '--jwt'), `${jwt}\n`)
    assert.deepEqual(JSON.parse(await space.must('config', 'show', '--jwt', '--json')), { jwt })
    assert.equal(await space.must('config', 'show', '--signed'), signed)
  })

  it('says that there is none, or that it is no JWT', async (context) => {
    const space = await withSigned(context)
    const { payload, signatures } = JSON.parse(await space.read('signed.json'))
    const two = { payload, signatures: [signatures[0], signatures[0]] }
    const bodies = [
      { status: 404, body: { code: 'no-config' } },
      { status: 200, body: two },
    ]
    await fakeAgent(context, space, {
      'GET /v1/config': () => bodies.shift() ?? assert.fail('asked too often'),
    })
    const none = await space.covey(['config', 'show'])
    assert.equal(none.exit, 1)
    assert.match(none.err, /holds no config yet/)
    const jwt = await space.covey(['config', 'show', '--jwt'])
    assert.equal(jwt.exit, 1)
    assert.match(jwt.err, /2 signatures, but a JWT has one/)
  })
})
