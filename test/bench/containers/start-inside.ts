import { execFile, spawn } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'
import { openContainers } from '../../../machine/containers/containers.ts'
import { createHostPorts } from '../../../machine/host-ports.ts'
import { steadyClock } from '../../../machine/steady-clock.ts'
import type { Config } from '../../../protocol/documents/config.ts'
import type { ImageReady } from '../../../reconcilers/host-images.ts'
import type { HostPorts } from '../../../reconcilers/host-ports.ts'
import { applyRunc } from '../../../reconcilers/runc/apply.ts'
import { runc } from '../../../reconcilers/runc/index.ts'
import type { ContainerSpec } from '../../../reconcilers/runc/spec.ts'
import { createFakeImages } from '../../reconcilers/fake/images.ts'
import { makeBusyboxTree } from '../../registry/busybox.ts'
import { podman, podmanRun } from './peers.ts'

const execute = promisify(execFile)
const runs = 15
const command = ['sleep', '1000']

/** The results of the runs, in ms. */
export interface StartTimes {
  readonly ours: number[]
  readonly bare: number[]
  readonly podman: number[]
}

const state = '/var/lib/covey'
const layer = join(state, 'bench-layer')
const digest = `sha256:${'0'.repeat(64)}`

const image: ImageReady = {
  state: 'ready',
  manifestDigest: digest,
  layers: [layer],
  config: {
    entrypoint: [],
    command,
    environment: ['PATH=/bin'],
    workingDir: '',
    user: '',
    stopSignal: null,
    volumes: [],
  },
  passwd: readPasswd('passwd'),
  group: readPasswd('group'),
}

function readPasswd(name: string): string {
  return `root:x:0:0${name === 'passwd' ? ':root:/root:/bin/sh' : ':'}\n`
}

function specs(): readonly ContainerSpec[] {
  const objects: Record<string, object> = {
    network: { type: 'container_network', subnet: '10.69.1.0/24' },
  }
  for (let run = 0; run <= runs; run++) {
    const address = `10.69.1.${run + 10}`
    const own = { image: `bench.invalid/busybox@${digest}`, network: 'network', address }
    objects[`c${run}`] = { type: 'runc_container', ...own }
  }
  const config = { hosts: { bench: objects } } as unknown as Config
  const { spec, faulty } = runc.resolve(config, 'bench')
  if (faulty.length > 0) throw new Error(JSON.stringify(faulty))
  return spec.containers
}

const log = { debug() {}, info() {}, warn() {}, error() {} }

async function openPorts(): Promise<HostPorts> {
  const places = { stateDir: state, runDir: '/run/covey' }
  const { port } = await openContainers({
    ...places,
    clock: steadyClock,
    log,
    grants: [],
    settingsFile: '/etc/covey/agent.json',
    onChange() {},
    onEvent() {},
  })
  const keys = {
    wireguardPublicKeys: async () => [],
    wireguardPrivateKey: async () => null,
  }
  const secrets = { place: async () => undefined, remove: async () => undefined }
  return createHostPorts({
    ...places,
    keys,
    images: createFakeImages().port,
    containers: port,
    secrets,
  })
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now()
  await work()
  return performance.now() - startedAt
}

/** covey: image, network namespace and the agent are there. */
async function startOurs(spec: ContainerSpec, host: HostPorts): Promise<number> {
  const { signal } = new AbortController()
  const about = { objects: [spec.object], lane: spec.object, pace: 'recurring' as const }
  const { id } = spec
  const { networkNamespace } = await host.containers.facts(id, [], spec.object)
  await execute('ip', ['netns', 'add', basename(networkNamespace)])
  const count = { restarts: 0, streak: 0 }
  const create = { kind: 'create', spec, image, hosts: '127.0.0.1 localhost\n', goesOn: false }
  return await timed(async () => {
    await applyRunc({ ...create, ...about } as Parameters<typeof applyRunc>[0], host, signal)
    await applyRunc({ kind: 'start', id, count, ...about }, host, signal)
  })
}

/** runc alone, with the configuration that covey made, and everything around it made beforehand. */
async function startBare(spec: ContainerSpec, run: number): Promise<number> {
  const name = `bare-${run}`
  const { id } = spec
  const config = JSON.parse(readFileSync(`/run/covey/containers/${id}/bundle/config.json`, 'utf8'))
  const bundle = `/run/bare/${name}`
  const work = join(state, name)
  for (const each of ['upper', 'work']) mkdirSync(join(work, each), { recursive: true })
  mkdirSync(join(bundle, 'rootfs'), { recursive: true })
  const options = `lowerdir=${layer},upperdir=${work}/upper,workdir=${work}/work`
  await execute('mount', ['-t', 'overlay', '-o', options, 'overlay', join(bundle, 'rootfs')])
  await execute('ip', ['netns', 'add', name])
  config.root.path = 'rootfs'
  config.linux.cgroupsPath = `bare/${name}`
  for (const each of config.linux.namespaces) {
    if (each.type === 'network') each.path = `/run/netns/${name}`
  }
  writeFileSync(join(bundle, 'config.json'), JSON.stringify(config))
  return await timed(async () => {
    await runQuietly('runc', ['create', '--bundle', bundle, name])
    await runQuietly('runc', ['start', name])
  })
}

/** Without pipes, which the container would hold open. */
async function runQuietly(file: string, args: readonly string[]): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const child = spawn(file, args, { stdio: 'ignore' })
    child.on('error', reject)
    child.on('exit', (code) => {
      if (code === 0) resolve()
      else reject(new Error(`${file} ${args[0]}: exit code ${code}`))
    })
  })
}

async function startPodman(base: readonly string[], run: number): Promise<number> {
  const [file = '', ...args] = [...base, ...podmanRun, '--name', `p${run}`, 'bench:latest']
  return await timed(() => runQuietly(file, [...args, ...command]))
}

/** Starts containers in three ways, in turns, and prints the times as JSON. */
async function main(): Promise<void> {
  await makeBusyboxTree(layer)
  const host = await openPorts()
  const base = podman(join(state, 'podman'))
  const [file = '', ...args] = base
  const tar = `/run/bench.tar`
  await execute('tar', ['-C', layer, '-cf', tar, '.'])
  await execute(file, [...args, 'import', '--quiet', tar, 'bench:latest'])
  const times: StartTimes = { ours: [], bare: [], podman: [] }
  let made: ContainerSpec | null = null
  for (const [run, spec] of specs().entries()) {
    const ways: (readonly [keyof StartTimes, () => Promise<number>])[] = [
      ['ours', () => startOurs(spec, host)],
      // With what covey wrote for the container before, where it has its turn first.
      ['bare', () => startBare(made ?? spec, run)],
      ['podman', () => startPodman(base, run)],
    ]
    // Each has its turn at each place: whoever comes second finds runc in the processor's caches.
    for (let place = 0; place < ways.length; place++) {
      const [who, start] = ways[(run + place) % ways.length] ?? []
      const ms = await start?.()
      // The first of each reads programs from the disk.
      if (run > 0 && who !== undefined && ms !== undefined) times[who].push(ms)
    }
    made = spec
  }
  process.stdout.write(`${JSON.stringify(times)}\n`, () => process.exit(0))
}

if (process.argv[1] === import.meta.filename) await main()
