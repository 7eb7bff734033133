import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readdir, rm } from 'node:fs/promises'
import { describe, it, type TestContext } from 'node:test'
import { stripVTControlCharacters } from 'node:util'
import { takingAgent } from './taking-agent.ts'
import { addHost, fakeAgent, openCluster, payloadOf, type Workspace } from './workspace.ts'

async function withHosts(context: TestContext): Promise<Workspace> {
  const space = await openCluster(context)
  await addHost(space, 'cloud01', '192.0.2.1:51820')
  await addHost(space, 'local01')
  return space
}

describe('covey apply', () => {
  it('signs for later with --offline', async (context) => {
    const space = await withHosts(context)
    await space.must('apply', '--offline', '-o', 'home.signed.json')
    const claims = payloadOf(await space.read('home.signed.json'))
    assert.equal(claims['version'], 1)
    assert.deepEqual(claims['hosts'], JSON.parse(await space.must('compile')).hosts)
    assert.equal(await space.read('home.signed.json'), await space.read('history/1.1.json'))
  })

  it('signs nothing new while the layout is the same', async (context) => {
    const space = await withHosts(context)
    for (const _ of [1, 2]) await space.must('apply', '--offline', '-o', 's.json')
    assert.deepEqual(await readdir(space.path('history')), ['1.1.json'])
    await addHost(space, 'local02')
    await space.must('apply', '--offline', '-o', 's.json')
    assert.equal(payloadOf(await space.read('s.json'))['version'], 2)
  })

  it('sends, and watches it arrive on every host', async (context) => {
    const space = await withHosts(context)
    const agent = takingAgent({ looks: 2 })
    await fakeAgent(context, space, agent.routes)
    const outcome = await space.covey(['apply', '--yes'])
    assert.equal(outcome.exit, 0, outcome.err)
    assert.equal(agent.held, await space.read('history/1.1.json'))
    assert.match(
      outcome.err,
      /cloud01: runs version 1 \(1\/2\)\nlocal01: runs version 1 \(2\/2\)\n/,
    )
    assert.equal(outcome.out, 'version 1 runs on 2 hosts, and everything is well\n')
    const again = JSON.parse(await space.must('up', '--yes', '--json'))
    assert.deepEqual([again.verdict, again.arrived], ['already-head', ['cloud01', 'local01']])
  })

  it('does not wait with --no-wait', async (context) => {
    const space = await withHosts(context)
    await fakeAgent(context, space, takingAgent({ looks: Number.POSITIVE_INFINITY }).routes)
    const { verdict, arrived } = JSON.parse(
      await space.must('apply', '--yes', '--no-wait', '--json'),
    )
    assert.deepEqual([verdict, arrived], ['accepted', null])
  })

  it('stops waiting when it is interrupted, and says who is missing', async (context) => {
    const space = await withHosts(context)
    await fakeAgent(context, space, takingAgent({ looks: Number.POSITIVE_INFINITY }).routes)
    const stop = new AbortController()
    const watch = (text: string): void => {
      if (text.includes('cloud01: runs version 1')) stop.abort()
    }
    const outcome = await space.covey(['apply', '--yes'], { signal: stop.signal, watch })
    assert.equal(outcome.exit, 1)
    assert.match(
      outcome.err,
      /you stopped waiting: version 1 is in force, and not known to be well on local01\nhint: /,
    )
  })

  it('asks first', async (context) => {
    const space = await withHosts(context)
    const agent = takingAgent()
    await fakeAgent(context, space, agent.routes)
    const nobody = await space.covey(['apply'])
    assert.equal(nobody.exit, 2)
    assert.match(nobody.err, /hint: .*--yes/)
    const no = await space.covey(['apply'], { reply: '' })
    assert.equal(no.exit, 1)
    assert.match(no.err, /Sign and send to home \(2 hosts\)\? \[y\/N\]/)
    assert.deepEqual(await readdir(space.path('history')), [])
    assert.equal((await space.covey(['apply'], { reply: 'y' })).exit, 0)
  })

  it('follows a config that another operator signed', async (context) => {
    const space = await withHosts(context)
    for (const _ of [1, 2, 3]) {
      await space.write('c.json', { hosts: {} })
      await space.must('sign', 'c.json', '-o', 'theirs.json')
    }
    const agent = takingAgent()
    agent.held = await space.read('theirs.json')
    for (const version of [2, 3]) await rm(space.path(`history/1.${version}.json`))
    await fakeAgent(context, space, agent.routes)
    await space.must('apply', '--yes')
    assert.equal(payloadOf(agent.held)['version'], 4)
    assert.ok((await readdir(space.path('history'))).includes('1.3.json'))
  })

  it('does not wait for hosts that nobody has heard of, and names them', async (context) => {
    const space = await withHosts(context)
    const agent = takingAgent({ looks: Number.POSITIVE_INFINITY, unseen: ['local01'] })
    await fakeAgent(context, space, agent.routes)
    const outcome = await space.covey(['apply', '--yes'])
    assert.equal(outcome.exit, 0, outcome.err)
    assert.match(outcome.err, /cloud01: runs version 1 \(1\/1\)\n$/)
    assert.equal(
      outcome.out,
      'version 1 runs on 1 host, and everything is well\n' +
        'waiting for: local01 (never seen; enrol it with covey bundle)\n',
    )
    const again = JSON.parse(await space.must('apply', '--yes', '--json'))
    assert.deepEqual([again.arrived, again.waiting_for], [['cloud01'], ['local01']])
  })

  it('draws every host in place on a terminal', async (context) => {
    const space = await withHosts(context)
    await fakeAgent(context, space, takingAgent({ looks: 2 }).routes)
    const outcome = await space.covey(['apply', '--yes'], { terminal: true })
    assert.equal(outcome.exit, 0, outcome.err)
    const shown = stripVTControlCharacters(outcome.err)
    assert.match(shown, /cloud01 {2}runs version 1\nlocal01 {2}waiting\n/)
    assert.match(shown, /HOST .*\ncloud01 {2}runs version 1\nlocal01 {2}runs version 1\n$/)
    assert.ok(outcome.err.includes('\u001b[3A'))
  })

  it('refuses a layout of another cluster, and flags that do not go together', async (context) => {
    const space = await withHosts(context)
    assert.equal((await space.covey(['apply', '-o', 'x.json'])).exit, 2)
    const layout = await space.read('cluster.yaml')
    await space.write('cluster.yaml', layout.replace('cluster: home', 'cluster: away'))
    const outcome = await space.covey(['apply', '--offline'])
    assert.equal(outcome.exit, 2)
    assert.match(outcome.err, /for "away", .* "home"/)
  })
})

describe('covey bundle', () => {
  it('packs roots, digest, floor and the newest config', async (context) => {
    const space = await withHosts(context)
    await space.must('apply', '--offline', '-o', 's.json')
    await space.must('bundle', '--host', 'cloud01', '-o', 'b.json')
    const bundle = JSON.parse(await space.read('b.json'))
    const root = JSON.parse(await space.read('roots/1.json'))
    const hex = createHash('sha256').update(Buffer.from(root.payload, 'base64url')).digest('hex')
    const config = JSON.parse(await space.read('s.json'))
    const bytes = Buffer.from(config.payload, 'base64url')
    const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`
    assert.deepEqual(bundle, {
      host: 'cloud01',
      root_digest: `sha256:${hex}`,
      roots: [root],
      floor: { epoch: 1, version: 1, digest },
      config,
    })
    const keys = await space.read('../keys/home.operator.jwk.json')
    assert.ok(!JSON.stringify(bundle).includes(JSON.parse(keys).d))
  })

  it('may come before the first config', async (context) => {
    const space = await withHosts(context)
    const outcome = await space.covey(['bundle', '--host', 'cloud01'])
    const { floor, config } = JSON.parse(outcome.out)
    assert.deepEqual([outcome.exit, floor, config], [0, null, null])
    assert.match(outcome.err, /warning: cloud01 is not in the newest config: run .*--offline/)
    const unknown = await space.covey(['bundle', '--host', 'nobody'])
    assert.match(unknown.err, /warning: nobody is neither/)
  })

  it('says what has to come first for a host that is not in force', async (context) => {
    const space = await withHosts(context)
    const argv = ['bundle', '--host', 'cloud01', '-o', 'b.json']
    const first = await space.covey(argv)
    assert.match(first.out, /\nnext: covey apply --offline -o FILE, then bundle it again\n$/)
    await fakeAgent(context, space, takingAgent().routes)
    const running = await space.covey(argv)
    assert.match(running.err, /run covey apply, then bundle/)
    assert.match(running.out, /\nnext: covey apply, then bundle it again\n$/)
    await space.must('apply', '--yes')
    assert.match(await space.must(...argv), /\nnext, on cloud01: covey enrol b\.json\n$/)
    const unknown = await space.must('bundle', '--host', 'nobody', '-o', 'b.json')
    assert.match(unknown, /\nnext: covey host add --card nobody\.card\.json, covey apply, then/)
  })

  it('asks for a host that can be one', async (context) => {
    const space = await withHosts(context)
    assert.equal((await space.covey(['bundle'])).exit, 2)
    assert.equal((await space.covey(['bundle', '--host', 'A'])).exit, 2)
  })
})
