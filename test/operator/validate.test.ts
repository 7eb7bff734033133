import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ideaConfig } from '../idea.ts'
import { addHost, openCluster, openWorkspace } from './workspace.ts'

describe('covey validate', () => {
  it('knows every kind of file', async (context) => {
    const space = await openCluster(context)
    await addHost(space, 'cloud01', 'c.example:51820')
    await space.write('config.json', ideaConfig)
    await space.must('sign', 'config.json', '-o', 'signed.json')
    const { payload, signatures } = JSON.parse(await space.read('signed.json'))
    await space.write(
      'signed.jwt',
      `${signatures[0].protected}.${payload}.${signatures[0].signature}\n`,
    )
    await space.write('payload.json', Buffer.from(payload, 'base64url').toString())
    await space.write('layout', 'cluster: home\n')
    const root = JSON.parse(await space.read('roots/1.json')).payload
    await space.write('root.json', Buffer.from(root, 'base64url').toString())
    for (const [file, kind] of [
      ['cluster.yaml', 'layout'],
      ['layout', 'layout'],
      ['config.json', 'config'],
      ['payload.json', 'config'],
      ['signed.json', 'signed config'],
      ['signed.jwt', 'signed config'],
      ['roots/1.json', 'root document'],
      ['root.json', 'root document'],
    ] as const) {
      const outcome = await space.covey(['validate', file, '--json'])
      assert.equal(outcome.exit, 0, outcome.err)
      assert.deepEqual(JSON.parse(outcome.out), { file, kind, valid: true })
    }
    assert.match(
      await space.must('validate', 'signed.json'),
      /a signed config without faults: version 1, epoch 1, signed by operator\n/,
    )
  })

  it('names hosts that have no card yet, which is no fault of the layout', async (context) => {
    const space = await openWorkspace(context)
    await space.write('cluster.yaml', 'cluster: home\nhosts:\n  a: {}\n')
    assert.match(await space.must('validate', 'cluster.yaml'), /1 host; without a card yet: a\n/)
  })

  it('does not trust what others signed', async (context) => {
    const space = await openCluster(context)
    await space.write('config.json', ideaConfig)
    await space.must('init', 'other', '--name', 'other')
    await space.must('sign', 'config.json', '--dir', 'other', '-o', 'other.json')
    await space.must('sign', 'config.json', '-o', 'ours.json')
    const ours = JSON.parse(await space.read('ours.json'))
    const [signature] = ours.signatures
    const changed = Buffer.from(ours.payload, 'base64url').toString().replace('cloud01', 'cloud02')
    const tampered = { ...ours, payload: Buffer.from(changed).toString('base64url') }
    await space.write('tampered.json', tampered)
    const other = JSON.parse(await space.read('other.json'))
    await space.write('mixed.json', { ...ours, signatures: [other.signatures[0], signature] })
    await space.write('twice.json', { ...ours, signatures: [signature, signature] })
    const root = JSON.parse(await space.read('roots/1.json'))
    const cluster = Buffer.from(root.payload, 'base64url').toString().replace('home', 'hole')
    await space.write('root.json', { ...root, payload: Buffer.from(cluster).toString('base64url') })
    for (const [file, exit, says] of [
      ['other.json', 4, /no key of this cluster/],
      ['tampered.json', 4, /signatures\.0: the signature by key .* does not match/],
      ['root.json', 4, /signatures\.0: the signature by key .* does not match/],
      ['mixed.json', 0, /^$/],
      ['twice.json', 0, /^$/],
    ] as const) {
      const outcome = await space.covey(['validate', file])
      assert.equal(outcome.exit, exit, `${file}: ${outcome.err}`)
      assert.match(outcome.err, says)
    }
  })

  it('says where it cannot check signatures', async (context) => {
    const space = await openCluster(context)
    await space.write('config.json', ideaConfig)
    await space.must('sign', 'config.json', '-o', 'signed.json')
    const outcome = await space.covey(['validate', space.path('signed.json')], { cwd: '/' })
    assert.equal(outcome.exit, 0)
    assert.match(outcome.err, /warning: its signatures were not checked/)
  })

  it('warns of ends of policies of another family than its container', async (context) => {
    const space = await openCluster(context)
    const container = (network: string, address: string): unknown => {
      return {
        type: 'runc_container',
        image: `r.example/x@sha256:${'a'.repeat(64)}`,
        network,
        address,
      }
    }
    const section = {
      four: { type: 'container_network', subnet: '10.69.1.0/24' },
      six: { type: 'container_network', subnet: 'fd69::/64' },
      web: container('four', '10.69.1.5'),
      db: container('six', 'fd69::5'),
    }
    const warned = async (ingress: readonly unknown[]): Promise<string> => {
      const policy = { type: 'nftables_policy', container: 'web', ingress }
      await space.write('ends.json', { hosts: { cloud01: { ...section, policy } } })
      const { exit, err } = await space.covey(['validate', 'ends.json'])
      assert.equal(exit, 0, err)
      return err
    }
    assert.equal(await warned([{ from: '0.0.0.0/0' }, { from: '::/0' }]), '')
    assert.match(
      await warned([{ from: '10.0.0.0/8' }, { from: 'container:db' }, { from: 'fd00::/8' }]),
      /cloud01\.policy\.ingress\.1\.from: web has .* IPv4 only, .*, and 1 more such end/,
    )
  })

  it('warns of a type that only a package can have, also when it is signed', async (context) => {
    const space = await openCluster(context)
    const objects = { a: { type: 'runc_contaner' }, b: { type: 'pod' } }
    await space.write('odd.json', { hosts: { cloud01: objects } })
    const says =
      /^covey: warning: hosts\.cloud01\.a\.type: .* no type "runc_contaner", and 1 more such object; /
    const first = await space.covey(['validate', 'odd.json'])
    assert.deepEqual([first.exit, says.test(first.err)], [0, true], first.err)
    const signed = await space.covey(['sign', 'odd.json', '-o', 'signed.json'])
    assert.deepEqual([signed.exit, says.test(signed.err)], [0, true], signed.err)
    const again = await space.covey(['validate', 'signed.json'])
    assert.deepEqual([again.exit, says.test(again.err)], [0, true], again.err)
  })

  it('tells every fault inside a payload, with its place there', async (context) => {
    const space = await openCluster(context)
    await space.write('config.json', ideaConfig)
    await space.must('sign', 'config.json', '-o', 'signed.json')
    const signed = JSON.parse(await space.read('signed.json'))
    const text = Buffer.from(signed.payload, 'base64url').toString()
    const worse = text.replace('10.69.0.1/16', 'x').replace('10.69.1.0/24', 'y')
    await space.write('bad.json', { ...signed, payload: Buffer.from(worse).toString('base64url') })
    const outcome = await space.covey(['validate', 'bad.json'])
    assert.equal(outcome.exit, 2)
    const lines = outcome.err.trimEnd().split('\n')
    assert.equal(lines.length, 2, outcome.err)
    assert.match(
      lines[0] ?? '',
      /^bad\.json\(payload\):1:\d+: hosts\.cloud01\.wg_network\.address: /,
    )
    assert.match(
      lines[1] ?? '',
      /^bad\.json\(payload\):1:\d+: hosts\.cloud01\.peer_local01\.allowed/,
    )
  })

  const faulty: readonly (readonly [file: string, text: string, says: RegExp])[] = [
    ['a.json', '{"hosts": 1}', /^a\.json:1:2: hosts: must be an object/],
    ['b.json', '{"payload": "", "signatures": 1}', /^b\.json:1:17: signatures: must be an array/],
    ['c.json', '{"payload": "=", "signatures": []}', /^c\.json:1:2: payload: is not canonical/],
    ['d.json', '{"root": {}, "epoch": 0}', /^d\.json:1:14: epoch: must be 1/],
    ['e.yaml', 'cluster: [\n', /^e\.yaml:/],
    ['f', 'a.b.c', /header|JSON|canonical/],
  ]
  for (const [file, text, says] of faulty) {
    it(`finds the fault of ${file}`, async (context) => {
      const space = await openCluster(context)
      await space.write(file, text)
      const outcome = await space.covey(['validate', file])
      assert.notEqual(outcome.exit, 0)
      assert.match(outcome.err, says)
    })
  }
})

describe('covey history', () => {
  it('lists the newest first, and shows what is damaged', async (context) => {
    const space = await openCluster(context)
    assert.equal(await space.must('history'), 'nothing was signed here yet\n')
    await space.write('config.json', ideaConfig)
    for (const _ of [1, 2, 3]) await space.must('sign', 'config.json', '-o', 's.json')
    const { history } = JSON.parse(await space.must('history', '--json'))
    assert.deepEqual(
      history.map((row: { version: number }) => row.version),
      [3, 2, 1],
    )
    assert.deepEqual(history[0].signed_by, ['operator'])
    assert.equal(history[0].signed_at, '2026-09-21T14:13:20Z')
    await space.write('history/1.2.json', '{}')
    const outcome = await space.covey(['history'])
    assert.equal(outcome.exit, 1)
    assert.match(outcome.out, /^2 .*damaged$/m)
    assert.match(outcome.err, /1\.2\.json: a signed document has exactly/)
  })
})

describe('covey schema', () => {
  it('describes configs, layouts and the sockets of agents', async (context) => {
    const space = await openWorkspace(context)
    const config = JSON.parse(await space.must('schema'))
    assert.ok(Object.keys(config.$defs).includes('wireguard_network'))
    assert.ok(Object.keys(config.$defs).includes('agent'))
    const layout = JSON.parse(await space.must('schema', 'layout'))
    assert.deepEqual(Object.keys(layout.properties), [
      ...[
        'cluster',
        'network',
        'network6',
        'hosts',
        'stacks',
        'services',
        'volumes',
        'networks',
        'configs',
      ],
      ...['secrets', 'registries'],
    ])
    const api = JSON.parse(await space.must('schema', 'api'))
    assert.ok(Object.keys(api.$defs.status.properties).includes('applied'))
    assert.ok(Object.keys(api.$defs).includes('containers'))
    assert.equal((await space.covey(['schema', 'x'])).exit, 2)
  })
})
