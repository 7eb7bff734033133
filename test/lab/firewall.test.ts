import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { craft } from '../packets/craft.ts'
import { Wire } from '../packets/wire.ts'
import { Probe } from '../reconcilers/nftables/world.ts'
import { hasApplied } from './agent-status.ts'
import type { Hosts } from './config-hosts.ts'
import { container, withContainerNetworks } from './container-config.ts'
import { insideContainer, networkOf } from './firewall-traffic.ts'
import type { VirtualHost } from './host.ts'
import { createLab, type Lab } from './lab.ts'
import { until } from './waiting.ts'

/** Nobody pulls it: a container has its network before it has its image. */
const image = `registry.example.net/none@sha256:${'0'.repeat(64)}`
const [web, db, far] = ['10.69.101.10', '10.69.101.11', '10.69.102.10']

const mine = `
table inet mine {
  set few { type ipv4_addr; flags interval; elements = { 192.0.2.0/24 } }
  chain few_only {
    type filter hook forward priority 10; policy accept;
    ip saddr @few counter drop
  }
}
`

describe('the firewall of hosts with agents', () => {
  let lab: Lab
  let cloud01: VirtualHost
  let cloud02: VirtualHost
  let base: Hosts
  const probes: Probe[] = []
  const wires: Wire[] = []

  const probeIn = (host: VirtualHost, name: string | null): Probe => {
    const onHost = ['nsenter', '--target', String(host.pid), '--mount', '--net', '--']
    const probe = new Probe(name === null ? onHost : insideContainer(host, name))
    probes.push(probe)
    return probe
  }
  const wireIn = async (host: VirtualHost, name: string): Promise<Wire> => {
    const wire = await Wire.open(insideContainer(host, name))
    wires.push(wire)
    return wire
  }

  async function release(rules: Record<string, Record<string, unknown>>): Promise<void> {
    const { cloud01: first = {}, cloud02: second = {} } = base
    const next = { cloud01: { ...first, ...rules }, cloud02: second }
    const version = await lab.operator.release(next, cloud01)
    for (const host of [cloud01, cloud02]) {
      await host.waitFor(`has applied ${version}`, (status) => hasApplied(status, version))
    }
  }

  before(async () => {
    lab = await createLab()
    cloud01 = await lab.host('cloud01')
    cloud02 = await lab.host('cloud02')
    await cloud01.must('nft', ['-f', '-'], { stdin: mine })
    await lab.enrolAll()
    const found = withContainerNetworks(await lab.operator.hosts())
    base = {
      cloud01: { ...found['cloud01'], web: container(image, web), db: container(image, db) },
      cloud02: { ...found['cloud02'], far: container(image, far) },
    }
    await release(closed)
    for (const [host, name] of [
      [cloud01, 'web'],
      [cloud01, 'db'],
      [cloud02, 'far'],
    ] as const) {
      const path = networkOf(host, name)
      await until(`${name} has a network`, async () => {
        const { exitCode } = await host.exec('nsenter', [
          `--net=${path}`,
          'ip',
          'route',
          'get',
          far,
        ])
        return exitCode === 0
      })
    }
  })
  after(async () => {
    for (const each of [...probes, ...wires]) await each.close()
    lab?.close()
  })

  const out = { type: 'nftables_forward', from: 'containers', to: 'wg_network' }
  const closed = {
    out,
    db_in: {
      type: 'nftables_policy',
      container: 'db',
      ingress: [{ from: 'container:web', ports: ['5432/tcp'] }],
    },
  }

  const tableOf = async (name: string): Promise<string> =>
    (await cloud01.exec('nft', ['-s', 'list', 'table', 'inet', name])).stdout

  for (const harm of [
    'delete table inet covey',
    'delete element inet covey judged4 { 10.69.101.11 }',
    'flush chain inet covey forward',
    'add element inet covey ingress4 { 0.0.0.0/0 . 10.69.101.11 . 0-255 . 0-65535 }',
    'flush ruleset',
  ]) {
    it(`repairs its table after: ${harm}`, async () => {
      const [own, foreign] = [await tableOf('covey'), await tableOf('mine')]
      assert.match(own, /table inet covey/)
      await cloud01.whileAgentWaits(async () => {
        await cloud01.must('nft', [harm])
        assert.notEqual(await tableOf('covey'), own)
      })
      await until('the table is back', async () => (await tableOf('covey')) === own)
      if (harm === 'flush ruleset') await cloud01.must('nft', ['-f', '-'], { stdin: mine })
      assert.equal(await tableOf('mine'), foreign)
    })
  }

  it('keeps false senders out', async () => {
    const [from, to] = [await wireIn(cloud01, 'web'), await wireIn(cloud01, 'db')]
    const packet = { to: db, protocol: 'tcp', port: 5432 } as const
    from.send(db, craft({ ...packet, from: far, id: 1 }))
    from.send(db, craft({ ...packet, from: '10.69.0.1', id: 2 }))
    from.send(db, craft({ ...packet, from: web, id: 3 }))
    assert.ok(await to.arrives(3, 30_000))
    const { stdout } = await cloud01.exec('nft', ['list', 'counter', 'inet', 'covey', 'spoofed'])
    assert.match(stdout, /packets 2 /)
    assert.ok(!to.has(1) && !to.has(2))
  })

  it("keeps containers from the host's ssh, unless an egress names the host", async () => {
    const asker = probeIn(cloud01, 'web')
    const server = probeIn(cloud01, null)
    const addresses = ['10.69.0.1', cloud01.address]
    for (const address of addresses) assert.ok(await server.ask('listen', address, 22))
    for (const address of addresses) assert.ok(!(await asker.ask('tcp', address, 22, 1_000)))
    const egress = [{ to: 'host:cloud01', ports: ['22/tcp'] }]
    const policy = { type: 'nftables_policy', container: 'web', egress }
    await release({ ...closed, web_out: policy })
    assert.ok(await asker.ask('tcp', '10.69.0.1', 22, 30_000))
    assert.ok(!(await asker.ask('tcp', cloud01.address, 22, 1_000)), 'by another address')
  })

  it('leaves flows open on a host without an object of it, and the host closed', async () => {
    const [asker, server] = [probeIn(cloud01, 'web'), probeIn(cloud02, 'far')]
    assert.ok(await server.ask('listen', far, 80))
    await release({ out })
    assert.ok(await asker.ask('tcp', far, 80, 30_000), 'nobody judges at its end')
    const back = probeIn(cloud01, 'db')
    assert.ok(await back.ask('listen', db, 80))
    assert.ok(!(await server.ask('tcp', db, 80, 1_000)), 'at the other end somebody does')
    const host = probeIn(cloud02, null)
    assert.ok(await host.ask('listen', '10.69.0.2', 23))
    assert.ok(!(await server.ask('tcp', '10.69.0.2', 23, 1_000)))
  })

  it('tells who may talk to whom, and why', async () => {
    await release(closed)
    const show = await cloud01.covey(['firewall', 'show'])
    assert.equal(show.exitCode, 0, show.stderr)
    assert.match(show.stdout, /cloud01 +container:web +container:db +5432\/tcp +db_in/)
    assert.match(show.stdout, /cloud02 has no firewall object: flows of its containers are open/)
    assert.match(show.stdout, /cloud01 has refused packets: \d+ to containers/)
    const trace = async (...words: readonly string[]): Promise<string> => {
      const { exitCode, stdout, stderr } = await cloud01.covey(['firewall', 'trace', ...words])
      assert.equal(exitCode, 0, stderr)
      return stdout
    }
    const admitted = await trace('web', 'db', '5432/tcp', '--live')
    assert.match(admitted, /5432\/tcp: admitted/)
    assert.match(admitted, /the kernel of cloud01 lets it pass/)
    await cloud01.must('nft', [
      'delete element inet covey ingress4 { 10.69.101.10 . 10.69.101.11 . 6 . 5432 }; add set inet covey hold { type ipv4_addr; }',
    ])
    const dropped = await trace('far', 'db', '5432/tcp', '--live')
    assert.match(dropped, /dropped\n.*cloud02 admits.*\n.*cloud01 drops it on the way in: db_in/)
    assert.match(dropped, /the kernel of cloud01 drops it/)
  })

  it('says which table of others keeps something from working', async () => {
    const well = await cloud01.covey(['doctor'])
    assert.match(well.stdout, /^ok +no other table drops covey's packets$/m)
    const block =
      'add table ip docker; add chain ip docker FORWARD { type filter hook forward priority 0; policy drop; }'
    await cloud01.must('nft', [block])
    const ill = await cloud01.covey(['doctor'])
    assert.equal(ill.exitCode, 1)
    assert.match(ill.stdout, /^problem +table ip docker, chain FORWARD drops packets from contain/m)
    await cloud01.must('nft', ['delete table ip docker'])
  })
})
