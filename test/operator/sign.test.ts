import assert from 'node:assert/strict'
import { createHash, createPublicKey, verify } from 'node:crypto'
import { chmod, mkdir, readdir, rm } from 'node:fs/promises'
import { describe, it } from 'node:test'
import { ideaConfig } from '../idea.ts'
import { nowSeconds, openCluster, payloadOf } from './workspace.ts'

const mesh = (host: string, number: number): object => ({
  wg_network: {
    type: 'wireguard_network',
    link_name: 'wg_cluster',
    address: `10.69.0.${number}/16`,
    public_key: createHash('sha256').update(host).digest('base64'),
    endpoint: `192.0.2.${number}:51820`,
  },
  mesh: { type: 'wireguard_mesh', network: 'wg_network' },
  agent: {
    type: 'agent',
    peer_id: `12D3KooW${String(number).repeat(44)}`,
    network: 'wg_network',
  },
})
const meshed = { hosts: { cloud01: mesh('cloud01', 1), cloud02: mesh('cloud02', 2) } }

describe('covey sign', () => {
  it("signs the idea's example, as node:crypto verifies", async (context) => {
    const space = await openCluster(context)
    await space.write('config.json', ideaConfig)
    await space.must('sign', 'config.json', '--dir', '.', '-o', 'signed.json')
    const text = await space.read('signed.json')
    const { payload, signatures } = JSON.parse(text)
    assert.equal(signatures.length, 1)
    const jwk = JSON.parse(await space.read('../keys/home.operator.jwk.json'))
    const header = `{"alg":"Ed25519","typ":"covey-config+jwt","kid":"${jwk.kid}"}`
    assert.equal(Buffer.from(signatures[0].protected, 'base64url').toString(), header)
    const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: jwk.x }, format: 'jwk' })
    const input = Buffer.from(`${signatures[0].protected}.${payload}`)
    const signature = Buffer.from(signatures[0].signature, 'base64url')
    assert.ok(verify(null, input, key, signature))
    assert.ok(!verify(null, Buffer.from(`${input}x`), key, signature))
    const { cluster_id } = JSON.parse(await space.must('init', 'x', '--name', 'x', '--json'))
    const claims = payloadOf(text)
    assert.match(cluster_id, /^sha256:/)
    assert.deepEqual(
      { ...claims, aud: null },
      { aud: null, epoch: 1, version: 1, ancestors: [], iat: nowSeconds, ...ideaConfig },
    )
    const root = JSON.parse(await space.read('roots/1.json')).payload
    const id = createHash('sha256').update(Buffer.from(root, 'base64url')).digest('hex')
    assert.equal(claims['aud'], `sha256:${id}`)
  })

  it('records the history first, and makes a new version of the same hosts', async (context) => {
    const space = await openCluster(context)
    await space.write('config.json', ideaConfig)
    for (const version of [1, 2, 3]) {
      await space.must('sign', 'config.json', '-o', 'signed.json')
      assert.equal(await space.read('signed.json'), await space.read(`history/1.${version}.json`))
    }
    const [second, third] = await Promise.all(
      [2, 3].map(async (version) => payloadOf(await space.read(`history/1.${version}.json`))),
    )
    const digests = await Promise.all(
      [1, 2].map(async (version) => {
        const { payload } = JSON.parse(await space.read(`history/1.${version}.json`))
        const bytes = Buffer.from(payload, 'base64url')
        return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
      }),
    )
    assert.deepEqual(second?.['ancestors'], [[1, 1, digests[0]]])
    assert.deepEqual(third?.['ancestors'], [
      [1, 2, digests[1]],
      [1, 1, digests[0]],
    ])
  })

  it('prints the signed config where there is no -o', async (context) => {
    const space = await openCluster(context)
    const stdin = JSON.stringify(ideaConfig)
    const plain = await space.covey(['sign', '-'], { stdin })
    assert.equal(plain.out, await space.read('history/1.1.json'))
    assert.match(plain.err, /^signed version 1 /)
    const json = await space.covey(['sign', '-', '--json'], { stdin })
    const facts = JSON.parse(json.out)
    assert.deepEqual(facts.envelope, JSON.parse(await space.read('history/1.2.json')))
    assert.equal(facts.head.version, 2)
    assert.equal(json.err, '')
  })

  it('C10: keeps members of the body that it does not know', async (context) => {
    const space = await openCluster(context)
    await space.write('config.json', { x_new: { a: [1] }, ...ideaConfig })
    await space.must('sign', 'config.json', '-o', 's.json')
    assert.deepEqual(payloadOf(await space.read('s.json'))['x_new'], { a: [1] })
  })

  it('takes a byte order mark, CRLF and indentation', async (context) => {
    const space = await openCluster(context)
    const text = JSON.stringify(ideaConfig, null, 4).replace(/\n/g, '\r\n')
    await space.write('config.json', `\uFEFF${text}\r\n`)
    await space.must('sign', 'config.json', '-o', 's.json')
    assert.deepEqual(payloadOf(await space.read('s.json'))['hosts'], ideaConfig.hosts)
  })

  it('refuses a gap, unless it is meant', async (context) => {
    const space = await openCluster(context)
    await space.write('config.json', { version: 7, ...ideaConfig })
    const refused = await space.covey(['sign', 'config.json'])
    assert.equal(refused.exit, 4)
    assert.match(refused.err, /^covey: sign: version 7 leaves a gap.*\nhint: .*--allow-gap\n$/)
    await space.must('sign', 'config.json', '--allow-gap', '-o', 's.json')
    assert.equal(payloadOf(await space.read('s.json'))['version'], 7)
    const again = await space.covey(['sign', 'config.json', '--allow-gap'])
    assert.equal(again.exit, 4)
    assert.match(again.err, /version 7 is not above 7/)
  })

  it('refuses to cut a host off, unless it is meant', async (context) => {
    const space = await openCluster(context)
    await space.write('a.json', meshed)
    await space.must('sign', 'a.json', '-o', 'a.signed.json')
    await space.write('b.json', { hosts: { ...meshed.hosts, cloud02: {} } })
    const refused = await space.covey(['sign', 'b.json', '--json'])
    assert.equal(refused.exit, 4)
    assert.equal(JSON.parse(refused.out).error.code, 'isolation')
    assert.match(refused.err, /cuts off cloud01, cloud02/)
    assert.equal((await readdir(space.path('history'))).length, 1)
    await space.must('sign', 'b.json', '--allow-isolation', '-o', 'b.signed.json')
    const allowed = payloadOf(await space.read('b.signed.json'))['allow_isolation']
    assert.deepEqual(allowed, ['cloud01', 'cloud02'])
  })

  it('C9: believes a file that says itself which hosts it cuts off', async (context) => {
    const space = await openCluster(context)
    await space.write('a.json', meshed)
    await space.must('sign', 'a.json', '-o', 'a.signed.json')
    const hosts = { ...meshed.hosts, cloud02: {} }
    await space.write('b.json', { allow_isolation: ['cloud01', 'cloud02'], hosts })
    await space.must('sign', 'b.json', '-o', 'b.signed.json')
  })

  it('follows --base, and never takes a version twice', async (context) => {
    const space = await openCluster(context)
    await space.write('config.json', ideaConfig)
    for (const _ of [1, 2]) await space.must('sign', 'config.json', '-o', 's.json')
    await space.write('base.json', await space.read('history/1.2.json'))
    await rm(space.path('history/1.2.json'))
    await space.must('sign', 'config.json', '--base', 'base.json', '-o', 's.json')
    assert.equal(payloadOf(await space.read('s.json'))['version'], 3)
    await space.write('old.json', await space.read('history/1.1.json'))
    const gap = await space.covey(['sign', 'config.json', '--base', 'old.json'])
    assert.equal(gap.exit, 4)
    await space.must('sign', 'config.json', '--base', 'old.json', '--allow-gap', '-o', 's.json')
    const claims = payloadOf(await space.read('s.json'))
    assert.equal(claims['version'], 4)
    assert.equal((claims['ancestors'] as unknown[][])[0]?.[1], 1)
  })

  it('refuses a base that is not of this cluster', async (context) => {
    const space = await openCluster(context)
    await space.write('config.json', ideaConfig)
    await space.must('init', 'other', '--name', 'other')
    await space.must('sign', 'config.json', '--dir', 'other', '-o', 'other.json')
    const outcome = await space.covey(['sign', 'config.json', '--base', 'other.json'])
    assert.equal(outcome.exit, 4)
    assert.match(outcome.err, /no key of this cluster has signed it/)
  })

  it('signs one after another when asked at once', async (context) => {
    const space = await openCluster(context)
    await space.write('config.json', ideaConfig)
    const outcomes = await Promise.all(
      Array.from({ length: 8 }, () => space.covey(['sign', 'config.json', '--json'])),
    )
    const versions = outcomes.map(({ out }) => JSON.parse(out).head.version)
    assert.deepEqual(versions.sort(), [1, 2, 3, 4, 5, 6, 7, 8])
    const names = await readdir(space.path('history'))
    assert.deepEqual(names.sort(), versions.map((version) => `1.${version}.json`).sort())
  })

  it('takes no version when -o cannot be written', async (context) => {
    const space = await openCluster(context)
    await space.write('config.json', ideaConfig)
    await mkdir(space.path('folder'))
    for (const output of ['nowhere/s.json', 'folder']) {
      const outcome = await space.covey(['sign', 'config.json', '-o', output])
      assert.equal(outcome.exit, 1)
      assert.match(outcome.err, /^covey: sign: cannot write .*\nhint: .*\n$/)
    }
    assert.deepEqual(await readdir(space.path('history')), [])
    assert.deepEqual(await readdir(space.path('folder')), [])
  })

  it('refuses a damaged history instead of signing from an older one', async (context) => {
    const space = await openCluster(context)
    await space.write('config.json', ideaConfig)
    for (const _ of [1, 2]) await space.must('sign', 'config.json', '-o', 's.json')
    const text = await space.read('history/1.2.json')
    const first = await space.read('history/1.1.json')
    for (const damaged of [text.slice(0, 200), '', first, text.replace(/"payload":"../, '$&A')]) {
      await space.write('history/1.2.json', damaged)
      const outcome = await space.covey(['sign', 'config.json'])
      assert.equal(outcome.exit, 1, outcome.err)
      assert.match(outcome.err, /1\.2\.json: /)
    }
    await space.must('sign', 'config.json', '--base', 's.json', '-o', 't.json')
    assert.equal(payloadOf(await space.read('t.json'))['version'], 3)
  })

  it('says which key is missing, and warns of one that others can read', async (context) => {
    const space = await openCluster(context)
    await space.write('config.json', ideaConfig)
    const empty = await space.covey(['sign', 'config.json', '--key-dir', 'nokeys'])
    assert.equal(empty.exit, 1)
    assert.match(empty.err, /operator \(.*\) must sign.*\nhint: .*--key-dir/)
    await chmod(`${space.keyDir}/home.operator.jwk.json`, 0o644)
    const open = await space.covey(['sign', 'config.json', '-o', 's.json'])
    assert.equal(open.exit, 0)
    assert.match(open.err, /warning: others can read/)
  })

  it('does not sign with the recovery key', async (context) => {
    const space = await openCluster(context)
    await space.write('config.json', ideaConfig)
    await rm(`${space.keyDir}/home.operator.jwk.json`)
    assert.equal((await space.covey(['sign', 'config.json'])).exit, 1)
  })
})
