import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { meshHost } from './mesh-host.ts'
import { fakeAgent, openCluster, type Route, type Workspace } from './workspace.ts'

const container = (address: string): Record<string, unknown> => ({
  type: 'runc_container',
  image: `r.example/x@sha256:${'a'.repeat(64)}`,
  network: 'pods',
  address,
})

const hosts = {
  cloud01: {
    ...meshHost(1),
    web: container('10.69.1.5'),
    db: container('10.69.1.6'),
    db_in: {
      type: 'nftables_policy',
      container: 'db',
      ingress: [{ from: 'container:web', ports: ['5432/tcp'] }],
    },
    out: { type: 'nftables_forward', from: 'web', to: 'wg' },
  },
  cloud02: { ...meshHost(2), far: container('10.69.2.5') },
}

const live = {
  host: 'cloud01',
  present: true,
  counters: {
    refused_in: 3,
    refused_out: 2,
    refused_host: 1,
    spoofed: 0,
    refused_overlay: 0,
    refused_mesh: 4,
  },
  passes: null,
}

/** A cluster whose node holds the config above. */
async function withAgent(
  context: TestContext,
  firewall: Route = () => ({ status: 200, body: live }),
): Promise<{ space: Workspace; asked: readonly { readonly url: string }[] }> {
  const space = await openCluster(context)
  await space.write('config.json', { hosts })
  await space.must('sign', 'config.json', '-o', 'signed.json')
  const signed = await space.read('signed.json')
  const { asked } = await fakeAgent(context, space, {
    'GET /v1/config': () => ({ status: 200, body: signed }),
    'GET /v1/firewall': firewall,
  })
  return { space, asked }
}

describe('covey firewall show', () => {
  it('lists who may talk to whom, what is open, and what was refused', async (context) => {
    const { space } = await withAgent(context)
    const lines = [
      'HOST     FROM           TO            PORTS     OBJECT',
      'cloud01  container:web  container:db  5432/tcp  db_in',
      'cloud01  container:web  behind wg0    any       out',
      'cloud02 has no firewall object: flows of its containers are open',
      'cloud01 has refused packets: 3 to containers, 2 from containers, ' +
        '1 from containers to the host, 0 with a false sender, 0 to the overlay, 4 to mesh addresses by no link of the mesh',
    ]
    assert.equal(await space.must('firewall', 'show'), `${lines.join('\n')}\n`)
    const shown = JSON.parse(await space.must('firewall', 'show', '--json', '--host', 'cloud01'))
    assert.deepEqual(shown, {
      hosts: [
        {
          host: 'cloud01',
          containers: 2,
          judges: true,
          permissions: [
            { from: 'container:web', to: 'container:db', ports: '5432/tcp', object: 'db_in' },
            { from: 'container:web', to: 'behind wg0', ports: 'any', object: 'out' },
          ],
        },
      ],
      live,
    })
  })

  it('says what is missing', async (context) => {
    const absent = { ...live, present: false, counters: {} }
    const { space } = await withAgent(context, () => ({ status: 200, body: absent }))
    assert.match(await space.must('firewall', 'show'), /cloud01 has no firewall table\n$/)
    const unknown = await space.covey(['firewall', 'show', '--host', 'ghost'])
    assert.equal(unknown.exit, 2)
    assert.match(
      unknown.err,
      /no host ghost in the config\nhint: hosts of this config: cloud01, cl/,
    )
  })

  it('says what it does not understand', async (context) => {
    const { space } = await withAgent(context, () => ({ status: 200, body: { host: 7 } }))
    const outcome = await space.covey(['firewall', 'show'])
    assert.equal(outcome.exit, 1)
    assert.match(outcome.err, /described its firewall in an unknown form/)
  })
})

describe('covey firewall trace', () => {
  it('says which object admits or drops a flow', async (context) => {
    const { space } = await withAgent(context)
    assert.equal(
      await space.must('firewall', 'trace', 'web', 'db', '5432/tcp'),
      [
        'container:cloud01/web to container:cloud01/db, 5432/tcp: admitted',
        '  cloud01 admits it on the way out: default: to a container of the same host: its ingress decides',
        '  cloud01 admits it on the way in: db_in: ingress from container:web',
        '',
      ].join('\n'),
    )
    const dropped = await space.must('firewall', 'trace', 'far', 'db', 'icmp')
    assert.match(dropped, /icmp: dropped\n {2}cloud02 admits it .* no firewall object/)
    assert.match(
      dropped,
      /cloud01 drops it on the way in: db_in: no ingress of db admits this flow/,
    )
    const nobody = await space.must('firewall', 'trace', '192.0.2.1', '192.0.2.2', '80/tcp')
    assert.match(nobody, /admitted\n {2}no container is at either end/)
  })

  it('asks the kernel of the node too', async (context) => {
    const { space, asked } = await withAgent(context, () => ({
      status: 200,
      body: { ...live, passes: false },
    }))
    const shown = await space.must('firewall', 'trace', 'web', 'db', '5432/tcp', '--live')
    assert.match(shown, /the kernel of cloud01 drops it\n$/)
    const query = '/v1/firewall?from=10.69.1.5&to=10.69.1.6&port=5432%2Ftcp'
    assert.ok(asked.some(({ url }) => url === query))
    const json = JSON.parse(
      await space.must('firewall', 'trace', 'web', 'db', '5432/tcp', '--live', '--json'),
    )
    assert.equal(json.admitted, true)
    assert.equal(json.live.passes, false)
    assert.deepEqual(
      json.steps.map(({ side, object }: { side: string; object: string }) => [side, object]),
      [
        ['out', null],
        ['in', 'db_in'],
      ],
    )
  })

  for (const [words, wanted] of [
    [['web', 'db', '80'], /"80" is not a port\nhint: such as 80\/tcp, 53\/udp or icmp/],
    [['web', 'db', '1-2/tcp'], /"1-2\/tcp" is not a port/],
    [['ghost', 'db', 'icmp'], /no container ghost with an address\nhint: name a container/],
    [['web', 'host:ghost', 'icmp'], /no host ghost with a WireGuard network/],
    [['web', 'a b', 'icmp'], /"a b" is no container, host or address/],
    [
      ['fd00::1', 'web', 'icmp'],
      /from fd00::1 .* to container:cloud01\/web .*one is IPv4, the other IPv6/,
    ],
    [['host:cloud02', 'fd00::1', 'icmp'], /from host:cloud02 \(10\.69\.0\.2\) to fd00::1/],
  ] as const) {
    it(`refuses ${words.join(' ')}`, async (context) => {
      const { space } = await withAgent(context)
      const outcome = await space.covey(['firewall', 'trace', ...words])
      assert.equal(outcome.exit, 2)
      assert.match(outcome.err, wanted)
    })
  }
})

describe('covey doctor', () => {
  const answer = async (context: TestContext, checks: readonly object[]): Promise<Workspace> => {
    const space = await openCluster(context)
    const body = { host: 'cloud01', checks }
    await fakeAgent(context, space, { 'GET /v1/doctor': () => ({ status: 200, body }) })
    return space
  }

  it('says what is well, what may be wrong, and what to do', async (context) => {
    const well = { name: 'tools', state: 'ok', message: 'every tool is there', hint: null }
    const doubt = { name: 'firewalls', state: 'warning', message: 'may drop', hint: 'look' }
    const space = await answer(context, [well, doubt])
    const lines = ['ok       every tool is there', 'warning  may drop', '         hint: look']
    assert.equal(await space.must('doctor'), `${lines.join('\n')}\n`)
    assert.deepEqual(JSON.parse(await space.must('doctor', '--json')).checks, [well, doubt])
  })

  it('ends with 1 where something is wrong, and moves no cursor', async (context) => {
    const bad = { name: 'firewalls', state: 'problem', message: 'table \u001b[2Jx', hint: null }
    const space = await answer(context, [bad])
    const outcome = await space.covey(['doctor'])
    assert.equal(outcome.exit, 1)
    assert.ok(!outcome.out.includes('\u001b'))
    assert.match(outcome.err, /1 problem on cloud01/)
  })

  it('says what it does not understand', async (context) => {
    const space = await answer(context, [{ state: 'fine' }])
    const outcome = await space.covey(['doctor'])
    assert.equal(outcome.exit, 1)
    assert.match(outcome.err, /in an unknown form/)
  })
})

describe('covey schema', () => {
  it('knows the types of the firewall', async (context) => {
    const space = await openCluster(context)
    const { $defs } = JSON.parse(await space.must('schema'))
    for (const type of ['forward', 'policy', 'publish', 'masquerade']) {
      assert.equal($defs[`nftables_${type}`]?.additionalProperties, false, type)
    }
  })
})

describe('a config whose rules would cut the mesh', () => {
  const publish = (more: Record<string, unknown>): Record<string, unknown> => ({
    type: 'nftables_publish',
    container: 'web',
    container_port: 80,
    ...more,
  })
  const agent = { type: 'agent', peer_id: `12D3KooW${'A'.repeat(44)}`, network: 'wg', port: 5000 }
  for (const [what, object, wanted] of [
    ['the tunnel', publish({ host_port: 51820, protocol: 'udp' }), /51820\/udp is the port of wg/],
    ['the overlay', publish({ host_port: 5000 }), /5000\/tcp is the port of the overlay/],
    ['ssh', publish({ host_port: 22, on: 'public' }), /22\/tcp is a rescue port/],
    ['a link', { ...meshHost(3)['wg'], link_name: 'cv-mesh', listen_port: 5 }, /begins with cv-/],
  ] as const) {
    it(`is refused with the object named: ${what}`, async (context) => {
      const space = await openCluster(context)
      const cloud01 = { ...hosts.cloud01, agent, culprit: object }
      await space.write('config.json', { hosts: { ...hosts, cloud01 } })
      for (const command of ['validate', 'sign']) {
        const outcome = await space.covey([command, 'config.json'])
        assert.notEqual(outcome.exit, 0, command)
        assert.match(outcome.err, wanted, command)
        assert.match(outcome.err, /hosts\.cloud01\.culprit/, command)
      }
    })
  }
})
