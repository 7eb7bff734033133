import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { ideaConfig } from '../idea.ts'
import { signersOf, verifiedChain } from './chain-check.ts'
import { takingAgent } from './taking-agent.ts'
import { openTwoOperators } from './two-operators.ts'
import { fakeAgent, payloadOf } from './workspace.ts'

describe('two of two operators', () => {
  it('sign a root with one another, and both folders take it when it is whole', async (context) => {
    const { alice, bobDir } = await openTwoOperators(context, 2)
    for (const dir of [alice.dir, bobDir]) {
      const names = ['roots/1.json', 'roots/2.json', 'roots/3.json']
      const texts = await Promise.all(names.map((name) => readFile(join(dir, name), 'utf8')))
      const chain = verifiedChain(texts.map((text) => JSON.parse(text)))
      const { config } = JSON.parse(await readFile(join(dir, 'rotations/3.json'), 'utf8'))
      assert.equal(signersOf('config', config, chain[2]?.root.config).length, 2)
      assert.deepEqual((await readdir(join(dir, 'history'))).sort(), ['2.1.json', '3.1.json'])
    }
  })

  it('sign a config by files; it counts only with both signatures', async (context) => {
    const { alice, bob, asBob, bobDir } = await openTwoOperators(context, 2)
    await alice.write('c.json', ideaConfig)
    const half = JSON.parse(await alice.must('sign', 'c.json', '-o', 'half.json', '--json'))
    assert.deepEqual([half.missing, half.head.version], [1, 2])
    assert.equal((await readdir(alice.path('history'))).length, 2)
    assert.equal((await alice.covey(['validate', 'half.json'])).exit, 4)
    const again = await alice.covey(['sign', '--add', 'half.json'])
    assert.equal(again.exit, 4)
    assert.match(again.err, /your keys have already signed it/)
    const next = await alice.covey(['sign', 'c.json', '-o', 'other.json'])
    assert.equal(next.exit, 4)
    assert.match(next.err, /3\.2\.json still waits.*\nhint: .*--add.*--allow-gap/)
    const both = JSON.parse(await bob('sign', '--add', 'half.json', '-o', 'both.json', '--json'))
    assert.equal(both.missing, 0)
    assert.ok((await readdir(join(bobDir, 'history'))).includes('3.2.json'))
    await alice.must('sign', '--add', 'both.json', '-o', 'both.json')
    assert.deepEqual(await alice.read('history/3.2.json'), await alice.read('both.json'))
    await alice.must('validate', 'both.json')
    const { history } = JSON.parse(await alice.must('history', '--json'))
    assert.deepEqual(history[0].signed_by.sort(), ['bob', 'operator'])
    await alice.must('sign', 'c.json', '-o', 'third.json')
    assert.equal((await asBob('sign', '--add', 'both.json')).exit, 0)
  })

  it('are never led into signing one version twice', async (context) => {
    const { alice, asBob, bob } = await openTwoOperators(context, 2)
    await alice.write('c.json', ideaConfig)
    await alice.must('sign', 'c.json', '-o', 'a.json')
    await bob('sign', 'c.json', '-o', 'b.json')
    await alice.write('d.json', { hosts: { cloud02: {} } })
    const refused = await asBob('sign', '--add', 'a.json')
    // The same hosts at the same second are the same payload, which is no fork.
    assert.equal(refused.exit, 0, refused.err)
    await alice.must('sign', 'c.json', '--allow-gap', '-o', 'c3.json')
    await bob('sign', 'd.json', '--allow-gap', '-o', 'd3.json')
    const fork = await asBob('sign', '--add', 'c3.json', '--json')
    assert.equal(fork.exit, 4)
    assert.equal(JSON.parse(fork.out).error.code, 'fork')
  })

  it('sign and do not send, so apply without --offline takes no version', async (context) => {
    const { alice, bob } = await openTwoOperators(context, 2)
    await fakeAgent(context, alice, takingAgent().routes)
    await alice.write('c.json', ideaConfig)
    await alice.must('sign', 'c.json', '-o', 'x.json')
    await bob('sign', '--add', 'x.json', '-o', 'x.json')
    await alice.must('sign', '--add', 'x.json', '-o', 'x.json')
    const online = await alice.covey(['apply', '--yes', '--json'])
    assert.equal(online.exit, 1)
    assert.equal(JSON.parse(online.out).error.code, 'key-missing')
    assert.match(online.err, /hint: .*--offline.*sign --add/)
    assert.deepEqual(await readdir(alice.path('unfinished')), ['3.2.json'])
    await alice.must('apply', '--offline', '-o', 'y.json')
    await bob('sign', '--add', 'y.json', '-o', 'y.json')
    await alice.must('validate', 'y.json')
  })

  it('do not sign a root whose config leaves theirs out, unless they mean it', async (context) => {
    const { alice, asBob, bobDir } = await openTwoOperators(context, 2)
    await alice.write('c.json', ideaConfig)
    await alice.must('sign', 'c.json', '-o', 'x.json')
    const both = ['--dir', bobDir, '--key-dir', `${alice.dir}/../bob-keys`]
    await alice.must('sign', '--add', 'x.json', '-o', 'x.json', ...both)
    await alice.must('root', 'rotate', '-o', 'r.json')
    const refused = await asBob('root', 'sign', 'r.json', '--json')
    assert.equal(refused.exit, 4, refused.err)
    assert.equal(JSON.parse(refused.out).error.code, 'lost-branch')
    const forced = await asBob('root', 'sign', 'r.json', '--force', '-o', 'r.json')
    assert.equal(forced.exit, 0)
    assert.match(forced.err, /warning: its config leaves out version 2/)
    await alice.must('root', 'sign', 'r.json', '-o', 'r.json')
    const { history } = JSON.parse((await asBob('history', '--json')).out)
    const standings = history.map((row: Record<string, unknown>) => [row['epoch'], row['standing']])
    assert.deepEqual(standings.slice(0, 3), [
      [4, 'newest'],
      [3, 'lost'],
      [3, 'followed'],
    ])
    assert.match((await asBob('history')).out, /covey sign history\/3\.2\.json\n$/)
  })

  it('join no second root with one number', async (context) => {
    const { alice, asBob, bob } = await openTwoOperators(context, 2)
    await alice.must('root', 'rotate', '-o', 'a.json')
    const twice = await alice.covey(['root', 'rotate', '-o', 'a2.json'])
    assert.equal(twice.exit, 4)
    assert.match(twice.err, /root 4 already exists.*\nhint: .*--abandon/)
    await bob('root', 'rotate', '--threshold-config', '1', '-o', 'b.json')
    const other = await asBob('root', 'sign', 'a.json', '--json')
    assert.equal(other.exit, 4)
    assert.equal(JSON.parse(other.out).error.code, 'rotation-other')
    await bob('root', 'sign', 'a.json', '--abandon', '-o', 'ab.json')
    await alice.must('sign', '--add', 'ab.json', '-o', 'ab.json')
    for (const show of [await alice.must('root', 'show'), await bob('root', 'show')]) {
      assert.match(show, /^home: root 4, /)
      assert.match(show, /configs: 2 of 2 must sign; root documents: 2 of 3/)
    }
  })

  it('see what they sign, and refuse other hosts', async (context) => {
    const { alice, asBob } = await openTwoOperators(context, 2)
    await alice.write('c.json', { hosts: { cloud02: {} } })
    await alice.must('root', 'rotate', '--threshold-config', '1', '-o', 'a.json')
    const seen = await asBob('root', 'sign', 'a.json', '-o', 'ab.json')
    assert.match(seen.err, /1 keys? must sign configs, before 2/)
    const waiting = JSON.parse(await alice.must('root', 'show', '--json')).waiting
    assert.match(waiting.needs, /1 more of the root keys of root 3 \(.*bob\)/)
    const tampered = JSON.parse(await alice.read('a.json'))
    const payload = payloadOf(JSON.stringify(tampered.config))
    const changed = JSON.stringify({ ...payload, hosts: { eve: {} } })
    tampered.config.payload = Buffer.from(changed).toString('base64url')
    await alice.write('evil.json', tampered)
    const evil = await asBob('root', 'sign', 'evil.json')
    assert.equal(evil.exit, 4)
    assert.match(evil.err, /signature/)
  })
})

describe('covey sign of a signed config', () => {
  it('signs its hosts again, also where its root is no longer the newest', async (context) => {
    const { alice } = await openTwoOperators(context, 1)
    await alice.write('c.json', { ...ideaConfig, x_new: 1 })
    await alice.must('sign', 'c.json', '-o', 'lost.json')
    await alice.must('root', 'rotate', '-o', 'r3.json')
    const { payload, signatures } = JSON.parse(await alice.read('lost.json'))
    const [first] = signatures
    await alice.write('lost.jwt', `${first.protected}.${payload}.${first.signature}\n`)
    for (const file of ['lost.json', 'lost.jwt']) {
      await alice.must('sign', file, '-o', 'again.json')
      const claims = payloadOf(await alice.read('again.json'))
      assert.deepEqual(
        [claims['epoch'], claims['hosts'], claims['x_new']],
        [3, ideaConfig.hosts, 1],
      )
    }
    const forged = { payload, signatures: [{ ...first, signature: 'A'.repeat(86) }] }
    await alice.write('forged.json', forged)
    const outcome = await alice.covey(['sign', 'forged.json'])
    assert.equal(outcome.exit, 4)
    assert.match(outcome.err, /signatures\.\d: the signature by key .* does not match/)
  })
})

describe('a fork of the roots', () => {
  it('is settled by whoever holds enough keys of both sides', async (context) => {
    const { alice, bob, bobDir } = await openTwoOperators(context, 1)
    await alice.must('root', 'rotate', '-o', 'a3.json')
    await bob('root', 'rotate', '--replace-own-key', '-o', 'b3.json')
    const wrong = await alice.covey(['root', 'rotate', '--settle', 'a3.json'])
    assert.equal(wrong.exit, 4)
    assert.match(wrong.err, /there is no fork/)
    await alice.must('root', 'rotate', '--settle', join(bobDir, 'roots/3.json'), '-o', 'r4.json')
    const { roots } = JSON.parse(await alice.read('r4.json'))
    const texts = [alice.path('roots/3.json'), join(bobDir, 'roots/3.json')]
    const sides = await Promise.all(
      texts.map(async (path) => JSON.parse(await readFile(path, 'utf8'))),
    )
    assert.deepEqual(roots.slice(0, 2), sides)
    const first = [await alice.read('roots/1.json'), await alice.read('roots/2.json')]
    const before = first.map((text) => JSON.parse(text))
    const chains = sides.map((side) => verifiedChain([...before, side]))
    const settled = JSON.parse(Buffer.from(roots[2].payload, 'base64url').toString())
    assert.deepEqual(
      settled.previous,
      chains.map((chain) => chain[2]?.digest),
    )
    for (const chain of chains)
      assert.ok(signersOf('root', roots[2], chain[2]?.root.root).length >= 1)
    for (const who of [alice.must, bob]) {
      if (who === bob) await bob('root', 'sign', 'r4.json', '-o', 'taken.json')
      const { epoch, roots: rows } = JSON.parse(await who('root', 'show', '--json'))
      assert.equal(epoch, 4)
      assert.equal(rows[3].previous.length, 2)
    }
    await alice.write('c.json', ideaConfig)
    await alice.must('sign', 'c.json', '-o', 's.json')
    await alice.must('bundle', '--host', 'cloud01', '-o', 'bundle.json')
    assert.equal(JSON.parse(await alice.read('bundle.json')).roots.length, 5)
  })

  it('is not crossed: what follows the other side is refused', async (context) => {
    const { alice, bob, bobDir } = await openTwoOperators(context, 1)
    await alice.must('root', 'rotate', '-o', 'a3.json')
    await bob('root', 'rotate', '--replace-own-key', '-o', 'b3.json')
    await bob('root', 'rotate', '-o', 'b4.json')
    for (const argv of [
      ['root', 'sign', 'b4.json'],
      ['validate', 'b4.json'],
    ]) {
      const outcome = await alice.covey(argv)
      assert.equal(outcome.exit, 4)
      assert.match(outcome.err, /follows another root 3 than the one held/)
    }
    const other = await readFile(join(bobDir, 'roots/4.json'), 'utf8')
    for (const text of [other, await alice.read('roots/2.json'), other.replace('"A', '"B')]) {
      await alice.write('roots/4.json', text)
      const outcome = await alice.covey(['root', 'show', '--json'])
      assert.equal(outcome.exit, 1)
      assert.equal(JSON.parse(outcome.out).error.code, 'roots-damaged')
    }
  })

  it('is left alone where the keys do not suffice', async (context) => {
    const { alice, bob, bobDir } = await openTwoOperators(context, 1)
    await bob('operator', 'remove', 'operator', '-o', 'b3.json')
    await alice.must('root', 'rotate', '-o', 'a3.json')
    const rival = join(bobDir, 'roots/3.json')
    const outcome = await alice.covey(['root', 'rotate', '--settle', rival, '--json'])
    assert.equal(outcome.exit, 4)
    assert.equal(JSON.parse(outcome.out).error.code, 'too-few-keys')
    assert.match(outcome.err, /1 more of the root keys of root 3 \(recovery, bob\)/)
    assert.equal((await readdir(alice.path('rotations'))).includes('4.json'), false)
  })
})
