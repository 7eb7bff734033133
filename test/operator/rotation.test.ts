import assert from 'node:assert/strict'
import { readdir, rename, rm } from 'node:fs/promises'
import { describe, it } from 'node:test'
import { ideaConfig } from '../idea.ts'
import { signersOf, verifiedChain } from './chain-check.ts'
import { takingAgent } from './taking-agent.ts'
import { fakeAgent, openCluster, payloadOf } from './workspace.ts'

const base = { hosts: { cloud01: { ...ideaConfig.hosts['cloud01'] } } }

describe('covey root rotate', () => {
  it('makes root 2 and version 1 under it, as node:crypto verifies', async (context) => {
    const space = await openCluster(context)
    await space.write('c.json', { ...base, x_new: [1] })
    for (const _ of [1, 2, 3]) await space.must('sign', 'c.json', '-o', 's.json')
    const out = await space.must('root', 'rotate', '-o', 'root.json')
    assert.match(out, /^root\.json: root 2 of home, with version 1 under it\nnext: covey inject/)
    const delivery = JSON.parse(await space.read('root.json'))
    assert.deepEqual(Object.keys(delivery), ['roots', 'config'])
    assert.equal(delivery.roots.length, 1)
    assert.deepEqual(JSON.parse(await space.read('roots/2.json')), delivery.roots[0])
    assert.deepEqual(JSON.parse(await space.read('history/2.1.json')), delivery.config)
    assert.deepEqual(JSON.parse(await space.read('rotations/2.json')), delivery)
    const chain = verifiedChain([JSON.parse(await space.read('roots/1.json')), ...delivery.roots])
    assert.equal(chain.length, 2)
    const claims = payloadOf(JSON.stringify(delivery.config))
    assert.equal(claims['aud'], chain[0]?.digest)
    assert.deepEqual([claims['epoch'], claims['version']], [2, 1])
    const ancestors = claims['ancestors'] as [number, number, string][]
    assert.deepEqual(
      ancestors.map(([epoch, version]) => [epoch, version]),
      [
        [1, 3],
        [1, 2],
        [1, 1],
      ],
    )
    assert.deepEqual([claims['hosts'], claims['x_new']], [base.hosts, [1]])
    assert.equal(signersOf('config', delivery.config, chain[1]?.root.config).length, 1)
  })

  it('leaves a folder in which every command works in the new epoch', async (context) => {
    const space = await openCluster(context)
    await space.write('c.json', base)
    await space.must('sign', 'c.json', '-o', 's.json')
    await space.must('root', 'rotate', '-o', 'root.json')
    await space.must('sign', 'c.json', '-o', 's.json')
    const claims = payloadOf(await space.read('s.json'))
    assert.deepEqual([claims['epoch'], claims['version']], [2, 2])
    assert.equal((claims['ancestors'] as unknown[]).length, 2)
    await space.must('bundle', '--host', 'cloud01', '-o', 'b.json')
    const bundle = JSON.parse(await space.read('b.json'))
    assert.deepEqual([bundle.floor.epoch, bundle.floor.version], [2, 2])
    assert.equal(verifiedChain(bundle.roots).length, 2)
    const { history, epochs } = JSON.parse(await space.must('history', '--json'))
    assert.deepEqual(
      history.map((row: Record<string, unknown>) => [
        row['epoch'],
        row['version'],
        row['standing'],
      ]),
      [
        [2, 2, 'newest'],
        [2, 1, 'followed'],
        [1, 1, 'followed'],
      ],
    )
    assert.equal(epochs.length, 2)
    for (const file of ['root.json', 's.json', 'roots/2.json']) await space.must('validate', file)
    await space.must('apply', '--offline', '-o', 'applied.json')
    await space.must('root', 'rotate', '-o', 'root3.json')
    assert.equal(payloadOf(await space.read('roots/3.json'))['epoch'], 3)
  })

  it('keeps 16 ancestors across epochs', async (context) => {
    const space = await openCluster(context)
    await space.write('c.json', base)
    for (let version = 1; version <= 18; version++) await space.must('sign', 'c.json', '-o', 's')
    await space.must('root', 'rotate', '-o', 'root.json')
    await space.must('sign', 'c.json', '-o', 's')
    const places = (payloadOf(await space.read('s'))['ancestors'] as number[][]).map((one) => [
      one[0],
      one[1],
    ])
    assert.equal(places.length, 16)
    assert.deepEqual(
      [places[0], places[1], places[15]],
      [
        [2, 1],
        [1, 18],
        [1, 4],
      ],
    )
  })

  it('rotates a cluster without any config, and prints where there is no -o', async (context) => {
    const space = await openCluster(context)
    const outcome = await space.covey(['root', 'rotate', '--json'])
    const { delivery, missing, epoch } = JSON.parse(outcome.out)
    assert.deepEqual([epoch, missing], [2, []])
    assert.deepEqual(payloadOf(JSON.stringify(delivery.config))['hosts'], {})
  })

  it('finishes what a crash broke off, whoever comes next', async (context) => {
    const space = await openCluster(context)
    await space.write('c.json', base)
    await space.must('sign', 'c.json', '-o', 's.json')
    await space.must('root', 'rotate', '-o', 'root.json')
    const lost: readonly (readonly string[])[] = [
      ['roots/2.json', 'history/2.1.json'],
      ['history/2.1.json'],
      [],
    ]
    for (const files of lost) {
      for (const file of files) await rm(space.path(file))
      const { epoch } = JSON.parse(await space.must('root', 'show', '--json'))
      assert.equal(epoch, 2)
      const delivery = JSON.parse(await space.read('root.json'))
      assert.deepEqual(JSON.parse(await space.read('roots/2.json')), delivery.roots[0])
      assert.deepEqual(JSON.parse(await space.read('history/2.1.json')), delivery.config)
    }
  })

  it('replaces a lost operator key with the recovery key', async (context) => {
    const space = await openCluster(context)
    await space.write('c.json', base)
    await space.must('sign', 'c.json', '-o', 's.json')
    await rename(`${space.keyDir}/home.recovery.jwk.json`, space.path('recovery.jwk.json'))
    await rm(`${space.keyDir}/home.operator.jwk.json`)
    assert.equal((await space.covey(['root', 'rotate', '--replace-own-key'])).exit, 4)
    assert.deepEqual(await readdir(space.keyDir), [])
    const key = ['--key', 'recovery.jwk.json']
    assert.equal((await space.covey(['root', 'rotate', ...key])).exit, 4)
    await space.must('root', 'rotate', ...key, '--replace-own-key', '-o', 'root.json')
    const roots = [await space.read('roots/1.json'), await space.read('roots/2.json')]
    const [first, second] = verifiedChain(roots.map((text) => JSON.parse(text)))
    const operator = (keys: Record<string, { name: string }> = {}): string | undefined =>
      Object.entries(keys).find(([, { name }]) => name === 'operator')?.[0]
    assert.notEqual(operator(second?.root.config.keys), operator(first?.root.config.keys))
    assert.equal(operator(second?.root.root.keys), operator(second?.root.config.keys))
    assert.equal(Object.keys(second?.root.root.keys ?? {}).length, 2)
    await space.must('sign', 'c.json', '-o', 's.json')
    await space.must('key', 'check-recovery', 'recovery.jwk.json')
  })

  it('says of an older delivery which root it brings', async (context) => {
    const space = await openCluster(context)
    for (const _ of [1, 2]) await space.must('root', 'rotate', '--threshold-config', '1')
    const first = 'rotations/2.json'
    assert.match(await space.must('validate', first), /root 2, version 1 under it/)
    const signed = JSON.parse(await space.must('root', 'sign', first, '-o', 'r.json', '--json'))
    assert.equal(signed.epoch, 2)
    assert.equal(signed.head.epoch, 2)
    assert.match(signed.kept, /rotations\/2\.json$/)
    const { previous } = payloadOf(await space.read('roots/3.json'))
    assert.equal(signed.digest, previous)
  })

  it('makes no key for a rotation that is refused', async (context) => {
    const space = await openCluster(context)
    await rm(`${space.keyDir}/home.recovery.jwk.json`)
    await space.must('root', 'rotate', '--threshold-root', '2', '-o', 'root.json')
    const before = await readdir(space.keyDir)
    const { exit, err } = await space.covey(['root', 'rotate', '--replace-own-key'])
    assert.equal(exit, 4, err)
    assert.deepEqual(await readdir(space.keyDir), before)
  })

  it('takes no key from a file without an end', { timeout: 20_000 }, async (context) => {
    const space = await openCluster(context)
    const { exit, err } = await space.covey(['root', 'rotate', '--key', '/dev/zero'])
    assert.equal(exit, 2)
    assert.match(err, /\/dev\/zero: too large for a key/)
  })

  it('replaces a key that is there, and then the old one signs nothing here', async (context) => {
    const space = await openCluster(context)
    await space.write('c.json', base)
    await space.must('root', 'rotate', '--replace-own-key', '-o', 'root.json')
    const { keys } = JSON.parse(await space.must('key', 'list', '--json'))
    const roles = Object.fromEntries(
      keys.map((key: { name: string; roles: string[] }) => [key.name, key.roles.length]),
    )
    assert.equal(roles['home.operator'], 0)
    assert.deepEqual(Object.values(roles).sort(), [0, 1, 2])
    await space.must('sign', 'c.json', '-o', 's.json')
    const used = JSON.parse(await space.read('s.json')).signatures[0].protected
    const old = JSON.parse(await space.read('../keys/home.operator.jwk.json')).kid
    assert.notEqual(JSON.parse(Buffer.from(used, 'base64url').toString()).kid, old)
    const { roots } = JSON.parse(await space.must('root', 'show', '--json'))
    // The recovery key is still in the folder, and could have signed for both roots alone.
    assert.deepEqual(roots[1].signed_by, ['operator'])
    assert.equal(JSON.parse(await space.read('roots/2.json')).signatures.length, 2)
  })

  it('refuses what would leave nobody here who signs', async (context) => {
    const space = await openCluster(context)
    await space.must('key', 'new', 'bob')
    await space.write('bob.json', await space.must('key', 'show', 'bob'))
    await rename(`${space.keyDir}/bob.jwk.json`, space.path('bob.jwk.json'))
    await space.must('operator', 'add', 'bob', '--key', 'bob.json', '-o', 'r2.json')
    const leaving = await space.covey(['operator', 'remove', 'operator', '--json'])
    assert.equal(leaving.exit, 4)
    assert.equal(JSON.parse(leaving.out).error.code, 'locks-out')
    await rename(`${space.keyDir}/home.recovery.jwk.json`, space.path('recovery.jwk.json'))
    const noRoot = ['operator', 'remove', 'operator', '--role', 'root']
    assert.equal((await space.covey(noRoot)).exit, 4)
    assert.deepEqual((await readdir(space.path('roots'))).sort(), ['1.json', '2.json'])
    const forced = await space.covey([...noRoot, '--force', '-o', 'r3.json'])
    assert.equal(forced.exit, 0, forced.err)
    assert.match(
      forced.out,
      /not in force yet: it needs 1 more of the root keys of root 3 \(recovery, bob\)/,
    )
    await space.must('root', 'sign', 'r3.json', '--key', 'bob.jwk.json', '-o', 'r3.json')
    assert.equal(JSON.parse(await space.must('root', 'show', '--json')).epoch, 3)
  })

  const wrong: readonly (readonly [argv: string, exit: number, says: RegExp])[] = [
    ['root rotate --threshold-root 0', 2, /a threshold must be 1 to 32/],
    ['root rotate --threshold-root 3', 2, /root\.threshold: must be 1 .*\nhint: .*--threshold/],
    ['root rotate --replace-own-key --replace eve', 2, /whose key is "eve": operator, recovery/],
    ['operator add bob', 2, /missing the key/],
    ['operator add Bob --key pub.json', 2, /cannot name/],
    ['operator add bob --key ../keys/home.recovery.jwk.json', 2, /private key, which must stay/],
    ['operator add recovery --key pub.json', 2, /the name of another key/],
    ['operator add operator --key pub.json', 4, /already/],
    ['operator add bob --key pub.json --role king', 2, /config, root or both/],
    ['operator add bob --key small.json', 2, /every message verifies/],
    ['operator remove eve', 2, /operator, recovery/],
    ['root rotate --settle roots/1.json', 4, /holds no root 1|no fork/],
    ['root rotate -o nowhere/f.json', 1, /cannot write/],
    ['root sign roots/1.json', 2, /is no|alone|typ/],
  ]
  for (const [argv, exit, says] of wrong) {
    it(`covey ${argv}: exit code ${exit}, and nothing is recorded`, async (context) => {
      const space = await openCluster(context)
      await space.write('pub.json', await space.must('key', 'show', 'home.operator'))
      await space.write('small.json', { kty: 'OKP', crv: 'Ed25519', x: 'A'.repeat(43) })
      const outcome = await space.covey(argv.split(' '))
      assert.equal(outcome.exit, exit, outcome.err)
      assert.match(outcome.err, says)
      assert.deepEqual(await readdir(space.path('roots')), ['1.json'])
      assert.deepEqual(await readdir(space.path('history')), [])
      assert.equal((await readdir(space.dir)).includes('rotations'), false)
    })
  }
})

describe('what comes after a rotation', () => {
  it('inject hands the delivery over as it is', async (context) => {
    const space = await openCluster(context)
    await space.must('root', 'rotate', '-o', 'root.json')
    const head = { epoch: 2, version: 1, digest: `sha256:${'a'.repeat(64)}` }
    const body = { verdict: 'accepted', code: 'accepted', message: 'm', head }
    const agent = await fakeAgent(context, space, {
      'POST /v1/config': () => ({ status: 200, body }),
    })
    assert.deepEqual(JSON.parse(await space.must('inject', 'root.json', '--json')), body)
    assert.equal(agent.asked[0]?.body, await space.read('root.json'))
    await space.write('broken.json', (await space.read('root.json')).replace('"signatures"', '"s"'))
    const broken = await space.covey(['inject', 'broken.json'])
    assert.equal(broken.exit, 2)
    assert.match(broken.err, /^broken\.json:1:\d+: roots\.0: a signed document has exactly/)
  })

  it('apply brings the roots to a node of the epoch before', async (context) => {
    const space = await openCluster(context)
    await space.must('apply', '--offline', '-o', 'old.json')
    await space.must('root', 'rotate', '-o', 'root.json')
    const old = await space.read('old.json')
    const head = { epoch: 2, version: 1, digest: `sha256:${'a'.repeat(64)}` }
    const agent = await fakeAgent(context, space, {
      ...takingAgent({ held: old }).routes,
      'POST /v1/config': () => ({
        status: 200,
        body: { verdict: 'accepted', code: 'accepted', message: 'm', head },
      }),
    })
    await space.must('apply', '--yes', '--no-wait')
    const sent = JSON.parse(agent.asked.at(-1)?.body ?? '')
    assert.deepEqual(sent, JSON.parse(await space.read('root.json')))
  })
})
