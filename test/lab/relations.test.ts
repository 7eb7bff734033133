import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { ContainerCounters } from '../../protocol/api/stats.ts'
import { sealText } from '../machine/secrets/seal.ts'
import { buildBusybox } from '../registry/busybox.ts'
import { askStatus, hasApplied } from './agent-status.ts'
import type { Hosts } from './config-hosts.ts'
import { container, withContainerNetworks, writeSettings } from './container-config.ts'
import { rowOf } from './container-rows.ts'
import type { VirtualHost } from './host.ts'
import { createLab, type Lab } from './lab.ts'
import { until } from './waiting.ts'

const waiting = 'trap "exit 0" TERM; while :; do sleep 0.1; done'
const values = { PASSWORD: "hunter2 it's", 'smtp.host': 'mail', EMPTY: '' }

describe('containers that know of each other', () => {
  let lab: Lab
  let host: VirtualHost
  let image: string
  let objects: Hosts[string]
  let secret: object

  before(async () => {
    lab = await createLab()
    const layout = join(lab.record.folder, 'layout')
    const Healthcheck = { Test: ['CMD-SHELL', 'test -f /ready'], Interval: 1_000_000_000 }
    image = `registry.example/tools@${await buildBusybox(layout, { Healthcheck })}`
    host = await lab.host('cloud01')
    writeSettings(host, {})
    await lab.operator.enrol([host])
    await host.startAgent()
    execFileSync('tar', ['-C', layout, '-cf', join(host.folder, 'var-lib', 'image.tar'), '.'])
    await host.must('covey', ['image', 'load', '/var/lib/image.tar'])
    const found = withContainerNetworks(await lab.operator.hosts())['cloud01'] ?? {}
    const containers = { ...found['containers'], subnet6: 'fd00:9::/64' }
    objects = { ...found, containers } as Hosts[string]
    secret = { type: 'secret', jwe: await sealed(JSON.stringify(values)) }
  })
  after(() => lab?.close())

  /** A text, sealed to the host for the object `web_s`. */
  async function sealed(text: string): Promise<string> {
    const card = await host.must('covey', ['identity', '--host', host.name, '--json'])
    const x = Buffer.from(JSON.parse(card).sealing_public_key, 'base64').toString('base64url')
    const { cluster_id: aud } = await askStatus(host.socketPath)
    const key = { kty: 'OKP', crv: 'X25519', x }
    return await sealText(text, key, { aud, host: host.name, name: 'web_s' })
  }

  function at(last: number, script: string, more: object = {}): Record<string, unknown> {
    return container(image, `10.69.101.${last}`, { command: ['sh', '-c', script], ...more })
  }

  /** Two stacks with a `db` each; the first has a migration, and something beside its web. */
  function stacks({ version = '1', alias = 'web.shop' } = {}): Record<string, object> {
    const member = (stack: string, ...names: string[]) => ({ groups: { [stack]: names } })
    const port = { host_port: 8080, container_port: 80 }
    const [from, web_] = ['container:blog-web', 'container:shop-web']
    const mounts = [{ volume: 'data', path: '/data' }]
    const side = at(0, waiting)
    const migrate = {
      ...{ mounts, restart: 'never', env: { VERSION: version } },
      after: [{ container: 'shop-db', condition: 'healthy' }],
    }
    const web = {
      ...{ mounts, aliases: [alias], extra_hosts: { nas: ['192.0.2.7'] } },
      dns: { servers: ['192.0.2.53'], search: ['lan'] },
      secrets: [{ secret: 'web_s', env_all: true }],
      after: [{ container: 'shop-migrate', condition: 'completed' }],
    }
    return {
      data: { type: 'volume' },
      web_s: secret,
      'shop-db': at(11, `sleep 2; touch /ready; ${waiting}`, {
        ...member('shop', 'db'),
        health: { from_image: true },
      }),
      'shop-migrate': at(12, 'echo "$VERSION" >>/data/runs', migrate),
      'shop-web': at(13, `cp /data/runs /tmp/seen; ${waiting}`, {
        ...member('shop', 'web'),
        ...web,
      }),
      'shop-side': { ...side, network: undefined, address: undefined, network_of: 'shop-web' },
      'blog-db': at(21, `echo page >/www/x; httpd -f -p [::]:80 -h /www & ${waiting}`, {
        ...member('blog', 'db'),
        address6: 'fd00:9::21',
      }),
      'blog-web': at(22, waiting, { ...member('blog', 'web'), address6: 'fd00:9::22' }),
      page: { type: 'nftables_publish', container: 'blog-db', ...port, on: 'public' },
      talk: {
        type: 'nftables_policy',
        container: 'blog-db',
        ingress: [{ from, ports: ['icmp', '80/tcp'] }],
      },
      shop: {
        type: 'nftables_policy',
        container: 'shop-db',
        ingress: [{ from: web_, ports: ['icmp'] }],
      },
      shown: {
        type: 'nftables_policy',
        container: 'shop-web',
        ingress: [{ from, ports: ['icmp'] }],
      },
    }
  }

  async function settled(): Promise<void> {
    await host.waitFor('is in sync', ({ state }) => state === 'in-sync', 60_000)
  }

  async function apply(added: Record<string, object>): Promise<void> {
    const hosts = { cloud01: { ...objects, ...added } } as Hosts
    const version = await lab.operator.release(JSON.parse(JSON.stringify(hosts)), host)
    await host.waitFor('has applied it', (status) => hasApplied(status, version))
    await settled()
  }

  async function inside(object: string, script: string): Promise<string> {
    return (await host.must('covey', ['exec', object, '--', 'sh', '-c', script])).trim()
  }

  const runs = (): Promise<string> => inside('shop-web', 'tr "\\n" " " </data/runs')

  it('start in their order, once the image says that a database is well', async () => {
    await apply(stacks())
    assert.equal(await runs(), '1')
    assert.equal(await inside('shop-web', 'cat /tmp/seen'), '1')
    assert.equal((await rowOf(host, 'shop-db')).health, 'healthy')
  })

  it('find each other by names of their own stack', async () => {
    const asks = (object: string, name: string): Promise<string> =>
      inside(object, `ping -c 1 -W 2 ${name} | head -n 1`)
    assert.match(await asks('shop-web', 'db'), /\(10\.69\.101\.11\)/)
    assert.match(await asks('blog-web', 'db'), /\(10\.69\.101\.21\)/)
    assert.match(await asks('blog-web', 'web.shop'), /\(10\.69\.101\.13\)/)
    assert.equal(await inside('shop-web', 'grep -c nas /etc/hosts'), '1')
    assert.equal(await inside('blog-web', 'grep -c nas /etc/hosts || true'), '0')
    const resolvConf = 'nameserver 192.0.2.53\nsearch lan'
    assert.match(await inside('shop-web', 'cat /etc/resolv.conf'), new RegExp(`^${resolvConf}`))
  })

  it('are found at IPv6 too, and published there', async () => {
    await host.must('ip', ['link', 'add', 'out0', 'type', 'bridge'])
    await host.must('ip', ['addr', 'add', '2001:db8:99::1/64', 'dev', 'out0', 'nodad'])
    await host.must('ip', ['link', 'set', 'out0', 'up'])
    const hosts = ['2001:db8:99::1', host.address].map((each) => `${each} 8080`)
    for (const at of ['fd00:9::21 80', 'db 80', ...hosts]) {
      const ask = "printf 'GET /x HTTP/1.0\\r\\n\\r\\n'"
      const page = await inside('blog-web', `${ask} | nc -w 3 ${at} | tail -n 1`)
      assert.equal(page, 'page', at)
    }
  })

  it('have many variables by one secret, which stand in no file of the host but one', async () => {
    const found = (await inside('shop-web', 'tr "\\0" "\\n" </proc/1/environ')).split('\n')
    for (const [name, value] of Object.entries(values))
      assert.ok(found.includes(`${name}=${value}`))
    const places = '/run/covey /var/lib/covey'
    const files = await host.must('sh', ['-c', `grep -rl --exclude=mem hunter2 ${places} || true`])
    assert.match(files.trim(), /^\/run\/covey\/secrets\/[^\n]*$/)
  })

  it('share a network, and start again with who has it', async () => {
    assert.match(await inside('shop-side', 'ip -o addr'), /10\.69\.101\.13\//)
    const [side, web] = [await rowOf(host, 'shop-side'), await rowOf(host, 'shop-web')]
    await host.must('kill', ['-9', String(web.pid)])
    await until('it has started again', async () => {
      const now = await rowOf(host, 'shop-side')
      return now.state === 'running' && now.pid !== side.pid
    })
    await settled()
    assert.match(await inside('shop-side', 'ip -o addr'), /10\.69\.101\.13\//)
  })

  it('are restarted by hand, also where their agent is killed meanwhile', async () => {
    const [side, web] = [await rowOf(host, 'shop-side'), await rowOf(host, 'shop-web')]
    await host.must('covey', ['restart', 'shop-web', '--no-wait'])
    await host.kill9()
    await host.startAgent()
    await until('it was restarted', async () => {
      const now = await rowOf(host, 'shop-web')
      return now.state === 'running' && now.order === null && now.pid !== web.pid
    })
    await until('what shares its network was restarted with it', async () => {
      const now = await rowOf(host, 'shop-side')
      return now.state === 'running' && now.pid !== side.pid
    })
    await settled()
    const once = await host.must('covey', ['restart', 'shop-migrate'])
    assert.match(once, /^shop-migrate: restarted \(it ended at once with exit code 0\)$/m)
    assert.equal(await runs(), '1 1')
    await inside('shop-web', "sed -i '$d' /data/runs")
  })

  it('are counted by what they use, where their network is their own', async () => {
    const rows: readonly ContainerCounters[] = JSON.parse(
      await host.must('covey', ['stats', 'blog-db', 'shop-side', '--json']),
    )
    const [db, side] = rows
    assert.deepEqual(
      rows.map(({ name }) => name),
      ['blog-db', 'shop-side'],
    )
    for (const each of rows) assert.ok((each.cpu_ns ?? 0) > 0 && (each.memory_bytes ?? 0) > 0)
    // It has served pages.
    assert.ok((db?.rx_bytes ?? 0) > 0 && (db?.tx_bytes ?? 0) > 0, JSON.stringify(db))
    assert.ok((db?.pids ?? 0) > 0, JSON.stringify(db))
    assert.deepEqual([side?.rx_bytes, side?.tx_bytes], [null, null])
  })

  it('learn another name while they run', async () => {
    const before = await rowOf(host, 'shop-web')
    await apply(stacks({ alias: 'www.shop' }))
    await until('the name is there', async () => {
      const found = await inside('blog-web', 'grep -o "[w]*\\.shop" /etc/hosts')
      return found === 'www.shop'
    })
    assert.equal((await rowOf(host, 'shop-web')).pid, before.pid)
  })

  it('run once what must, whatever ends, and again when it was changed', async () => {
    await host.kill9()
    await host.startAgent()
    await settled()
    assert.equal(await runs(), '1')
    await host.must('covey', ['stop', 'shop-web'])
    await host.powerCut()
    await host.boot()
    await host.startAgent()
    const said = async (object: string): Promise<string> => {
      const found = (await host.status()).objects.find(({ name }) => name === object)
      return `${found?.state}: ${found?.reason}`
    }
    const byHand = 'stopped by hand: covey start shop-web'
    await until('it is still stopped', async () => (await said('shop-web')).includes(byHand))
    const waits = 'waits for shop-web to run, because it shares the network of shop-web'
    await until('who shares its network waits', async () => {
      return (await said('shop-side')) === `pending: ${waits}; shop-web is ${byHand}`
    })
    assert.equal((await rowOf(host, 'shop-web')).state, 'stopped')
    await host.must('covey', ['start', 'shop-web'])
    await until('all run', async () => (await rowOf(host, 'shop-side')).state === 'running')
    await settled()
    assert.equal(await runs(), '1')
    await apply(stacks({ alias: 'www.shop', version: '2' }))
    assert.equal(await runs(), '1 2')
  })
})
