import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { reasons } from '../../operator/sources/yaml-reasons.ts'
import { addHost, makeCard, openCluster, openWorkspace } from './workspace.ts'

/** Odd texts, and the place of what is wrong. */
const oddYaml: readonly (readonly [name: string, text: string, where: string])[] = [
  ['an alias of nothing', 'a: *x\n', '1:4'],
  ['an alias with a tag', 'a: &x 1\nb: !t *x\n', '2:7'],
  ['an anchor without a name', 'a: &\n', '1:4'],
  ['a directive', '%FOO\n---\na: 1\n', '1:1'],
  ['a version to come', '%YAML 1.3\n---\na: 1\n', '1:7'],
  ['an escape', 'a: "\\q"\n', '1:5'],
  ['indentation', 'a:\n   b: 1\n  c: 2\n', '3:1'],
  ['a character that begins no text', 'a: @x\n', '1:4'],
  ['a map in a line', 'a: b: c\n', '1:4'],
  ['a key twice', 'a: 1\na: 2\n', '2:1'],
  ['a long key', `${'x'.repeat(2000)}: 1\n`, '1:1'],
  ['a quote', "a: 'x\n", '2:1'],
  ['a brace', 'a: {b: 1\n', '2:1'],
  ['a key of two lines', '"a\n b": 1\n', '1:1'],
  ['two anchors', 'a: &x &y 1\n', '1:7'],
  ['two documents', 'a: 1\n---\nb: 2\n', '2:1'],
  ['a second document after an end', 'a: 1\n...\nb: 2\n', '3:1'],
  ['two tags', 'a: !!str !!int 1\n', '1:10'],
  ['a list as a key', '? [1]\n: 2\n', '1:3'],
  ['a tab', 'a:\n\tb: 1\n', '2:1'],
  ['a tag', 'a: !foo 1\n', '1:4'],
  ['a value that does not fit its tag', 'a: !!int x\n', '1:4'],
  ['a bracket too many', 'a: ]\n', '1:4'],
  ['a merge of a number', '<<: 3\n', '1:1'],
  ['a merge of itself', '&x a: {<<: *x}\n', '1:12'],
  ['depth in lines', Array.from({ length: 1500 }, (_, at) => `${' '.repeat(at)}a:\n`).join(''), ''],
]

const saidOfYaml = [
  ...Object.values(reasons),
  ...['a closing } or ] is missing', 'the closing quote is missing'],
  ...['nothing before this alias has the anchor &x'],
  ...['a merge key (<<) needs a map, or an alias (*) of one'],
]

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
      'keys of later versions',
      'cluster: home\nproxy: { hosts: [x] }\ninclude: [x]\n',
      [
        'l.yaml:2:1: proxy: "proxy" comes with a later version',
        'l.yaml:3:1: include: each Compose file has a line under stacks',
      ],
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
        'l.yaml:2:1: network: is not the start of a network: did you mean 10.69.0.0/16?',
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
      ['l.yaml:4:3: hosts.y: has the same address as x: 10.69.0.9'],
    ],
    [
      'an address that is for containers',
      'cluster: home\nhosts:\n  x: { address: 10.69.1.1 }\n',
      ['l.yaml:3:8: hosts.x.address: must be an address of the first /24'],
    ],
    [
      'a key twice',
      'cluster: a\ncluster: b\n',
      ['l.yaml:2:1: this key stands in its map already: remove one of the two'],
    ],
    ['a tab', 'cluster: home\nhosts:\n\ta: {}\n', ['l.yaml:3:1: a tab cannot indent']],
    ['an unknown tag', 'cluster: !reset home\n', ['l.yaml:1:10: unknown tag']],
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

  for (const [name, text, where] of oddYaml) {
    it(`says in its own words what is wrong with YAML: ${name}`, async (context) => {
      const space = await openCluster(context)
      await space.write('l.yaml', text)
      const outcome = await space.covey(['compile', '-f', 'l.yaml'])
      assert.equal(outcome.exit, 2)
      for (const line of outcome.err.trimEnd().split('\n')) {
        const [, at = '', said = ''] = /^l\.yaml:(\d+:\d+): (.*)$/.exec(line) ?? []
        if (where !== '') assert.equal(at, where)
        assert.ok(saidOfYaml.includes(said), `"${said}" is nobody's sentence`)
      }
    })
  }

  it('names every alias of nothing at its place', async (context) => {
    const space = await openCluster(context)
    await space.write('l.yaml', 'a: *x\nb: &y 1\nc: [*y, *z]\n')
    const { err } = await space.covey(['compile', '-f', 'l.yaml'])
    const says = 'nothing before this alias has the anchor'
    assert.equal(err, `l.yaml:1:4: ${says} &x\nl.yaml:3:9: ${says} &z\n`)
  })

  it('finds what a merge left in the lock', async (context) => {
    const space = await openCluster(context)
    await addHost(space, 'a')
    const lock = await space.read('cluster.lock')
    await space.write('cluster.lock', `${lock}<<<<<<< HEAD\nhost.a.address 10.69.0.3\nodd\n`)
    const outcome = await space.covey(['compile'])
    assert.equal(outcome.exit, 2)
    assert.match(
      outcome.err,
      /^c.*lock:4:1: a merge .*\nc.*lock:5:1: duplicate host\.a\.address.*\nc.*lock:6:1: /,
    )
  })

  it('refuses a card in the lock that was changed', async (context) => {
    const space = await openCluster(context)
    await addHost(space, 'a')
    const other = (await makeCard('b')).card
    for (const [card, says] of [
      [other, /belongs to b/],
      [`${other.slice(0, -86)}${'A'.repeat(86)}`, /not valid: the signature is wrong/],
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
