import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { VirtualHost } from './host.ts'
import { createLab, type Lab } from './lab.ts'
import { identify, isAlive, must, run } from './processes.ts'
import { listLabs, sweepLabs } from './record.ts'
import { until } from './waiting.ts'

async function reaches(from: VirtualHost, address: string): Promise<boolean> {
  return (await from.exec('ping', ['-c', '1', '-W', '1', address])).exitCode === 0
}

/** Echo requests that have arrived at a host since it was switched on. */
async function echoesReceived(host: VirtualHost): Promise<number> {
  const text = await host.must('cat', ['/proc/net/snmp'])
  const [names = [], values = []] = text
    .split('\n')
    .filter((line) => line.startsWith('Icmp:'))
    .map((line) => line.split(' '))
  return Number(values[names.indexOf('InEchos')])
}

describe('virtual hosts', () => {
  let lab: Lab
  let a: VirtualHost
  let b: VirtualHost
  let home: VirtualHost

  before(async () => {
    lab = await createLab()
    a = await lab.host('cloud01')
    b = await lab.host('cloud02')
    home = await lab.host('home', { nat: true })
  })
  after(() => lab.close())

  it('reach one another, by name as well', async () => {
    assert.ok(await reaches(a, b.address))
    assert.ok(await reaches(b, 'cloud01.example.net'))
  })

  it('are alone: own processes, name, /run, /var/lib and links', async () => {
    const processes = await a.must('sh', ['-c', 'ls -d /proc/[0-9]* | wc -l'])
    assert.ok(Number(processes) < 10, `sees ${processes} processes`)
    assert.equal((await a.must('hostname', [])).trim(), 'cloud01')
    await a.must('touch', ['/run/covey-mark', '/var/lib/covey-mark'])
    assert.ok(!existsSync('/run/covey-mark') && !existsSync('/var/lib/covey-mark'))
    assert.equal((await b.exec('ls', ['/run/covey-mark'])).exitCode, 2)
    const links = JSON.parse(await a.must('ip', ['-json', 'link'])) as { ifname: string }[]
    assert.deepEqual(links.map(({ ifname }) => ifname).sort(), ['eth0', 'lo'])
  })

  it('pass exit codes, input and both outputs through', async () => {
    const script = 'cat; echo wrong >&2; exit 7'
    const result = await a.exec('sh', ['-c', script], { stdin: 'in' })
    assert.deepEqual(result, { exitCode: 7, stdout: 'in', stderr: 'wrong\n' })
  })

  it('are cut in one direction only, where that is asked for', async () => {
    await lab.cut('cloud01', 'cloud02', { oneWay: true })
    const [atA, atB] = [await echoesReceived(a), await echoesReceived(b)]
    assert.ok(!(await reaches(a, b.address)))
    assert.equal(await echoesReceived(b), atB, 'an echo request crossed the cut')
    assert.ok(!(await reaches(b, a.address)), 'the reply must not have come back')
    assert.equal(await echoesReceived(a), atA + 1, 'the other way was cut too')
    await lab.heal()
    assert.ok(await reaches(a, b.address))
  })

  it('are cut pairwise', async () => {
    await lab.cut('cloud01', 'cloud02')
    assert.ok(!(await reaches(a, b.address)))
    assert.ok(await reaches(home, a.address))
    await lab.isolate('home')
    assert.ok(!(await reaches(home, a.address)) && !(await reaches(home, b.address)))
    await lab.heal('cloud01', 'home')
    assert.ok(await reaches(home, a.address))
    assert.ok(!(await reaches(home, b.address)))
    await lab.heal()
    assert.ok((await reaches(a, b.address)) && (await reaches(home, b.address)))
  })

  it('behind a router open flows, and nobody outside opens one to them', async () => {
    assert.ok(await reaches(home, a.address))
    assert.ok(!(await reaches(a, home.address)))
    const router = lab.record.routers['home']?.address ?? assert.fail('no router')
    await a.must('ip', ['route', 'add', `${home.address}/32`, 'via', router])
    assert.ok(!(await reaches(a, home.address)), 'even one who knows the way must not get in')
    assert.ok(await reaches(home, a.address))
  })

  it('of one site share a router, and reach one another directly', async () => {
    const shelf = await lab.host('shelf', { nat: true, site: 'home' })
    assert.ok(await reaches(shelf, home.address))
    await assert.rejects(lab.cut('shelf', 'home'), /share a link/)
    assert.ok(await reaches(shelf, a.address))
  })

  it('lose what is not on disk in a power cut', async () => {
    await b.must('sh', ['-c', 'echo kept >/var/lib/covey/mark; touch /run/mark'])
    await b.must('ip', ['link', 'add', 'extra', 'type', 'veth', 'peer', 'name', 'other'])
    const sleeper = b.spawn('sleep', ['1000'])
    await b.powerCut()
    assert.notEqual(await sleeper.ended, 0)
    assert.throws(() => b.pid, /is off/)
    await b.boot()
    assert.equal(await b.must('cat', ['/var/lib/covey/mark']), 'kept\n')
    assert.equal((await b.exec('ls', ['/run/mark'])).exitCode, 2)
    assert.equal((await b.exec('ip', ['link', 'show', 'extra'])).exitCode, 1)
    assert.ok(await reaches(a, b.address))
  })

  it('run processes beside the test, and pass signals on to them', async () => {
    const script = 'trap "echo bye; exit 3" TERM; echo hi; while :; do sleep 0.05; done'
    const running = a.spawn('sh', ['-c', script])
    await until('it has said hi', () => running.output() === 'hi\n')
    running.signal('SIGTERM')
    assert.equal(await running.ended, 3)
    assert.equal(running.output(), 'hi\nbye\n')
  })
})

/** The state of the machine that a lab could change. */
async function machineState(id: string): Promise<Record<string, unknown>> {
  const mine = (text: string): boolean => text.includes(id)
  const lines = (text: string): readonly string[] => text.split('\n').filter(mine)
  const commands = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
      } catch {
        return ''
      }
    })
  return {
    processes: commands.filter(mine),
    mounts: lines(readFileSync('/proc/self/mountinfo', 'utf8')),
    cgroups: lines(
      await must('find', ['/sys/fs/cgroup', '-maxdepth', '2', '-name', 'covey-lab-*']),
    ),
    folders: readdirSync(tmpdir()).filter(mine),
    records: existsSync('/run/covey-lab') ? readdirSync('/run/covey-lab').filter(mine) : [],
  }
}

const nothing = { processes: [], mounts: [], cgroups: [], folders: [], records: [] }

/**
 * Makes and ends a lab in a network namespace that stands for the machine's, with nobody else in
 * it.
 */
const watcher = `
  const load = (name) => import(${JSON.stringify(import.meta.dirname)} + '/' + name)
  const { createLab } = await load('lab.ts')
  const { must } = await load('processes.ts')
  const look = async () => [
    await must('ip', ['-brief', 'address']), await must('ip', ['route', 'show', 'table', 'all']),
    await must('ip', ['netns']), await must('nft', ['list', 'ruleset']),
    await must('cat', ['/proc/sys/net/ipv4/ip_forward']),
  ]
  const seen = [await look()]
  const lab = await createLab()
  await lab.host('cloud01')
  await lab.host('home', { nat: true })
  seen.push(await look())
  lab.close()
  seen.push(await look())
  console.log(JSON.stringify(seen))
`

/** A process that makes a lab with a host, and says so. */
const owner = `
  const { createLab } = await import(${JSON.stringify(join(import.meta.dirname, 'lab.ts'))})
  const lab = await createLab()
  const host = await lab.host('cloud01')
  const holders = [lab.record.internet, host.record.holder, host.record.init]
  console.log(JSON.stringify({ id: lab.record.id, holders }))
  if (process.argv[1] === 'throw') throw new Error('on purpose')
  setInterval(() => undefined, 1000)
`

async function startOwner(argument: string): Promise<{
  readonly id: string
  readonly holders: readonly { pid: number; start: string }[]
  readonly kill: (signal: NodeJS.Signals) => void
  readonly ended: Promise<unknown>
}> {
  const args = ['--input-type=module', '-e', owner, argument]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] })
  const ended = new Promise((resolve) => child.on('close', resolve))
  let text = ''
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString()
  })
  await until('the owner has made its lab', () => text.endsWith('\n'))
  return { ...JSON.parse(text), kill: (signal) => child.kill(signal), ended }
}

describe('cleaning up', () => {
  it('leaves nothing', async () => {
    const lab = await createLab()
    const { id } = lab.record
    await lab.host('cloud01')
    await lab.host('home', { nat: true })
    assert.notDeepEqual(await machineState(id), nothing)
    lab.close()
    assert.deepEqual(await machineState(id), nothing)
    lab.close()
  })

  it('has nothing to do in the network of the machine, which the lab never touches', async () => {
    const inside = [process.execPath, '--input-type=module', '-e', watcher]
    const seen = JSON.parse(await must('unshare', ['--net', '--', ...inside]))
    assert.equal(seen.length, 3)
    assert.deepEqual(seen[1], seen[0])
    assert.deepEqual(seen[2], seen[0])
  })

  it('lets several labs live side by side', async () => {
    const [one, two] = await Promise.all([createLab(), createLab()])
    const [a] = await Promise.all([one.host('cloud01'), two.host('cloud01')])
    two.close()
    assert.deepEqual(await machineState(two.record.id), nothing)
    assert.ok(await reaches(a, '203.0.113.1'))
    one.close()
  })

  for (const [how, signal] of [
    ['Ctrl-C', 'SIGINT'],
    ['SIGTERM', 'SIGTERM'],
  ] as const) {
    it(`happens after ${how}`, async () => {
      const { id, kill, ended } = await startOwner('stay')
      kill(signal)
      await ended
      assert.deepEqual(await machineState(id), nothing)
    })
  }

  it('happens after an error that nobody catches', async () => {
    const { id, ended } = await startOwner('throw')
    await ended
    assert.deepEqual(await machineState(id), nothing)
  })

  it('is done by the kernel and the next lab after SIGKILL', async () => {
    const { id, holders, kill, ended } = await startOwner('stay')
    kill('SIGKILL')
    await ended
    await until('its hosts are gone with it', () => !holders.some(isAlive))
    sweepLabs()
    assert.deepEqual(await machineState(id), nothing)
  })

  it('never takes a lab whose owner lives, nor a process that only has the number', async () => {
    const lab = await createLab()
    sweepLabs()
    assert.ok(listLabs().some(({ id }) => id === lab.record.id))
    const stranger = spawn('sleep', ['1000'], { stdio: 'ignore' })
    const path = join('/run/covey-lab', lab.record.id, 'lab.json')
    const kept = readFileSync(path, 'utf8')
    const forged = JSON.parse(kept)
    forged.hosts['ghost'] = { name: 'ghost', init: { pid: stranger.pid, start: '1' }, holder: null }
    forged.owner = { pid: process.pid, start: '1' }
    writeFileSync(path, JSON.stringify(forged))
    assert.ok(sweepLabs().includes(lab.record.id))
    assert.ok(identify(stranger.pid ?? 0) !== null && stranger.exitCode === null)
    stranger.kill()
    lab.close()
  })

  it('finds all that it needs on this machine', async () => {
    const setup = join(import.meta.dirname, '../../bin/setup')
    const { exitCode, stdout, stderr } = await run('sh', [setup, '--lab'])
    assert.deepEqual({ exitCode, stdout, stderr }, { exitCode: 0, stdout: '', stderr: '' })
  })
})
