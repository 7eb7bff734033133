import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { addHost, makeCard, openCluster } from './workspace.ts'

const cards: readonly (readonly [string, object | string, number, string])[] = [
  ['no JSON', 'hello', 2, 'not-json'],
  ['no card', { host: 'a' }, 2, 'card-file'],
  ['another peer id beside it', { ...(await makeCard('a')), peer_id: 'x' }, 4, 'card-mismatch'],
  ['another host beside it', { ...(await makeCard('a')), host: 'b' }, 4, 'card-mismatch'],
  ['no JWS', { ...(await makeCard('a')), card: 'a.b' }, 4, 'card-shape'],
  [
    'a signature of another',
    {
      ...(await makeCard('a')),
      card: `${(await makeCard('a')).card.slice(0, -86)}${'A'.repeat(86)}`,
    },
    4,
    'card-signature',
  ],
  [
    'another type',
    await makeCard('a', 'a', { header: { alg: 'Ed25519', typ: 'covey-config+jwt' } }),
    4,
    'card-header',
  ],
  ['one more claim', await makeCard('a', 'a', { claims: { admin: true } }), 4, 'card-payload'],
  ['a bad name', await makeCard('A B'), 4, 'card-host'],
  [
    'a peer id of nobody',
    await makeCard('a', 'a', { claims: { peer_id: 'x' } }),
    4,
    'card-peer-id',
  ],
  [
    'a short key',
    await makeCard('a', 'a', { claims: { wireguard_public_key: 'AAAA' } }),
    4,
    'card-key',
  ],
]

describe('covey host', () => {
  it('adds hosts in a row, with the next free address, keeping comments', async (context) => {
    const space = await openCluster(context)
    await addHost(space, 'cloud01', '203.0.113.7:51820')
    await addHost(space, 'local01')
    const layout = await space.read('cluster.yaml')
    assert.match(layout, /^hosts:\n {2}cloud01: .*203\.0\.113\.7:51820.*\n {2}local01: \{\}\n$/m)
    assert.match(layout, /^# The layout of a covey cluster/)
    const lock = (await space.read('cluster.lock')).split('\n')
    assert.deepEqual(
      lock.slice(1, -1).map((line) => line.split(' ')[0]),
      ['host.cloud01.address', 'host.cloud01.card', 'host.local01.address', 'host.local01.card'],
    )
    assert.ok(lock.includes('host.local01.address 10.69.0.2'))
    const { hosts } = JSON.parse(await space.must('host', 'list', '--json'))
    assert.deepEqual(
      hosts.map((host: { host: string; address: string }) => [host.host, host.address]),
      [
        ['cloud01', '10.69.0.1'],
        ['local01', '10.69.0.2'],
      ],
    )
  })

  it('changes nothing when the same card comes again', async (context) => {
    const space = await openCluster(context)
    await addHost(space, 'cloud01', 'a.example:51820')
    const before = [await space.read('cluster.yaml'), await space.read('cluster.lock')]
    await addHost(space, 'cloud01', 'a.example:51820')
    assert.deepEqual([await space.read('cluster.yaml'), await space.read('cluster.lock')], before)
    await addHost(space, 'cloud01', 'b.example:51821')
    assert.match(await space.read('cluster.yaml'), /endpoint: "?b\.example:51821"?/)
  })

  it('takes other keys of a known host only with --replace', async (context) => {
    const space = await openCluster(context)
    await addHost(space, 'cloud01')
    await space.write('new.json', await makeCard('cloud01', 'set up anew'))
    const refused = await space.covey(['host', 'add', '--card', 'new.json', '--json'])
    assert.equal(refused.exit, 4)
    assert.equal(JSON.parse(refused.out).error.code, 'card-changed')
    await space.must('host', 'add', '--card', 'new.json', '--replace')
    const { hosts } = JSON.parse(await space.must('host', 'list', '--json'))
    assert.equal(hosts[0].address, '10.69.0.1')
    assert.equal(hosts[0].peer_id, (await makeCard('cloud01', 'set up anew')).peer_id)
  })

  it('mends a damaged card of the lock with the card itself', async (context) => {
    const space = await openCluster(context)
    await addHost(space, 'local01')
    const whole = await space.read('cluster.lock')
    await space.write('cluster.lock', whole.replace(/(card \S{40})\S+/, '$1'))
    assert.match((await space.covey(['compile'])).err, /its card in the lock is not valid/)
    await space.must('host', 'add', '--card', 'local01.card.json')
    assert.equal(await space.read('cluster.lock'), whole)
  })

  it('sends nobody in a circle from an empty lock', async (context) => {
    const space = await openCluster(context)
    await addHost(space, 'local01')
    await space.write('cluster.lock', '\n')
    const { exit, err } = await space.covey(['host', 'add', '--card', 'local01.card.json'])
    assert.equal(exit, 2)
    assert.match(err, /cluster\.lock is empty\nhint: take it from version control; or remove it/)
  })

  it('removes a host, whose address is free again', async (context) => {
    const space = await openCluster(context)
    for (const host of ['a', 'b']) await addHost(space, host)
    await space.must('host', 'remove', 'a')
    assert.doesNotMatch(await space.read('cluster.lock'), /host\.a\./)
    await addHost(space, 'c')
    assert.match(await space.read('cluster.lock'), /host\.c\.address 10\.69\.0\.1\n/)
    const missing = await space.covey(['host', 'remove', 'a'])
    assert.equal(missing.exit, 2)
    assert.match(missing.err, /there is no host a.*\nhint: its hosts: b, c\n/)
  })

  it('takes hosts that are added at once', async (context) => {
    const space = await openCluster(context)
    const names = ['a', 'b', 'c', 'd', 'e']
    await Promise.all(names.map((name) => addHost(space, name)))
    const { hosts } = JSON.parse(await space.must('host', 'list', '--json'))
    const addresses = hosts.map((host: { address: string }) => host.address)
    assert.equal(new Set(addresses).size, names.length)
  })

  it('keeps facts of the lock that it does not know', async (context) => {
    const space = await openCluster(context)
    await space.write('cluster.lock', 'image.nginx:1.27 sha256:abc\n')
    await addHost(space, 'a')
    assert.match(await space.read('cluster.lock'), /^image\.nginx:1\.27 sha256:abc$/m)
  })

  for (const [name, card, exit, code] of cards) {
    it(`refuses a card with ${name}`, async (context) => {
      const space = await openCluster(context)
      await space.write('c.json', card)
      const outcome = await space.covey(['host', 'add', '--card', 'c.json', '--json'])
      assert.equal(JSON.parse(outcome.out).error.code, code, outcome.err)
      assert.equal(outcome.exit, exit)
      assert.match(await space.read('cluster.yaml'), /^hosts: \{\}$/m)
    })
  }

  const usages: readonly (readonly [argv: readonly string[], exit: number, says: RegExp])[] = [
    [['host', 'add', 'a'], 2, /the card .* is missing/],
    [['host', 'add', 'a', 'root@192.0.2.1'], 2, /cannot install hosts over ssh yet/],
    [['host', 'add', 'b', '--card', 'a.json'], 4, /belongs to a, not to b/],
    [['host', 'add', '--card', 'a.json', '--endpoint', '192.0.2.1'], 2, /the port is missing/],
    [['host', 'add', '--card', 'a.json', '--endpoint', ':1'], 2, /must be HOST:PORT/],
    [['host', 'add', '--card', 'a.json', '--site', 'A'], 2, /not a name/],
    [['host', 'add', '--card', 'twin.json'], 4, /a already has these keys/],
  ]
  for (const [argv, exit, says] of usages) {
    it(`refuses ${argv.join(' ')}`, async (context) => {
      const space = await openCluster(context)
      await space.write('a.json', await makeCard('a'))
      await space.write('twin.json', await makeCard('b', 'a'))
      await space.must('host', 'add', '--card', 'a.json')
      const outcome = await space.covey(argv)
      assert.equal(outcome.exit, exit, outcome.err)
      assert.match(outcome.err, says)
    })
  }

  it('says when the network is full', async (context) => {
    const space = await openCluster(context)
    await space.write('cluster.yaml', 'cluster: home\nnetwork: 10.1.0.0/23\nhosts: {}\n')
    await addHost(space, 'a')
    await space.write('b.json', await makeCard('b'))
    const outcome = await space.covey(['host', 'add', '--card', 'b.json'])
    assert.equal(outcome.exit, 4)
    assert.match(outcome.err, /10\.1\.0\.0\/23 has no address left/)
  })

  it('says in one line that a file is no card', async (context) => {
    const space = await openCluster(context)
    for (const file of ['cluster.yaml', 'short']) {
      await space.write('short', 'x')
      const outcome = await space.covey(['host', 'add', '--card', file])
      assert.equal(outcome.exit, 2)
      assert.equal(
        outcome.err,
        `covey: host add: ${file} is not a card: a card is JSON\n` +
          'hint: make it on the host: covey identity --host NAME --json > FILE\n',
      )
    }
    await space.write('other.json', { host: 'a' })
    const other = await space.covey(['host', 'add', '--card', 'other.json'])
    assert.match(other.err, /^other\.json:1:1: this is not what .*\nhint: make it on the host/)
  })

  it('says that a site has no effect yet', async (context) => {
    const space = await openCluster(context)
    await space.write('a.json', await makeCard('a'))
    const outcome = await space.covey(['host', 'add', '--card', 'a.json', '--site', 'home'])
    assert.equal(outcome.exit, 0)
    const says = /warning: site is recorded for a later version and has no effect yet\n/
    assert.match(outcome.err, says)
    const compiled = await space.covey(['compile', '-o', 'c.json', '--json'])
    assert.deepEqual(JSON.parse(compiled.out).warnings, [
      'hosts.a.site: site is recorded for a later version and has no effect yet',
    ])
    for (const argv of [
      ['validate', 'cluster.yaml'],
      ['apply', '--offline'],
    ]) {
      assert.match((await space.covey(argv)).err, /warning: hosts\.a\.site: site is recorded/)
    }
  })
})
