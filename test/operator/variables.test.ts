import assert from 'node:assert/strict'
import { mkdir } from 'node:fs/promises'
import { describe, it, type TestContext } from 'node:test'
import { makeCard, openCluster, type Workspace } from './workspace.ts'

const digest = `sha256:${'a'.repeat(64)}`

async function openShop(context: TestContext, service: string): Promise<Workspace> {
  const space = await openCluster(context)
  await space.write('card.json', await makeCard('a'))
  await space.must('host', 'add', '--card', 'card.json', '--endpoint', '192.0.2.1:51820')
  await mkdir(space.path('shop'))
  await space.write(
    'shop/compose.yaml',
    `services:\n  web:\n    image: "box:\${TAG:-1}@${digest}"\n${service}`,
  )
  await space.write('shop/.env', 'TAG=2\nMODE=slow\n')
  const layout = await space.read('cluster.yaml')
  await space.write('cluster.yaml', `${layout}stacks:\n  shop: { file: shop/compose.yaml }\n`)
  return space
}

describe('covey compile --env', () => {
  it('wins over .env, and is kept in the lock', async (context) => {
    const space = await openShop(context, '    command: ["$MODE"]\n')
    const plain = await space.must('compile')
    assert.match(plain, /box:2@/)
    const first = await space.must('compile', '--env', 'TAG=3', '--env', 'MODE=')
    assert.match(first, /box:3@/)
  })

  it('is what the next compile takes, to the byte', async (context) => {
    const space = await openShop(context, '    environment: { URL: "http://$HOST" }\n')
    const first = await space.must('compile', '--env', 'TAG=3', '--env', 'HOST=x.example')
    assert.match(first, /box:3@/)
    const lock = await space.read('cluster.lock')
    assert.match(lock, /^variable\.shop\.TAG "3"$/m)
    assert.match(lock, /^variable\.shop\.HOST "x\.example"$/m)
    assert.equal(await space.must('compile'), first)
    assert.equal(await space.must('compile', '--frozen'), first)
    assert.match(await space.must('compile', '--env', 'TAG=4'), /box:4@/)
    const frozen = await space.covey(['compile', '--frozen', '--env', 'TAG=5'])
    assert.equal(frozen.exit, 4)
    assert.match(frozen.err, /would change: variable\.shop\.TAG/)
    assert.match(await space.read('cluster.lock'), /^variable\.shop\.TAG "4"$/m)
  })

  it('keeps no secret in the lock, and none in the config', async (context) => {
    const service =
      '    environment: { DB_URL: "postgres://u:$DBP@db" }\n    command: ["--key=$KEY", "$APP_TOKEN"]\n'
    const space = await openShop(context, service)
    const given = ['--env', 'DBP=correct-horse', '--env', 'APP_TOKEN=battery', '--env', 'KEY=open']
    const first = await space.must('compile', ...given)
    const lock = await space.read('cluster.lock')
    assert.match(lock, /^variable\.shop\.DBP sealed [\w-]{43}$/m)
    assert.match(lock, /^variable\.shop\.APP_TOKEN sealed /m)
    assert.match(lock, /^variable\.shop\.KEY "open"$/m)
    assert.doesNotMatch(first + lock, /correct-horse|battery/)
    assert.equal(await space.must('compile'), first, 'it is opened again')
    const other = await space.must('compile', '--env', 'DBP=another-one')
    assert.notEqual(other, first)
    await space.must('validate', 'cluster.yaml')
  })

  it('keeps secrets apart whose stacks and names read alike', async (context) => {
    const space = await openShop(context, '')
    const file = (name: string): string =>
      `services:\n  web:\n    image: "box:1@${digest}"\n    environment: { V: "$${name}" }\n`
    await space.write('shop/compose.yaml', file('B_TOKEN'))
    await mkdir(space.path('other'))
    await space.write('other/compose.yaml', file('TOKEN'))
    const layout = await space.read('cluster.yaml')
    const stack = '  shop-b: { file: other/compose.yaml }\n'
    await space.write('cluster.yaml', `${layout}${stack}`)
    const given = ['--env', 'B_TOKEN=correct-horse', '--env', 'TOKEN=battery-staple']
    const first = await space.must('compile', ...given)
    assert.equal(await space.must('compile'), first, 'each is opened as it was given')
  })

  it('is named where it is not set, beside the fault that this makes', async (context) => {
    const space = await openShop(context, '  other: { image: "$REGISTRY/box" }\n')
    const { exit, err, out } = await space.covey(['compile', '--json'])
    assert.equal(exit, 2)
    assert.match(err, /warning: shop\/compose\.yaml:4:19: the variable REGISTRY is not set/)
    const [fault, ...more] = JSON.parse(out).error.faults
    assert.deepEqual([fault.path, fault.line, more], ['services.other.image', 4, []])
    await space.write('shop/.env', 'REGISTRY=Box/\n')
    const { err: other } = await space.covey(['compile'])
    assert.doesNotMatch(other, /warning/, 'a fault by itself')
  })

  it('says what is wrong with it, and shows no value', async (context) => {
    const space = await openShop(context, '')
    const cases: readonly (readonly [string, RegExp])[] = [
      ['TAG', /--env TAG has no value/],
      ['=x', /--env is NAME=VALUE/],
      ['hunter2', /--env hunter2 has no value/],
      ['A B=hunter2', /--env is NAME=VALUE/],
      ['1A=hunter2', /--env is NAME=VALUE/],
      ['TAGS=hunter2', /no Compose file of the layout takes TAGS/],
      [`TAG=${'x'.repeat(65_537)}`, /more than 65536 bytes/],
    ]
    const before = await space.read('cluster.lock')
    for (const [text, message] of cases) {
      const { exit, err } = await space.covey(['compile', '--env', text])
      assert.equal(exit, 2, text)
      assert.match(err, message)
      if (text !== 'hunter2') assert.doesNotMatch(err, /hunter2|xxxxx/)
    }
    const twice = await space.covey(['compile', '--env', 'TAG=1', '--env', 'TAG=2'])
    assert.match(twice.err, /--env TAG is given twice/)
    assert.equal(await space.read('cluster.lock'), before)
    const plan = await space.covey(['plan', 'config.json', '--env', 'TAG=1'])
    assert.equal(plan.exit, 2)
    assert.match(plan.err, /config\.json is compiled already, and takes no --env/)
  })

  it('goes when nothing takes it and the lock is pruned', async (context) => {
    const space = await openShop(context, '')
    await space.must('compile', '--env', 'TAG=3')
    await space.write('shop/compose.yaml', `services:\n  web:\n    image: "box:1@${digest}"\n`)
    await space.must('compile')
    assert.match(await space.read('cluster.lock'), /variable\.shop\.TAG/)
    await space.must('compile', '--prune')
    assert.doesNotMatch(await space.read('cluster.lock'), /variable/)
  })
})
