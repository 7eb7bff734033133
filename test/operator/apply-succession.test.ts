import assert from 'node:assert/strict'
import { readdir, rm } from 'node:fs/promises'
import { describe, it, type TestContext } from 'node:test'
import { type TakingAgent, takingAgent } from './taking-agent.ts'
import { addHost, fakeAgent, openCluster, payloadOf, type Workspace } from './workspace.ts'

/** A cluster whose node holds version 1 of the layout. */
async function running(
  context: TestContext,
): Promise<{ readonly space: Workspace; readonly agent: TakingAgent }> {
  const space = await openCluster(context)
  await addHost(space, 'cloud01', '192.0.2.1:51820')
  const agent = takingAgent()
  await fakeAgent(context, space, agent.routes)
  await space.must('apply', '--yes')
  return { space, agent }
}

/** Signs other hosts by hand, and sends nothing. */
async function signUnsent(space: Workspace, file: string, hosts: object = {}): Promise<string> {
  await space.write('c.json', { hosts })
  await space.must('sign', 'c.json', '-o', file)
  return await space.read(file)
}

function ancestorsOf(signed: string): readonly (readonly [number, number, string])[] {
  return payloadOf(signed)['ancestors'] as readonly (readonly [number, number, string])[]
}

async function historyOf(space: Workspace): Promise<readonly string[]> {
  return (await readdir(space.path('history'))).sort()
}

/** Asserts that another operator's changes are named, and that nothing is signed over them. */
async function refusesToTakeBack(space: Workspace): Promise<void> {
  const before = await historyOf(space)
  const outcome = await space.covey(['apply', '--yes', '--json'])
  assert.deepEqual([outcome.exit, JSON.parse(outcome.out).error.code], [4, 'layout-behind'])
  assert.match(JSON.parse(outcome.out).error.message, /signed version 2, .* take back .*cloud01/)
  assert.deepEqual(await historyOf(space), before)
}

describe('covey apply after versions that never reached the node', () => {
  it('signs the next one on top of them, and sends it in their place', async (context) => {
    const { space, agent } = await running(context)
    for (const _ of [2, 3]) await signUnsent(space, 'x.json')
    const outcome = await space.covey(['apply', '--yes'])
    assert.equal(outcome.exit, 0, outcome.err)
    assert.match(outcome.err, /holds version 1 .*; versions 2 to 3 were signed here and did not/)
    assert.equal(payloadOf(agent.held)['version'], 4)
    const positions = ancestorsOf(agent.held).map(([, version]) => version)
    assert.deepEqual(positions, [3, 2, 1])
    assert.deepEqual(await historyOf(space), ['1.1.json', '1.2.json', '1.3.json', '1.4.json'])
  })

  it('sends what was signed, where the layout still means that', async (context) => {
    const { space, agent } = await running(context)
    await signUnsent(space, 'x.json')
    await addHost(space, 'local01')
    const signed = (await space.covey(['apply', '--offline'])).out
    assert.equal(payloadOf(signed)['version'], 3)
    const outcome = await space.covey(['apply'], { reply: 'y' })
    assert.equal(outcome.exit, 0, outcome.err)
    assert.match(outcome.err, /Send version 3 to home \(2 hosts\)\? \[y\/N\]/)
    assert.equal(agent.held, signed)
    assert.equal((await historyOf(space)).length, 3)
  })

  it('follows the config of another operator that they leave out', async (context) => {
    const { space, agent } = await running(context)
    const theirs = await signUnsent(space, 'theirs.json', { other: {} })
    await rm(space.path('history/1.2.json'))
    for (const _ of [2, 3]) await signUnsent(space, 'x.json')
    agent.held = theirs
    await refusesToTakeBack(space)
    const outcome = await space.covey(['apply', '--yes', '--overwrite'])
    assert.equal(outcome.exit, 0, outcome.err)
    assert.match(outcome.err, /holds version 2 .*, which version 3 of this folder leaves out/)
    assert.equal(payloadOf(agent.held)['version'], 4)
    const positions = ancestorsOf(agent.held).map(([, version]) => version)
    assert.deepEqual(positions, [2, 1])
  })

  it('takes no version where it cannot tell what lies between', async (context) => {
    const { space, agent } = await running(context)
    const theirs = await signUnsent(space, 'theirs.json', { other: {} })
    await rm(space.path('history/1.2.json'))
    for (let version = 2; version <= 20; version++) await signUnsent(space, 'x.json')
    agent.held = theirs
    const outcome = await space.covey(['apply', '--yes', '--json'])
    assert.equal(outcome.exit, 4)
    assert.equal(JSON.parse(outcome.out).error.code, 'gap')
    assert.match(outcome.err, /hint: .*--to.*--allow-gap/)
    assert.equal((await historyOf(space)).length, 20)
    await space.must('apply', '--yes', '--allow-gap', '--overwrite')
    assert.equal(payloadOf(agent.held)['version'], 21)
  })

  const refusals = [
    { name: 'of another cluster', changes: { cluster_id: 'sha256:x' }, code: 'other-cluster' },
    { name: 'without its floor', changes: { state: 'floor-unknown' }, code: 'floor-unknown' },
  ]
  for (const { name, changes, code } of refusals) {
    it(`takes no version for a node ${name}`, async (context) => {
      const { space, agent } = await running(context)
      await addHost(space, 'local01')
      agent.changes = changes
      const outcome = await space.covey(['apply', '--yes', '--json'])
      assert.deepEqual([outcome.exit, JSON.parse(outcome.out).error.code], [4, code])
      assert.match(outcome.err, /\nhint: /)
      assert.deepEqual(await historyOf(space), ['1.1.json'])
    })
  }

  it('takes no version that would cut a host off from what the node holds', async (context) => {
    const { space, agent } = await running(context)
    await addHost(space, 'local01')
    await space.must('apply', '--yes')
    await signUnsent(space, 'x.json')
    const layout = await space.read('cluster.yaml')
    await space.write('cluster.yaml', layout.replace(/^ {2}cloud01: .*/m, '  cloud01: {}'))
    const outcome = await space.covey(['apply', '--yes', '--json'])
    assert.deepEqual([outcome.exit, JSON.parse(outcome.out).error.code], [4, 'isolation'])
    assert.equal((await historyOf(space)).length, 3)
    await space.must('apply', '--yes', '--allow-isolation')
    assert.deepEqual(payloadOf(agent.held)['allow_isolation'], ['cloud01', 'local01'])
  })
})

describe('covey apply on a host that the layout leaves out', () => {
  it('does not wait for what it will not hear', async (context) => {
    const { space, agent } = await running(context)
    await addHost(space, 'local01')
    agent.changes = { host: 'gone01' }
    const outcome = await space.covey(['apply', '--yes', '--json'])
    assert.equal(outcome.exit, 0, outcome.err)
    assert.equal(JSON.parse(outcome.out).arrived, null)
    const plain = await space.covey(['apply', '--yes'])
    assert.match(plain.err, /gone01 is not in it, and does not hear who takes it: ask another host/)
  })
})

describe('covey apply after a fork', () => {
  it("signs a higher version on top of the node's", async (context) => {
    const { space, agent } = await running(context)
    const theirs = await signUnsent(space, 'theirs.json', { other: {} })
    await rm(space.path('history/1.2.json'))
    await addHost(space, 'local01')
    const ours = (await space.covey(['apply', '--offline'])).out
    agent.held = theirs
    await refusesToTakeBack(space)
    const outcome = await space.covey(['apply', '--yes', '--overwrite'])
    assert.equal(outcome.exit, 0, outcome.err)
    assert.match(outcome.err, /version 2 was signed twice: the node holds another one/)
    assert.deepEqual(payloadOf(agent.held)['hosts'], payloadOf(ours)['hosts'])
    const positions = ancestorsOf(agent.held).map(([, version]) => version)
    assert.deepEqual([payloadOf(agent.held)['version'], positions], [3, [2, 1]])
    assert.match(await space.must('history'), /lost/)
  })

  it('signs a higher version of the same layout while the node tells of one', async (context) => {
    const { space, agent } = await running(context)
    agent.alarms = ['fork']
    const outcome = await space.covey(['apply', '--yes'])
    assert.equal(outcome.exit, 0, outcome.err)
    assert.match(outcome.err, /version 1 was signed twice; a higher version ends the fork/)
    assert.equal(payloadOf(agent.held)['version'], 2)
    await space.must('apply', '--yes')
    assert.equal(payloadOf(agent.held)['version'], 2)
  })

  it('sends the version above it that was signed already', async (context) => {
    const { space, agent } = await running(context)
    await space.must('compile', '-o', 'c.json')
    await space.must('sign', 'c.json', '-o', 'two.json')
    agent.alarms = ['fork']
    await space.must('apply', '--yes')
    assert.equal(agent.held, await space.read('two.json'))
  })
})
