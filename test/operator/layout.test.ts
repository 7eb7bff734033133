import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { addHost, makeCard, openCluster, openWorkspace } from './workspace.ts'

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
    [['host', 'add', 'a', 'root@192.0.2.1'], 2, /does not install hosts over ssh yet/],
    [['host', 'add', 'b', '--card', 'a.json'], 4, /is that of a, not of b/],
    [['host', 'add', '--card', 'a.json', '--endpoint', '192.0.2.1'], 2, /the port is missing/],
    [['host', 'add', '--card', 'a.json', '--endpoint', ':1'], 2, /must be HOST:PORT/],
    [['host', 'add', '--card', 'a.json', '--site', 'A'], 2, /not a name/],
    [['host', 'add', '--card', 'twin.json'], 4, /a has these keys already/],
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
})

describe('covey compile', () => {
  it('gives the same bytes for the same layout and lock', async (context) => {
    const space = await openCluster(context)
    await addHost(space, 'cloud01', 'cloud01.example.com:51821')
    await addHost(space, 'local01')
    const text = await space.must('compile')
    const cloud01 = await makeCard('cloud01')
    const local01 = await makeCard('local01')
    assert.deepEqual(JSON.parse(text), {
      hosts: {
        cloud01: {
          wg_network: {
            type: 'wireguard_network',
            link_name: 'wg_cluster',
            address: '10.69.0.1/16',
            listen_port: 51821,
            public_key: cloud01.wireguard_public_key,
            endpoint: 'cloud01.example.com:51821',
          },
          mesh: { type: 'wireguard_mesh', network: 'wg_network' },
          agent: { type: 'agent', peer_id: cloud01.peer_id, network: 'wg_network' },
        },
        local01: {
          wg_network: {
            type: 'wireguard_network',
            link_name: 'wg_cluster',
            address: '10.69.0.2/16',
            public_key: local01.wireguard_public_key,
          },
          mesh: { type: 'wireguard_mesh', network: 'wg_network' },
          agent: { type: 'agent', peer_id: local01.peer_id, network: 'wg_network' },
        },
      },
    })
    await space.must('compile', '-f', 'cluster.yaml', '-o', 'config.json')
    assert.equal(await space.read('config.json'), text)
    const reordered = (await space.read('cluster.yaml')).replace(
      /( {2}cloud01.*\n)( {2}local01.*\n)/,
      '$2$1',
    )
    await space.write('cluster.yaml', reordered)
    assert.equal(await space.must('compile'), text)
  })

  it('lets the layout choose an address', async (context) => {
    const space = await openCluster(context)
    await addHost(space, 'a')
    await space.write('cluster.yaml', 'cluster: home\nhosts:\n  a: { address: 10.69.0.77 }\n')
    assert.match(await space.must('compile'), /"10\.69\.0\.77\/16"/)
  })

  it('warns of hosts between which there is no tunnel', async (context) => {
    const space = await openCluster(context)
    for (const host of ['a', 'b']) await addHost(space, host)
    assert.match((await space.covey(['compile'])).err, /a and b have no endpoint, and no other/)
    await addHost(space, 'c', '192.0.2.1:51820')
    assert.match((await space.covey(['compile'])).err, /a and b .* no tunnel between them, and/)
  })

  const faulty: readonly (readonly [name: string, layout: string, lines: readonly string[]])[] = [
    ['a list', '- a\n', ['l.yaml:1:1: a layout is a map']],
    [
      'services',
      'cluster: home\nservices:\n  web: { image: nginx }\n',
      ['l.yaml:2:1: services: "services" is not supported yet'],
    ],
    [
      'every key that it does not know',
      'cluster: home\nhots: {}\nhosts:\n  a: { endpont: "x:1", site: 1 }\n  b: { adress: x }\n',
      [
        'l.yaml:2:1: hots: unknown key',
        'l.yaml:4:8: hosts.a.endpont: unknown key',
        'l.yaml:4:24: hosts.a.site: must be a string',
        'l.yaml:5:8: hosts.b.adress: unknown key',
      ],
    ],
    [
      'values',
      'cluster: Home\nnetwork: 10.69.0.1/16\nhosts:\n  A: {}\n  b: { endpoint: "x" }\n',
      [
        'l.yaml:1:1: cluster: a name starts',
        'l.yaml:2:1: network: is no network: did you mean 10.69.0.0/16?',
        'l.yaml:4:3: hosts.A: a name starts',
        'l.yaml:5:8: hosts.b.endpoint: the port is missing: did you mean x:51820?',
      ],
    ],
    ['a missing name', 'hosts: {}\n', ['l.yaml:1:1: cluster: is missing']],
    [
      'a host that has no card',
      'cluster: home\nhosts:\n  a: {}\n',
      ['l.yaml:3:3: hosts.a: has no card'],
    ],
    [
      'an address twice',
      'cluster: home\nhosts:\n  x: { address: 10.69.0.9 }\n  y: { address: 10.69.0.9 }\n',
      ['l.yaml:4:3: hosts.y: has the address of x: 10.69.0.9'],
    ],
    [
      'an address that is for containers',
      'cluster: home\nhosts:\n  x: { address: 10.69.1.1 }\n',
      ['l.yaml:3:8: hosts.x.address: must be an address of the first /24'],
    ],
    ['a key twice', 'cluster: a\ncluster: b\n', ['l.yaml:2:1: this key stands twice']],
    ['a tab', 'cluster: home\nhosts:\n\ta: {}\n', ['l.yaml:3:1: tabs are not allowed']],
    ['an unknown tag', 'cluster: !reset home\n', ['l.yaml:1:10: unresolved tag']],
  ]
  for (const [name, layout, lines] of faulty) {
    it(`tells every fault of a layout with ${name}`, async (context) => {
      const space = await openCluster(context)
      for (const host of ['x', 'y']) await addHost(space, host)
      await space.write('l.yaml', layout)
      const outcome = await space.covey(['compile', '-f', 'l.yaml'])
      assert.equal(outcome.exit, 2)
      const printed = outcome.err.trimEnd().split('\n')
      for (const [index, line] of lines.entries()) {
        assert.ok(printed[index]?.startsWith(line), `${printed[index]} is not ${line}`)
      }
      assert.equal(printed.length, lines.length, outcome.err)
    })
  }

  it('finds what a merge left in the lock', async (context) => {
    const space = await openCluster(context)
    await addHost(space, 'a')
    const lock = await space.read('cluster.lock')
    await space.write('cluster.lock', `${lock}<<<<<<< HEAD\nhost.a.address 10.69.0.3\nodd\n`)
    const outcome = await space.covey(['compile'])
    assert.equal(outcome.exit, 2)
    assert.match(
      outcome.err,
      /^cluster\.lock:4:1: a merge .*\ncluster\.lock:5:1: host\.a\.address stands twice.*\ncluster\.lock:6:1: /,
    )
  })

  it('refuses a card in the lock that was changed', async (context) => {
    const space = await openCluster(context)
    await addHost(space, 'a')
    const other = (await makeCard('b')).card
    for (const [card, says] of [
      [other, /is that of b/],
      [`${other.slice(0, -86)}${'A'.repeat(86)}`, /no good: the signature is wrong/],
    ] as const) {
      await space.write('cluster.lock', `host.a.address 10.69.0.1\nhost.a.card ${card}\n`)
      const outcome = await space.covey(['compile'])
      assert.equal(outcome.exit, 2)
      assert.match(outcome.err, says)
    }
  })

  it('works outside an operator folder with -f', async (context) => {
    const space = await openWorkspace(context)
    await space.write('cluster.yaml', 'cluster: home\n')
    assert.deepEqual(JSON.parse(await space.must('compile', '-f', 'cluster.yaml')), { hosts: {} })
    assert.equal((await space.covey(['compile'])).exit, 2)
  })
})
