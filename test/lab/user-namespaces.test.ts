import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { ContainerRow } from '../../protocol/api/containers.ts'
import { mappedIdBase } from '../../reconcilers/images/mapped-ids.ts'
import { makeBusyboxTree } from '../registry/busybox.ts'
import { buildLayout } from '../registry/image.ts'
import { hasApplied } from './agent-status.ts'
import type { Hosts } from './config-hosts.ts'
import { container, withContainerNetworks, writeSettings } from './container-config.ts'
import { processesWith, rowOf } from './container-rows.ts'
import type { VirtualHost } from './host.ts'
import { createLab, type Lab } from './lab.ts'
import { until } from './waiting.ts'

const base = mappedIdBase
const address = '10.69.101.10'
const serving = 'echo here; trap "exit 0" TERM; while :; do sleep 0.1; done'

/** Busybox, a program that is set-user-id, and one with a capability of its own. */
async function makeTree(tree: string): Promise<void> {
  await makeBusyboxTree(tree)
  execFileSync('rm', [join(tree, 'bin/su'), join(tree, 'bin/cat')])
  for (const name of ['su', 'cat']) {
    copyFileSync('/bin/busybox', join(tree, 'bin', name))
    execFileSync('chmod', [name === 'su' ? '4755' : '755', join(tree, 'bin', name)])
  }
  execFileSync('sh', ['-c', 'setcap cap_net_raw=ep "$1"', 'sh', join(tree, 'bin/cat')])
  writeFileSync(join(tree, 'etc/passwd'), 'root::0:0:root:/root:/bin/sh\n')
}

describe('a container with a user namespace', () => {
  let lab: Lab
  let host: VirtualHost
  let image: string
  let objects: Hosts[string]

  before(async () => {
    lab = await createLab()
    const layout = join(lab.record.folder, 'layout')
    const tree = join(lab.record.folder, 'tree')
    mkdirSync(tree)
    await makeTree(tree)
    image = `registry.example/tools@${await buildLayout(layout, { layers: [tree] })}`
    host = await lab.host('cloud01')
    writeSettings(host, { grants: ['path:/var/lib/shared'] })
    await lab.operator.enrol([host])
    await host.startAgent()
    const archive = join(host.folder, 'var-lib', 'image.tar')
    execFileSync('tar', ['-C', layout, '-cf', archive, '.'])
    // No registry has it: what the host makes of it comes from what it was given.
    await host.must('covey', ['image', 'load', '/var/lib/image.tar'])
    await host.must('sh', ['-c', 'mkdir /var/lib/shared; echo roots >/var/lib/shared/file'])
    await host.must('chmod', ['644', '/var/lib/shared/file'])
    objects = withContainerNetworks(await lab.operator.hosts())['cloud01'] ?? {}
  })
  after(() => lab?.close())

  function web(more: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
    return container(image, address, {
      user_namespace: true,
      command: ['sh', '-c', serving],
      mounts: [
        { volume: 'data', path: '/data' },
        { host_path: '/var/lib/shared', path: '/shared' },
      ],
      files: [{ path: '/etc/own', content: 'text\n', mode: '0400' }],
      tmpfs: ['/memory'],
      health: { command: ['test', '-f', '/etc/own'], interval_seconds: 1 },
      runtime_config: { linux: { sysctl: { 'net.core.somaxconn': '77' } } },
      ...more,
    })
  }

  async function apply(more: Readonly<Record<string, unknown>> = {}): Promise<ContainerRow> {
    const hosts = { cloud01: { ...objects, data: { type: 'volume' }, web: web(more) } }
    const version = await lab.operator.release(hosts, host)
    await host.waitFor('has applied it', (status) => hasApplied(status, version))
    await host.waitFor('is in sync', ({ state }) => state === 'in-sync', 60_000)
    return await rowOf(host, 'web')
  }

  /** The output of a script in it. */
  async function inside(script: string): Promise<string> {
    return (await host.must('covey', ['exec', 'web', '--', 'sh', '-c', script])).trim()
  }

  it('runs as root of its own, who is nobody on the host', async () => {
    const { pid, health } = await apply()
    assert.notEqual(health, null)
    await until('it is healthy', async () => (await rowOf(host, 'web')).health === 'healthy')
    assert.equal(await inside('id -u; id -g'), '0\n0')
    assert.match(await inside('cat /proc/self/uid_map'), new RegExp(`^0 +${base} +65536$`))
    assert.match(await inside('cat /proc/1/uid_map'), new RegExp(`^0 +${base} +65536$`))
    const status = await host.must('cat', [`/proc/${pid}/status`])
    assert.match(status, new RegExp(`^Uid:(\t${base}){4}$`, 'm'))
    assert.match(await host.must('covey', ['logs', 'web']), /here/)
    assert.equal(await inside('cat /etc/own; stat -c %u /etc/own /bin/sh /memory'), 'text\n0\n0\n0')
  })

  it('writes to its volume and gives files away within its range alone', async () => {
    await inside('echo x >/data/mine; chown 1000:65535 /data/mine')
    const owners = await host.must('stat', ['-c', '%u:%g', '/var/lib/covey/volumes/data/mine'])
    assert.equal(owners.trim(), `${base + 1000}:${base + 65535}`)
    assert.match(await inside('chown 65536 /data/mine 2>&1 || true'), /Invalid argument/)
  })

  it('writes nothing of the host’s root, be it mounted', async () => {
    assert.equal(await inside('cat /shared/file; stat -c %u /shared/file'), 'roots\n65534')
    const tries = ['echo x >/shared/file', 'touch /shared/new', 'rm /shared/file']
    tries.push('chown 0 /shared/file', 'echo 1 >/proc/sys/net/core/somaxconn', 'touch /sys/x')
    for (const each of tries) assert.equal(await inside(`(${each}) 2>/dev/null || echo no`), 'no')
  })

  it('has its own network in all that runs in it', async () => {
    const asked = 'ip -o -4 addr show eth0'
    assert.match(await inside(asked), new RegExp(`inet ${address}/32`))
    const terminal = `covey exec -t web -- ${asked}`
    const said = await host.must('script', ['-qec', terminal, '/dev/null'])
    assert.match(said, new RegExp(`inet ${address}/32`))
    await apply({ health: { command: ['sh', '-c', `${asked} | grep -q ${address}`] } })
    await until('it is healthy', async () => (await rowOf(host, 'web')).health === 'healthy')
  })

  it('has what the host sets in its network, and a /sys without the host’s', async () => {
    const settings = 'ipv4/ip_unprivileged_port_start core/somaxconn'.split(' ')
    const found = await inside(`cd /proc/sys/net; cat ${settings.join(' ')}`)
    assert.equal(found, '0\n77')
    assert.equal(
      await inside('ls /sys /sys/devices; ls /sys/devices/system/cpu | grep -c cpu0'),
      [...['/sys:', 'devices', 'fs', '', '/sys/devices:', 'system', '1']].join('\n'),
    )
  })

  it('keeps what programs of its image may do, where nothing forbids new privileges', async () => {
    const { pid } = await rowOf(host, 'web')
    // As the kernel sees it: the container itself never gains privileges.
    const enter = ['-t', String(pid), '--user', '--mount', '--pid', '--root', '--setuid', '1000']
    const as1000 = async (...command: readonly string[]): Promise<string> =>
      (await host.must('nsenter', [...enter, '--setgid', '1000', '--', ...command])).trim()
    assert.equal(await as1000('/bin/su', '-c', 'id -u', 'root'), '0')
    const status = await as1000('/bin/cat', '/proc/self/status')
    assert.match(status, /^CapEff:\t0000000000002000$/m)
    assert.match(
      await as1000('/bin/grep', 'Cap', '/proc/self/status'),
      /^CapEff:\t0000000000000000$/m,
    )
  })

  it('is started again, and taken up by the next agent', async () => {
    const first = await rowOf(host, 'web')
    await host.must('kill', ['-9', String(first.pid)])
    const second = await until('it runs again', async () => {
      const now = await rowOf(host, 'web')
      return now.state === 'running' && now.pid !== first.pid && now.health === 'healthy' && now
    })
    await host.kill9()
    await host.startAgent()
    await host.waitFor('is in sync', ({ state }) => state === 'in-sync')
    assert.deepEqual(await rowOf(host, 'web'), second)
    assert.equal(await inside('id -u; cat /data/mine'), '0\nx')
  })

  it('comes back after a power cut', async () => {
    await host.powerCut()
    await host.boot()
    await host.startAgent()
    await host.waitFor('is in sync', ({ state }) => state === 'in-sync', 60_000)
    assert.equal(await inside('id -u; cat /data/mine'), '0\nx')
  })

  it('is replaced by one without, and the volume keeps its owners', async () => {
    const { pid } = await apply({ user_namespace: false })
    const status = await host.must('cat', [`/proc/${pid}/status`])
    assert.match(status, /^Uid:(\t0){4}$/m)
    const owners = await inside('stat -c %u:%g /data /data/mine')
    assert.equal(owners, `${base}:${base}\n${base + 1000}:${base + 65535}`)
    const left = await host.must('sh', [
      '-c',
      'ls /run/covey-roots; grep -c covey-roots /proc/mounts || true',
    ])
    assert.equal(left.trim(), '0')
    await apply()
    assert.equal(await inside('stat -c %u:%g /data /data/mine'), '0:0\n1000:65535')
  })

  it('goes with its object, and leaves nothing', async () => {
    const version = await lab.operator.release({ cloud01: objects }, host)
    await host.waitFor('has applied it', (status) => hasApplied(status, version))
    await until('nothing is left', async () => {
      const left = await host.must('sh', ['-c', 'ls /run/covey-roots /run/covey/containers'])
      return !left.includes('covey-web') && (await processesWith(host, 'conmon')).length === 0
    })
    await host.must('covey', ['image', 'prune'])
    assert.equal(await host.must('ls', ['/var/lib/covey/images/layers']), '')
  })
})
