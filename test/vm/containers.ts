import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { mappedIdBase } from '../../reconcilers/images/mapped-ids.ts'
import type { AgentStatus } from '../lab/agent-status.ts'
import { type Hosts, meshLink } from '../lab/config-hosts.ts'
import { container, withContainerNetworks } from '../lab/container-config.ts'
import { Operator } from '../lab/operator.ts'
import { until } from '../lab/waiting.ts'
import { buildBaseImage } from './base-image.ts'
import { Machine } from './machine.ts'
import { makePayload, type Payload } from './payload.ts'

/** Everything takes ten times as long under emulation. */
const waitMsMax = 600_000
const mebibytes = 1024 * 1024
const page = 'busybox in a container'
const webAddress = '10.69.101.10'

/** As README.md installs it, but that there is no npm: unpacked where npm would. */
const install = `
set -eu
modules=/usr/local/lib/node_modules
mkdir -p $modules/covey
tar -xzf /payload/covey-*.tgz -C $modules/covey --strip-components=1
ln -s $modules/covey/bin/covey /usr/local/bin/covey
ln -s /payload/node /usr/local/bin/node
cp $modules/covey/covey*.service /etc/systemd/system/
systemctl daemon-reload
`

/** A peer of the host in a network namespace of its own, joined by a link. */
const makePeer = `
set -eu
ip netns add peer
ip link add v0 type veth peer name v1 netns peer
ip address add 192.0.2.1/30 dev v0
ip link set v0 up
ip -n peer address add 192.0.2.2/30 dev v1
ip -n peer link set v1 up
ip -n peer link add wg0 type wireguard
ip -n peer address add 10.69.0.9/16 dev wg0
umask 077
[ -f /var/lib/peer.key ] || wg genkey >/var/lib/peer.key
ip netns exec peer wg set wg0 listen-port 51820 private-key /var/lib/peer.key
ip -n peer link set wg0 up
wg pubkey </var/lib/peer.key
`

/** Asks for the page from inside the peer's namespace, by the tunnel. */
const askPage = `
ip netns exec peer bash -c '
  exec 3<>/dev/tcp/${webAddress}/80
  printf "GET / HTTP/1.0\\r\\n\\r\\n" >&3
  cat <&3
'`

describe('covey on a machine with systemd, cgroup v2 and the WireGuard of the kernel', () => {
  let payload: Payload
  let machine: Machine
  let operator: Operator
  let home = ''
  let peerKey = ''

  before(async () => {
    const base = await buildBaseImage()
    payload = await makePayload()
    home = mkdtempSync(join(tmpdir(), 'covey-vm-operator-'))
    operator = new Operator(home)
    machine = await Machine.boot(base, payload.disk)
    await machine.must(install)
  })
  after(() => {
    machine?.close()
    payload?.remove()
    if (home !== '') rmSync(home, { recursive: true })
  })

  async function send(name: string): Promise<string> {
    const base64 = readFileSync(operator.path(name)).toString('base64')
    await machine.must(`echo ${base64} | base64 -d >/root/${name}`)
    return `/root/${name}`
  }

  async function status(): Promise<AgentStatus> {
    return JSON.parse(await machine.must('covey status --json'))
  }

  /** Waits until the status is as wanted; fails with the last one and the journal. */
  async function waitFor(
    what: string,
    wanted: (status: AgentStatus) => boolean,
  ): Promise<AgentStatus> {
    let last: AgentStatus | null = null
    const probe = async (): Promise<AgentStatus | false> => {
      last = await status()
      return wanted(last) && last
    }
    return await until(what, probe, waitMsMax).catch(async (error: unknown) => {
      const { output } = await machine.exec('journalctl -u covey --no-pager -n 40')
      throw new Error(`${what}: ${JSON.stringify(last)}\n${output}`, { cause: error })
    })
  }

  async function config(): Promise<Hosts> {
    const found = withContainerNetworks(await operator.hosts())
    const image = `vm.invalid/busybox@${payload.busybox}`
    const { object } = meshLink(found, 'vm01')
    const peer = {
      type: 'wireguard_peer',
      network: object,
      public_key: peerKey,
      allowed_ips: ['10.69.0.9/32'],
      endpoint: '192.0.2.2:51820',
    }
    const shell = (script: string): object => ({ command: ['sh', '-c', script] })
    // A shell that may not fork ends; the first process stays.
    const forks = '(while :; do sleep 1000 & done); exec sleep 100000'
    const add = (last: number, more: object): object =>
      container(image, `10.69.101.${last}`, { ...more })
    return {
      vm01: {
        ...found['vm01'],
        peer,
        web: add(10, { command: ['httpd', '-f', '-p', '80', '-h', '/www'] }),
        greedy: add(11, {
          command: ['dd', 'if=/dev/zero', 'of=/dev/null', 'bs=64M', 'count=1'],
          resources: { memory_bytes: 16 * mebibytes },
          restart: 'never',
        }),
        busy: add(12, { ...shell('while :; do :; done'), resources: { cpu_milli: 100 } }),
        mapped: add(14, { ...shell('while :; do sleep 1; done'), user_namespace: true }),
        many: add(13, { ...shell(forks), resources: { pids: 10 } }),
      },
    } as Hosts
  }

  it('is enrolled, and runs as its unit', async () => {
    writeFileSync(
      operator.path('card.json'),
      await machine.must('covey identity --host vm01 --json'),
    )
    await operator.must('init', '.', '--name', 'home')
    await operator.must('host', 'add', '--card', 'card.json', '--endpoint', '192.0.2.1:51820')
    await operator.must('apply', '--offline', '-o', 'first.json')
    await operator.must('bundle', '--host', 'vm01', '-o', 'bundle.json')
    await machine.must(`covey enrol ${await send('bundle.json')}`)
    await machine.must('systemctl enable --now covey')
    const running = async (): Promise<boolean> => (await status()).state === 'in-sync'
    await until('the agent is in sync', running, waitMsMax)
  })

  /** Tells the peer of the host's key, and waits until it gets the page through the tunnel. */
  async function pageArrives(): Promise<void> {
    // After a boot the agent answers before its link has a key.
    const readKey = async (): Promise<string | undefined> => {
      const { output } = await machine.exec('wg show wg_cluster public-key')
      return /^[\w+/]{43}=$/m.exec(output)?.[0]
    }
    const key = await until('the link has its key', readKey, waitMsMax)
    const allowed = '10.69.0.0/16 persistent-keepalive 5 endpoint 192.0.2.1:51820'
    await machine.must(`ip netns exec peer wg set wg0 peer ${key} allowed-ips ${allowed}`)
    const arrives = async (): Promise<boolean> =>
      (await machine.exec(askPage)).output.includes(page)
    await until('the page arrives through the tunnel', arrives, waitMsMax)
  }

  it('uses the WireGuard of the kernel', async () => {
    assert.match(await machine.must('ip -d link show wg_cluster'), /^ +wireguard /m)
    assert.equal(await machine.must('cat /proc/[0-9]*/comm | grep -c wireguard-go || true'), '0\n')
    peerKey = (await machine.must(makePeer)).trim()
  })

  it('runs containers of an image that was loaded', async () => {
    await machine.must('covey image load /payload/busybox.tar')
    const signed = await operator.sign(await config())
    await machine.must(`covey inject ${await send(signed.split('/').at(-1) ?? '')}`)
    await waitFor('web runs', ({ objects }) =>
      objects.some(({ name, state }) => name === 'web' && state === 'converged'),
    )
    await pageArrives()
  })

  it('keeps memory within its limit, and says when it ran out', async () => {
    const { objects } = await waitFor('greedy has failed', ({ objects }) =>
      objects.some(({ name, state }) => name === 'greedy' && state === 'failed'),
    )
    assert.match(objects.find(({ name }) => name === 'greedy')?.reason ?? '', /ran out of memory/)
  })

  async function pidOf(object: string): Promise<number> {
    const rows: { name: string; pid: number }[] = JSON.parse(await machine.must('covey ps --json'))
    return rows.find(({ name }) => name === object)?.pid ?? assert.fail(`no ${object}`)
  }

  /** A file of the control group of an object's container. */
  async function group(object: string, file: string): Promise<string> {
    return await machine.must(
      `cat "$(find /sys/fs/cgroup/system.slice -type d -name 'covey-${object}-*')/${file}"`,
    )
  }

  it('keeps processor time within its limit', async () => {
    assert.equal(await group('busy', 'cpu.max'), '10000 100000\n')
    await until('it was throttled', async () =>
      /^nr_throttled [1-9]/m.test(await group('busy', 'cpu.stat')),
    )
  })

  it('keeps processes within their limit', async () => {
    assert.equal(await group('many', 'pids.max'), '10\n')
    await until('it was refused a process', async () =>
      /^max [1-9]/m.test(await group('many', 'pids.events')),
    )
    assert.ok(Number(await group('many', 'pids.current')) <= 10)
  })

  it('keeps the root of a user namespace off the host', async () => {
    await waitFor('mapped runs', ({ objects }) =>
      objects.some(({ name, state }) => name === 'mapped' && state === 'converged'),
    )
    const pid = await pidOf('mapped')
    const map = new RegExp(`^ *0 +${mappedIdBase} +65536$`, 'm')
    assert.match(await machine.must(`cat /proc/${pid}/uid_map`), map)
    assert.match(await machine.must('covey exec mapped -- id -u'), /^0$/m)
    assert.match(await machine.must('covey exec mapped -- cat /proc/self/uid_map'), map)
    const tried = 'mkdir /sys/fs/cgroup/new 2>/dev/null || echo refused'
    assert.match(await machine.must(`covey exec mapped -- sh -c '${tried}'`), /^refused$/m)
    assert.equal(await group('mapped', 'pids.max'), '2048\n')
  })

  it('leaves containers alone over `systemctl restart covey`', async () => {
    const before = await pidOf('web')
    await machine.must('systemctl restart covey')
    assert.ok((await machine.must(askPage)).includes(page))
    await until('the agent answers', async () => (await status()).state !== 'applying', waitMsMax)
    assert.equal(await pidOf('web'), before)
    assert.match(await machine.must('systemctl is-active covey'), /^active$/m)
  })

  it('brings containers back after a reboot', async () => {
    await machine.reboot()
    await machine.must(makePeer)
    await until('the agent answers', async () => await status(), waitMsMax)
    await pageArrives()
  })
})
