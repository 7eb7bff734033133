import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { describe, it, type TestContext } from 'node:test'
import { stopProject } from '../../../operator/docker/stop-project.ts'
import { ownShell, type RemoteShell } from '../../../operator/ssh/remote-shell.ts'
import { until } from '../../lab/waiting.ts'
import { containerObject } from '../../reconcilers/runc/objects.ts'
import { type TakingAgent, takingAgent } from '../taking-agent.ts'
import {
  addHost,
  fakeAgent,
  type Outcome,
  openCluster,
  payloadOf,
  type RunOptions,
  type Workspace,
} from '../workspace.ts'
import { type FakeHost, fakeHost } from './fake-ssh.ts'

const [web, db] = ['a'.repeat(12), 'b'.repeat(12)]

/** Docker with one project of two containers, whose states are files. */
function dockerScript(state: string, folder: string): string {
  const row = (id: string, restart: string): string => {
    const labels = {
      'com.docker.compose.project': 'old',
      'com.docker.compose.service': 'x',
      'com.docker.compose.project.working_dir': folder,
    }
    const ports = { '80/tcp': [{ HostIp: '', HostPort: '8080' }] }
    const found = { id, labels, running: 'IS', restart: { Name: restart }, mounts: [], ports }
    return JSON.stringify(found).replace('"IS"', '%s')
  }
  return `#!/bin/sh
cd "${state}" || exit 9
case "$1 $2" in
"ps --all") echo "${web} ${db}"; exit ;;
"inspect --format")
  printf '${row(web, 'always')}\\n' "$(cat ${web} 2>/dev/null || echo true)"
  printf '${row(db, 'no')}\\n' "$(cat ${db} 2>/dev/null || echo true)"
  exit ;;
"compose --project-name") exit 1 ;;
esac
echo "$*" >> log
verb=$1
shift
for id; do
  case $verb in
  stop) [ ! -e stuck ] || exit 1; echo false > $id ;;
  start) echo true > $id ;;
  esac
done
`
}

interface Cluster {
  readonly space: Workspace
  readonly agent: TakingAgent
  readonly host: FakeHost
  apply(options?: RunOptions, ...more: readonly string[]): Promise<Outcome>
  /** The commands that docker was given. */
  log(): Promise<readonly string[]>
  isRunning(): Promise<boolean>
}

async function running(context: TestContext, dir: string = '/opt/shop'): Promise<Cluster> {
  const space = await openCluster(context)
  await addHost(space, 'cloud01', '192.0.2.1:51820')
  await addHost(space, 'local01', '192.0.2.2:51820')
  const { hosts } = JSON.parse(await space.must('compile'))
  const agent = takingAgent()
  await fakeAgent(context, space, agent.routes)
  await space.must('apply', '--yes')
  const layout = (await space.read('cluster.yaml')).replace(
    /^ {2}cloud01: \{/m,
    '  cloud01: { ssh: root@pi,',
  )
  await space.write(
    'cluster.yaml',
    `${layout}stacks: { shop: { file: a, host: cloud01, dir: ${dir} } }\n`,
  )
  const labels = { 'covey.service': 'shop/web' }
  hosts.cloud01 = {
    ...hosts.cloud01,
    cn: { type: 'container_network', network: 'wg_network', subnet: '10.69.1.0/24' },
    web: containerObject({ address: '10.69.1.5', labels }),
    web_p: {
      type: 'nftables_publish',
      container: 'web',
      protocol: 'tcp',
      host_port: 8080,
      container_port: 80,
      on: 'public',
    },
  }
  await space.write('c.json', { hosts })
  const host = await fakeHost(context)
  await host.write('state/empty', '')
  await host.program('docker', dockerScript(host.path('state'), '/opt/shop'))
  const state = async (name: string): Promise<string> =>
    await readFile(host.path(`state/${name}`), 'utf8').catch(() => '')
  return {
    space,
    agent,
    host,
    async apply(options = {}, ...more) {
      await space.must('plan', 'c.json', '--out', 'p.json')
      const words = ['apply', 'p.json', '--yes', '--replace-docker', 'shop', ...more]
      return await space.covey(words, { ...options, env: host.env })
    },
    log: async () => (await state('log')).split('\n').filter((line) => line !== ''),
    isRunning: async () =>
      !(await state(web)).includes('false') && !(await state(db)).includes('false'),
  }
}

const stopping = [`update --restart=unless-stopped ${web}`, `stop ${web} ${db}`]
const starting = [`update --restart=always ${web}`, `start ${web} ${db}`]

describe('covey apply --replace-docker', () => {
  it('stops what Docker runs of it, by its folder, and leaves it stopped', async (t) => {
    const cluster = await running(t)
    const { exit, err } = await cluster.apply()
    assert.equal(exit, 0, err)
    assert.deepEqual(await cluster.log(), stopping)
    assert.match(err, /stopping old of Docker on cloud01\n/)
    assert.match(err, /old of Docker on cloud01 stays stopped; covey runs shop\n/)
    const again = await cluster.apply()
    assert.equal(again.exit, 0, again.err)
    assert.deepEqual(await cluster.log(), stopping)
    assert.match(again.err, /shop: no project of Docker runs for it on cloud01\n/)
  })

  it('finds it by its ports where nothing else tells', async (t) => {
    const cluster = await running(t, '/opt/other')
    const { exit, err } = await cluster.apply()
    assert.equal(exit, 0, err)
    assert.deepEqual(await cluster.log(), stopping)
  })

  it("starts it again where covey's services do not become healthy", async (t) => {
    const cluster = await running(t)
    const before = cluster.agent.taken.length
    let [failing, looks] = [true, 0]
    cluster.agent.rows['cloud01'] = {
      get objects() {
        const isNew = cluster.agent.held.length > 0 && failing
        looks += 1
        return isNew
          ? { converged: 1, pending: 0, failed: 1 }
          : { converged: 3, failed: 0, pending: 0 }
      },
    }
    const { exit, err } = await cluster.apply({
      watch: (text) => {
        if (text.includes('taking the services')) failing = false
      },
    })
    assert.equal(exit, 1)
    assert.ok(looks > 1)
    assert.match(
      err,
      /version 2 is in force, and not well on cloud01; its services were taken back by version 3, and old of Docker on cloud01 runs again\n/,
    )
    assert.deepEqual(await cluster.log(), [...stopping, ...starting])
    const taken = cluster.agent.taken.slice(before).map(payloadOf)
    const names = taken.map(({ hosts }) =>
      Object.keys((hosts as Record<string, object>)['cloud01'] ?? {}),
    )
    assert.deepEqual(
      names.map((each) => each.includes('web')),
      [true, false],
    )
  })

  it('starts it again where the node takes nothing, or Docker cannot stop it', async (t) => {
    const cluster = await running(t)
    await cluster.host.write('state/stuck', '')
    const stuck = await cluster.apply()
    assert.match(
      `${stuck.exit} ${stuck.err}`,
      /^1 .*docker on ssh:\/\/root@pi does not do what it is asked/s,
    )
    assert.deepEqual(await cluster.log(), [...stopping, ...starting])
    assert.equal(cluster.agent.taken.length, 1)
  })

  it('leaves one of both running at Ctrl-C, and says which', async (t) => {
    for (const [words, says] of [
      ['stopping old', /nothing was signed; old of Docker on cloud01 runs again\n/],
      ['signed version', /was not sent; old of Docker on cloud01 runs again\n/],
      ['cloud01: runs', /covey runs shop, and old of Docker on cloud01 stays stopped\n/],
    ] as const) {
      const cluster = await running(t)
      const stop = new AbortController()
      const watch = (text: string): void => {
        if (text.includes(words)) stop.abort()
      }
      const { exit, err } = await cluster.apply({ signal: stop.signal, watch })
      assert.equal(exit, 1, words)
      assert.match(err, says)
      assert.equal(await cluster.isRunning(), /runs again/.test(err), words)
      assert.equal(cluster.agent.taken.length, /runs again/.test(err) ? 1 : 2, words)
    }
  })

  it('is refused without docker, without a stack, and where nobody watches', async (t) => {
    const cluster = await running(t)
    await cluster.host.program('docker', '#!/bin/sh\nexit 127\n')
    const none = await cluster.apply()
    assert.match(
      `${none.exit} ${none.err}`,
      /^1 .*there is no docker on cloud01\nhint: nothing was signed/s,
    )
    await cluster.host.program('docker', '#!/bin/sh\n')
    const unknown = await cluster.apply({}, '--replace-docker', 'shopp')
    assert.match(`${unknown.exit} ${unknown.err}`, /^2 .*shopp: the layout has no such stack/s)
    for (const more of ['--no-wait', '--offline']) {
      const { exit, err } = await cluster.space.covey(['apply', '--replace-docker', 'shop', more])
      assert.match(`${exit} ${err}`, /^2 .*has to see whether/, more)
    }
    assert.equal(cluster.agent.taken.length, 1)
  })

  it('keeps covey where only another service is not well', async (t) => {
    const cluster = await running(t)
    cluster.agent.rows['local01'] = { objects: { converged: 1, pending: 0, failed: 1 } }
    const { exit, err } = await cluster.apply()
    assert.equal(exit, 1)
    assert.match(
      err,
      /not well on local01; covey runs shop, and old of Docker on cloud01 stays stopped/,
    )
    assert.deepEqual(await cluster.log(), stopping)
  })
})

describe('a stopped project of Docker', () => {
  const project = { project: 'old', running: [web, db], always: [web] }

  it('runs again where the one who stopped it goes away before covey takes over', async (t) => {
    const { host, log, isRunning } = await running(t)
    const shell = ownShell(host.env)
    const children: ChildProcess[] = []
    const start: RemoteShell['start'] = (...words) => {
      const child = shell.start(...words)
      children.push(child)
      return child
    }
    await stopProject({ ...shell, start }, project)
    assert.equal(await isRunning(), false)
    children[0]?.stdin?.end()
    await until('it runs again', isRunning)
    assert.deepEqual(await log(), [...stopping, ...starting])
    const second = await stopProject({ ...shell, start }, project)
    await second.going()
    const ended = once(children[1] ?? process, 'close')
    children[1]?.stdin?.end()
    await ended
    assert.equal(await isRunning(), false, 'both would hold the same data')
  })
})
