import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { describe, it, type TestContext } from 'node:test'
import { containerObject, imageDigest } from '../reconcilers/runc/objects.ts'
import { type TakingAgent, takingAgent } from './taking-agent.ts'
import { addHost, fakeAgent, openCluster, payloadOf, type Workspace } from './workspace.ts'

type Section = Record<string, Record<string, unknown>>
type Hosts = Record<string, Section>

/** Two hosts of the layout, and a way to give them services. */
interface Cluster {
  readonly space: Workspace
  readonly agent: TakingAgent
  /** Writes a config with these objects beside the hosts' own. */
  write(file: string, services: Hosts): Promise<void>
  /** Plans a config, and applies that plan. */
  bring(services: Hosts, ...more: readonly string[]): ReturnType<Workspace['covey']>
}

async function running(context: TestContext): Promise<Cluster> {
  const space = await openCluster(context)
  await addHost(space, 'cloud01', '192.0.2.1:51820')
  await addHost(space, 'local01', '192.0.2.2:51820')
  const { hosts } = JSON.parse(await space.must('compile')) as { hosts: Hosts }
  const agent = takingAgent()
  await fakeAgent(context, space, agent.routes)
  const write = async (file: string, services: Hosts): Promise<void> => {
    const own = Object.entries(hosts).map(([host, section], index) => {
      const subnet = `10.69.${index + 1}.0/24`
      const network = { cn: { type: 'container_network', network: 'wg_network', subnet } }
      return [host, { ...section, ...network, ...services[host] }] as const
    })
    await space.write(file, { hosts: Object.fromEntries(own) })
  }
  const bring = async (
    services: Hosts,
    ...more: readonly string[]
  ): ReturnType<Workspace['covey']> => {
    await write('c.json', services)
    await space.must('plan', 'c.json', '--out', 'p.json')
    return await space.covey(['apply', 'p.json', '--yes', ...more])
  }
  return { space, agent, write, bring }
}

/** A replica of `shop/web` on the host with this number. */
function web(number: number, more: object = {}): Section[string] {
  const labels = { 'covey.service': 'shop/web' }
  return containerObject({ address: `10.69.${number}.5`, labels, ...more })
}

function both(more: object = {}): Hosts {
  return { cloud01: { web: web(1, more) }, local01: { web: web(2, more) } }
}

/** Plans a config, applies the plan, and presses Ctrl-C once this is said. */
async function stoppedAt(
  { space, write }: Pick<Cluster, 'space' | 'write'>,
  services: Hosts,
  words: string,
): Promise<Awaited<ReturnType<Workspace['covey']>>> {
  await write('c.json', services)
  await space.must('plan', 'c.json', '--out', 'p.json')
  const stop = new AbortController()
  const watch = (text: string): void => {
    if (text.includes(words)) stop.abort()
  }
  return await space.covey(['apply', 'p.json', '--yes'], { signal: stop.signal, watch })
}

function nothingLeft({ held }: TakingAgent): string {
  return `cloud01 holds version ${payloadOf(held)['version']}: nothing to do\n`
}

const volumes = (name: string): Section => ({
  [name]: { type: 'volume' },
  web: web(1, { mounts: [{ volume: name, path: '/data' }] }),
})

function versionsTaken({ taken }: TakingAgent): readonly unknown[] {
  return taken.map((body) => payloadOf(body)['version'])
}

describe('covey plan', () => {
  it('says what is to be done, and writes nothing', async (context) => {
    const { space, agent } = await running(context)
    const text = await space.must('plan')
    assert.match(text, /^cloud01, local01: |^cloud01: /m)
    assert.deepEqual(agent.taken, [])
    assert.deepEqual(await readdir(space.path('history')), [])
    const different = await space.covey(['plan', '--detailed-exitcode', '--json'])
    assert.equal(different.exit, 3)
    const { version, changes, guards } = JSON.parse(different.out)
    assert.deepEqual([version, changes.length, guards], [null, 6, []])
  })

  it('is empty after an apply that ended well', async (context) => {
    const { space } = await running(context)
    await space.must('apply', '--yes')
    const same = await space.covey(['plan', '--detailed-exitcode'])
    assert.deepEqual([same.exit, same.out], [0, 'cloud01 holds version 1: nothing to do\n'])
    const { version, changes } = JSON.parse(await space.must('plan', '--json'))
    assert.deepEqual([version, changes], [1, []])
  })

  it('says since when the layout is behind, and who is silent', async (context) => {
    const { space, agent, bring } = await running(context)
    await space.must('apply', '--yes')
    await bring(both())
    agent.rows['local01'] = { age_seconds: 3600 }
    const text = await space.must('plan')
    assert.match(text, /^the layout is behind: it says what version 1 said; 1 version came after/m)
    assert.match(text, /^silent: local01; /m)
  })

  it('narrows to one host', async (context) => {
    const { space, write } = await running(context)
    await write('c.json', both())
    const { changes } = JSON.parse(
      await space.must('plan', 'c.json', '--host', 'local01', '--json'),
    )
    assert.deepEqual([...new Set(changes.map((each: Section) => each['host']))], ['local01'])
    assert.equal((await space.covey(['plan', '--host', 'nobody'])).exit, 2)
  })
})

describe('a plan in a file', () => {
  it('is refused once the head has moved', async (context) => {
    const { space, agent, write, bring } = await running(context)
    await write('c.json', both())
    await space.must('plan', 'c.json', '--out', 'old.json')
    await bring({})
    const late = await space.covey(['apply', 'old.json', '--yes', '--json'])
    assert.deepEqual([late.exit, JSON.parse(late.out).error.code], [4, 'head-moved'])
    assert.deepEqual(versionsTaken(agent), [1])
  })

  it('has to be one, of this cluster', async (context) => {
    const { space } = await running(context)
    await space.write('x.json', { covey_plan: 1 })
    assert.equal((await space.covey(['apply', 'x.json', '--yes'])).exit, 2)
    const other = { covey_plan: 1, cluster_id: 'sha256:x', base: null, hosts: {}, plan: {} }
    await space.write('x.json', other)
    assert.equal((await space.covey(['apply', 'x.json', '--yes'])).exit, 4)
    assert.equal((await space.covey(['apply', 'x.json', '--offline'])).exit, 2)
  })
})

describe('covey apply with services', () => {
  it('lets hosts with replicas take turns, and ends with what was planned', async (context) => {
    const { space, agent, bring } = await running(context)
    await bring(both())
    const updated = await bring(both({ env: { A: '1' } }))
    assert.equal(updated.exit, 0, updated.err)
    assert.match(updated.err, /hosts take turns, in 2 versions: cloud01; then local01/)
    assert.deepEqual(versionsTaken(agent), [1, 2, 3])
    const variable = (body: string | undefined, host: string): unknown => {
      const { hosts } = payloadOf(body ?? '') as unknown as { hosts: Hosts }
      return hosts[host]?.['web']?.['env']
    }
    const [, second] = agent.taken
    assert.deepEqual(
      [variable(second, 'cloud01'), variable(second, 'local01')],
      [{ A: '1' }, undefined],
    )
    const again = await space.must('plan', 'c.json')
    assert.equal(again, 'cloud01 holds version 3: nothing to do\n')
  })

  it('stops at the first host that is not well, and goes on from there', async (context) => {
    const { space, agent, bring } = await running(context)
    await bring(both())
    agent.objects['cloud01'] = { converged: 3, failed: 1 }
    const changed = both({ mounts: [{ host_path: '/srv/a', path: '/a' }] })
    const failing = await bring(changed, '--json')
    const { error, unwell } = JSON.parse(failing.out)
    assert.deepEqual([failing.exit, error.code], [1, 'not-well'])
    const says = /version 2 is in force, and not well on cloud01.*covey host grant cloud01 path:/
    assert.match(`${error.message} ${error.hint}`, says)
    assert.deepEqual([unwell[0].host, unwell[0].state], ['cloud01', 'failing'])
    assert.deepEqual(versionsTaken(agent), [1, 2])
    const left: Section[] = JSON.parse(await space.must('plan', 'c.json', '--json')).changes
    const hosts = left.map((each) => each['host'])
    assert.deepEqual(hosts, ['local01'])
    agent.objects = {}
    assert.equal((await bring(changed)).exit, 0)
    assert.deepEqual(versionsTaken(agent), [1, 2, 3])
  })

  it('loses nothing when it is stopped before a version is sent', async (context) => {
    const cluster = await running(context)
    const { agent, space, bring } = cluster
    await bring(both())
    const stopped = await stoppedAt(cluster, both({ env: { A: '1' } }), 'signed version 2')
    assert.equal(stopped.exit, 1)
    assert.match(stopped.err, /you stopped it: version 2 is signed, and was not sent/)
    assert.deepEqual(versionsTaken(agent), [1])
    const going = await bring(both({ env: { A: '1' } }))
    assert.equal(going.exit, 0, going.err)
    assert.equal(await space.must('plan', 'c.json'), nothingLeft(agent))
  })

  it('loses nothing when it is stopped while it waits for a turn', async (context) => {
    const cluster = await running(context)
    const { agent, space, bring } = cluster
    await bring(both())
    agent.objects['cloud01'] = { converged: 3, pending: 1 }
    const stopped = await stoppedAt(cluster, both({ env: { A: '1' } }), 'cloud01: holds version 2')
    assert.equal(stopped.exit, 1)
    assert.match(stopped.err, /you stopped waiting: version 2 is in force, and /)
    assert.deepEqual(versionsTaken(agent), [1, 2])
    agent.objects = {}
    const going = await bring(both({ env: { A: '1' } }))
    assert.equal(going.exit, 0, going.err)
    assert.deepEqual(versionsTaken(agent), [1, 2, 3])
    assert.equal(await space.must('plan', 'c.json'), nothingLeft(agent))
  })

  it('refuses what is dangerous until it is said to be meant', async (context) => {
    const { space, agent, bring } = await running(context)
    await bring({ cloud01: volumes('old') })
    const refused = await bring({ cloud01: volumes('new') }, '--json')
    assert.deepEqual([refused.exit, JSON.parse(refused.out).error.code], [4, 'volume-empty'])
    assert.match(refused.err, /hint: if that is meant: --start-empty new/)
    assert.equal((await bring({ cloud01: volumes('new') }, '--start-empty', 'other')).exit, 4)
    assert.deepEqual(versionsTaken(agent), [1])
    assert.deepEqual((await readdir(space.path('history'))).length, 1)
    assert.equal((await bring({ cloud01: volumes('new') }, '--start-empty', 'new')).exit, 0)
    assert.equal((await bring({}, '--json')).exit, 4)
    assert.equal((await bring({}, '--yes-remove')).exit, 0)
  })

  it('does not wait for a host that was silent before, and names it', async (context) => {
    const { agent, bring } = await running(context)
    await bring({})
    agent.rows['local01'] = { age_seconds: 3600, applied: null, state: 'applying' }
    const outcome = await bring({ cloud01: { web: web(1) } })
    assert.equal(outcome.exit, 0, outcome.err)
    assert.match(outcome.out, /^version 2 runs on 1 host, .*\nsilent before, .*: local01; /)
  })

  it('takes a time that is one', async (context) => {
    const { space } = await running(context)
    for (const time of ['0', '1x', '25h', '-1']) {
      assert.equal((await space.covey(['apply', '--yes', `--timeout=${time}`])).exit, 2, time)
    }
    await space.must('apply', '--yes', '--timeout', '2m')
  })
})

describe('covey rollback', () => {
  const image = (letter: string): string => `r.example/web@${imageDigest.replaceAll('c', letter)}`

  it('signs older services under the members of today', async (context) => {
    const { space, agent, bring } = await running(context)
    await bring(both())
    await bring(both({ image: image('d') }), '--no-wait')
    await space.covey(['rollback', '--yes'], {})
    const { hosts, version } = payloadOf(agent.held) as unknown as { hosts: Hosts; version: number }
    assert.ok(version > 2)
    assert.deepEqual(hosts['cloud01']?.['web'], web(1))
    const outcome = await space.covey(['rollback', '2', '--yes', '--json'])
    assert.equal(outcome.exit, 0, outcome.err)
    const now = payloadOf(agent.held) as unknown as { hosts: Hosts }
    assert.equal(now.hosts['local01']?.['web']?.['image'], image('d'))
  })

  it('brings no host, no network and no secret back', async (context) => {
    const { space, agent, bring, write } = await running(context)
    await bring(both())
    await write('c.json', both({ image: image('d') }))
    const { hosts } = JSON.parse(await space.read('c.json')) as { hosts: Hosts }
    const { local01: _, ...left } = hosts
    await space.write('c.json', { hosts: left })
    await space.must('plan', 'c.json', '--out', 'p.json')
    await space.must('apply', 'p.json', '--yes', '--allow-isolation')
    await space.must('rollback', '--yes', '--allow-isolation')
    const now = payloadOf(agent.held) as unknown as { hosts: Hosts }
    assert.deepEqual(Object.keys(now.hosts), ['cloud01'])
    assert.deepEqual(now.hosts['cloud01']?.['web'], web(1))
  })

  it('refuses services that need what is gone, and unknown versions', async (context) => {
    const { space, bring } = await running(context)
    await space.must('apply', '--yes')
    const nothing = await space.covey(['rollback', '--yes', '--json'])
    assert.deepEqual([nothing.exit, JSON.parse(nothing.out).error.code], [1, 'no-such-version'])
    await bring(both())
    assert.equal((await space.covey(['rollback', '9', '--yes'])).exit, 2)
    assert.equal((await space.covey(['rollback', 'x', '--yes'])).exit, 2)
    // The network of the containers is no service, and does not come back with them.
    await space.write('c.json', await space.must('compile'))
    await space.must('plan', 'c.json', '--out', 'p.json')
    await space.must('apply', 'p.json', '--yes', '--yes-remove')
    const faulty = await space.covey(['rollback', '2', '--yes', '--json'])
    assert.deepEqual([faulty.exit, JSON.parse(faulty.out).error.code], [4, 'rollback-faulty'])
  })
})
