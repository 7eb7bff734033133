import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import type { VirtualHost } from './host.ts'
import { createLab, type Lab } from './lab.ts'
import type { CommandResult } from './processes.ts'
import { endSsh, type Laptop, laptopOn, type SshServer, serveSsh } from './ssh-server.ts'
import { until } from './waiting.ts'

describe('agents that are reached by ssh', () => {
  let lab: Lab
  let cloud01: VirtualHost
  let cloud02: VirtualHost
  let laptop: Laptop
  let servers: Readonly<Record<string, SshServer>>

  before(async () => {
    lab = await createLab()
    cloud01 = await lab.host('cloud01')
    cloud02 = await lab.host('cloud02')
    await lab.operator.enrol([cloud01, cloud02])
    await Promise.all([cloud01.startAgent(), cloud02.startAgent()])
    laptop = await laptopOn(await lab.host('laptop'))
    servers = {
      'cloud01.example.net': await serveSsh(cloud01, laptop),
      'cloud02.example.net': await serveSsh(cloud02, laptop, {
        lines: ['AllowStreamLocalForwarding no'],
      }),
    }
    laptop.know(servers)
    await cloud01.waitFor('knows cloud02', ({ peers }) => peers.some((peer) => peer.connected))
  })
  after(() => lab?.close())

  const env = (): Readonly<Record<string, string>> => ({
    TMPDIR: '/run',
    COVEY_KEY_DIR: lab.operator.keyFolder,
  })

  function covey(...args: readonly string[]): Promise<CommandResult> {
    return laptop.host.covey([...args, '--dir', lab.operator.folder], { env: env() })
  }

  /** The traces of connections on the laptop. */
  async function traces(): Promise<string> {
    const script =
      'ls -d /run/covey-[A-Za-z0-9]* | grep -v lab; grep -l "/ct[l]" /proc/[0-9]*/cmdline'
    return (await laptop.host.exec('sh', ['-c', `{ ${script}; } 2>/dev/null`])).stdout
  }

  async function leavesNothing(): Promise<void> {
    await until('nothing is left', async () => (await traces()) === '').catch(async (error) => {
      throw new Error(`left: ${await traces()}`, { cause: error })
    })
  }

  it('are asked over forwarded sockets, and nothing is left of the connection', async () => {
    const { exitCode, stdout, stderr } = await covey(
      'status',
      '--json',
      '--to',
      'ssh://root@cloud01.example.net',
    )
    assert.equal(exitCode, 0, stderr)
    assert.equal(JSON.parse(stdout).host, 'cloud01')
    await leavesNothing()
  })

  it('are asked by covey dial-stdio where no socket may be forwarded', async () => {
    const asked = await covey('status', '--json', '--to', 'ssh://root@cloud02.example.net')
    assert.equal(asked.exitCode, 0, asked.stderr)
    assert.equal(JSON.parse(asked.stdout).host, 'cloud02')
    const images = await covey('image', 'prune', '--to', 'ssh://root@cloud02.example.net')
    assert.equal(images.exitCode, 0, images.stderr)
    await leavesNothing()
  })

  it('are asked with a key of ssh that may do nothing else', async () => {
    await endSsh(cloud02)
    await serveSsh(cloud02, laptop, { keyOptions: 'restrict,command="covey dial-stdio"' })
    const asked = await covey('status', '--json', '--to', 'ssh://root@cloud02.example.net')
    assert.equal(asked.exitCode, 0, asked.stderr)
    assert.equal(JSON.parse(asked.stdout).host, 'cloud02')
    const shell = await laptop.host.exec('ssh', ['root@cloud02.example.net', 'echo shell'])
    assert.doesNotMatch(shell.stdout, /shell/)
  })

  it('leave nothing of the connection when the command is killed', async () => {
    const to = ['--to', 'ssh://root@cloud01.example.net']
    for (const signal of ['SIGINT', 'SIGKILL'] as const) {
      const running = laptop.host.spawn('env', ['TMPDIR=/run', 'covey', 'events', ...to])
      await until('it is connected', async () => (await traces()).includes('cmdline'))
      running.signal(signal)
      await running.ended.catch(() => undefined)
      await leavesNothing()
    }
  })

  it('are taken in turn from the layout where none is named', async () => {
    const path = lab.operator.path('cluster.yaml')
    const text = readFileSync(path, 'utf8')
    const withSsh = text
      .replace(/^( {2}cloud01: \{)/m, '$1 ssh: "root@away.example.net",')
      .replace(/^( {2}cloud02: \{)/m, '$1 ssh: "root@cloud01.example.net",')
    assert.notEqual(withSsh, text)
    writeFileSync(path, withSsh)
    const { exitCode, stdout, stderr } = await covey('status', '--json')
    assert.equal(exitCode, 0, stderr)
    assert.equal(JSON.parse(stdout).host, 'cloud01')
    assert.match(
      stderr,
      /warning: cloud01: ssh:\/\/root@away\.example\.net is not reached: its name/,
    )
    assert.equal((await covey('compile')).exitCode, 0)
    writeFileSync(path, text)
  })

  it('are all asked at once, the one without an address through another', async () => {
    const path = lab.operator.path('cluster.yaml')
    const text = readFileSync(path, 'utf8')
    const ssh = '$1 ssh: "root@cloud01.example.net",'
    writeFileSync(path, text.replace(/^( {2}cloud01: \{)/m, ssh))
    const address = await lab.operator.must('host', 'list', '--json')
    const listed: readonly { host: string; address: string }[] = JSON.parse(address).hosts
    const mesh = listed.find(({ host }) => host === 'cloud02')?.address ?? ''
    const [first, second] = Object.values(servers)
    assert.ok(first && second && mesh !== '')
    laptop.know({ ...servers, [mesh]: second })
    const all = await covey('ps', '--json')
    assert.deepEqual([all.exitCode, all.stdout, all.stderr], [0, '[]\n', ''])
    laptop.know(servers)
    const some = await covey('ps', '--json')
    assert.deepEqual([some.exitCode, some.stdout], [0, '[]\n'])
    assert.match(some.stderr, /warning: cloud02: the host key of ssh:.* is not known to ssh yet/)
    const none = await covey('logs', 'shop/web')
    assert.match(`${none.exitCode} ${none.stderr}`, /^2 covey: logs: there is no container or serv/)
    writeFileSync(path, text)
  })

  it('keep nothing of tries that led to no agent, while the command goes on', async () => {
    const path = lab.operator.path('cluster.yaml')
    const text = readFileSync(path, 'utf8')
    const withSsh = text.replace(/^( {2}(cloud0\d): \{)/gm, '$1 ssh: "root@$2.example.net",')
    writeFileSync(path, withSsh)
    await cloud02.stopAgent()
    const words = ['stats', '--watch', '--dir', lab.operator.folder]
    const running = laptop.host.spawn('env', ['TMPDIR=/run', 'covey', ...words])
    const folders = async (): Promise<readonly number[]> => {
      const { stdout } = await laptop.host.exec('sh', ['-c', 'cd /run/covey-?????? && ls'])
      return stdout.split('\n').filter(Boolean).map(Number)
    }
    await until('it has tried four times', async () => Math.max(...(await folders())) >= 4)
    const left = await folders()
    assert.ok(left.length <= 2, `one for each host: ${left}`)
    running.signal('SIGINT')
    await running.ended.catch(() => undefined)
    await cloud02.startAgent()
    writeFileSync(path, text)
  })

  it('are not asked where something is wrong with the way, which is said', async () => {
    const [to1, to2] = ['ssh://root@cloud01.example.net', 'ssh://root@cloud02.example.net']
    const say = async (to: string): Promise<string> => {
      const { exitCode, stderr } = await covey('status', '--to', to)
      return `${exitCode} ${stderr}`
    }
    laptop.know({})
    assert.match(
      await say(to1),
      /^4 covey: status: the host key of ssh:.* is not known to ssh yet\n/,
    )
    const [first, second] = Object.values(servers)
    assert.ok(first && second)
    laptop.know({ 'cloud01.example.net': second, 'cloud02.example.net': second })
    assert.match(await say(to1), /^4 covey: status: ssh:.* has another host key than the one/)
    laptop.know(servers)
    assert.match(
      await say('ssh://nobody@cloud01.example.net'),
      /^4 covey: status: ssh:.* does not let you in\nhint: ssh nobody@cloud01\.example\.net must work/,
    )
    assert.match(await say(`${to1}:23`), /^5 covey: status: ssh:.*: no ssh server listens there/)
    await cloud02.stopAgent()
    assert.match(await say(to2), /^5 covey: status: no agent answers at ssh:.*\nhint: start it/)
    assert.match(
      await say('ssh://-oProxyCommand=x'),
      /^2 covey: status: --to ssh:.*: must be \[USER/,
    )
    assert.match(
      await say('http://cloud01'),
      /^2 covey: status: --to http:.* by a socket or by ssh/,
    )
  })
})
