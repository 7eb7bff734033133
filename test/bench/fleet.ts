import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'
import { enrolHost } from '../../agent/commands/enrol.ts'
import { createIdentity, type Identity } from '../../agent/identity/identity.ts'
import { createDisk } from '../../machine/files/disk.ts'
import { reserveBytes, reserveFile } from '../../machine/files/reserve.ts'
import type { StatusView } from '../../protocol/node/view.ts'
import { configText, makeCluster, signEnvelope, type TestCluster } from '../protocol/cluster.ts'

/** Agents on loopback, as processes of their own, from a bundle like the one that users install. */
export interface Fleet {
  readonly size: number
  /** Hands a config to one agent and resolves to ms until every agent has it durable. */
  inject(index: number, envelope: string): Promise<number>
  /** A signed config of the given version that lists the fleet, with `filler` in its body. */
  config(version: number, filler: string): string
  status(index: number): Promise<StatusView>
  /** Overlay bytes sent by all agents since their start. */
  bytesSent(): Promise<number>
  /** Process ids, in order. */
  pids(): readonly number[]
  /** Ends agent `index` and starts it again; ms from the start to its first status. */
  restart(index: number): Promise<number>
  close(): Promise<void>
}

/** Longest wait for a whole fleet to agree on something, in ms; a benchmark fails after it. */
const agreeMsMax = 60_000

interface Place {
  readonly state: string
  readonly run: string
}

/** Makes and starts `size` agents that all know one another. */
export async function startFleet(size: number): Promise<Fleet> {
  const folder = await mkdtemp(join(tmpdir(), 'covey-fleet-'))
  const bundle = join(folder, 'bundle')
  await bundleAgent(bundle)
  const places = Array.from({ length: size }, (_, index) => ({
    state: join(folder, `s${index}`),
    run: join(folder, `r${index}`),
  }))
  const identities = await Promise.all(
    places.map((place, index) => createIdentity(createDisk(place.state), `h${index}`)),
  )
  await Promise.all(places.map(({ state }) => placeReserve(state)))
  const cluster = makeCluster()
  const fleet = new RunningFleet(folder, bundle, places, (version, filler) =>
    signConfig(cluster, identities, version, filler),
  )
  try {
    await enrolAll(cluster, places, JSON.parse(fleet.config(1, '')))
    fleet.startAll()
    await connected(fleet)
    return fleet
  } catch (error) {
    await fleet.close()
    throw error
  }
}

/** An empty file of the right length: gigabytes of reserves would say nothing about agents. */
async function placeReserve(state: string): Promise<void> {
  const path = join(state, reserveFile)
  await writeFile(path, '')
  await truncate(path, reserveBytes)
}

async function enrolAll(
  cluster: TestCluster,
  places: readonly Place[],
  config: unknown,
): Promise<void> {
  for (const [index, place] of places.entries()) {
    const roots = [cluster.rootEnvelope]
    const bundle = { host: `h${index}`, root_digest: cluster.id, roots, floor: null, config }
    await enrolHost(place.state, JSON.stringify(bundle))
  }
}

class RunningFleet implements Fleet {
  readonly size: number
  readonly config: Fleet['config']
  readonly #folder: string
  readonly #program: string
  readonly #places: readonly Place[]
  readonly #children: ChildProcess[] = []

  constructor(folder: string, bundle: string, places: readonly Place[], config: Fleet['config']) {
    this.size = places.length
    this.config = config
    this.#folder = folder
    this.#program = join(bundle, 'fleet-agent.js')
    this.#places = places
  }

  #socket(index: number): string {
    return join(this.#places[index]?.run ?? '', 'covey.sock')
  }

  #start(index: number): void {
    const place = this.#places[index]
    if (place === undefined) return
    const args = [this.#program, place.state, place.run]
    // As bin/covey starts an agent.
    const env = { MALLOC_ARENA_MAX: '1', UV_THREADPOOL_SIZE: '2', ...process.env }
    const child = spawn(process.execPath, args, { stdio: 'ignore', env })
    this.#children[index] = child
    // However the benchmark ends, its agents end with it.
    process.once('exit', () => child.kill('SIGKILL'))
  }

  startAll(): void {
    for (const index of this.#places.keys()) this.#start(index)
  }

  async status(index: number): Promise<StatusView> {
    return JSON.parse(await call(this.#socket(index), 'GET', '/v1/status'))
  }

  async inject(index: number, envelope: string): Promise<number> {
    const payload = Buffer.from(JSON.parse(envelope).payload, 'base64url').toString()
    const { version } = JSON.parse(payload)
    const arrivals = this.#places.map((_, each) => waitForHead(this.#socket(each), version))
    await Promise.all(arrivals.map((arrival) => arrival.watching))
    const startedAt = performance.now()
    await call(this.#socket(index), 'POST', '/v1/config?allow_gap=1', envelope)
    await Promise.all(arrivals.map((arrival) => arrival.arrived))
    return performance.now() - startedAt
  }

  async bytesSent(): Promise<number> {
    const all = this.#places.map((_, index) => call(this.#socket(index), 'GET', '/metrics'))
    const bytes = (text: string): number => Number(/direction="out"} (\d+)/.exec(text)?.[1])
    return (await Promise.all(all)).reduce((sum, text) => sum + bytes(text), 0)
  }

  pids(): readonly number[] {
    return this.#children.map((child) => child.pid ?? 0)
  }

  async restart(index: number): Promise<number> {
    await ended(this.#children[index])
    const startedAt = performance.now()
    this.#start(index)
    await answers(this.#socket(index), (each) => this.status(each), index)
    return performance.now() - startedAt
  }

  async close(): Promise<void> {
    await Promise.all(this.#children.map(ended))
    await rm(this.#folder, { recursive: true, force: true })
  }
}

/** Asks a process to end and waits for that. */
async function ended(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined || child.exitCode !== null) return
  const exited = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  await exited
}

async function bundleAgent(outdir: string): Promise<void> {
  await build({
    entryPoints: { 'fleet-agent': join(import.meta.dirname, 'fleet-agent.ts') },
    outdir,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    splitting: true,
    logLevel: 'error',
    banner: {
      js: "import { createRequire as r } from 'node:module'; const require = r(import.meta.url)",
    },
  })
  await import('node:fs/promises').then((fs) =>
    fs.writeFile(join(outdir, 'package.json'), '{"type":"module"}'),
  )
}

function signConfig(
  cluster: TestCluster,
  identities: readonly Identity[],
  version: number,
  filler: string,
): string {
  const hosts = Object.fromEntries(
    identities.map((identity, index) => {
      const address = `10.69.${Math.floor(index / 250)}.${(index % 250) + 1}/16`
      const network = { type: 'wireguard_network', link_name: 'wg_bench', address, endpoint: 'x:1' }
      const agent = { type: 'agent', peer_id: identity.peer_id, network: 'net', port: 4069 }
      return [identity.host, { net: network, agent }]
    }),
  )
  const text = configText(cluster, version, { hosts, filler })
  return JSON.stringify(signEnvelope(text, cluster.operators))
}

/** One request over a UNIX socket; rejects on any status but 200. */
function call(socketPath: string, method: string, path: string, body?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath, method, path }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk) => chunks.push(chunk))
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString()
        if (response.statusCode === 200) resolve(text)
        else reject(new Error(`${method} ${path}: ${response.statusCode} ${text}`))
      })
    })
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}

/**
 * Watches an agent's events until its head has a version: told when it is durable, so no polling
 * blurs it.
 */
function waitForHead(
  socketPath: string,
  version: number,
): { readonly watching: Promise<void>; readonly arrived: Promise<void> } {
  const watching = Promise.withResolvers<void>()
  const arrived = Promise.withResolvers<void>()
  const late = setTimeout(
    () => arrived.reject(new Error(`${socketPath}: no version ${version}`)),
    agreeMsMax,
  )
  const outgoing = request({ socketPath, path: '/v1/events' }, (response) => {
    let text = ''
    watching.resolve()
    response.on('data', (chunk) => {
      text = (text + chunk).slice(-4096)
      if (!text.includes(`"version":${version},`)) return
      clearTimeout(late)
      arrived.resolve()
      outgoing.destroy()
    })
  })
  outgoing.on('error', (error) => {
    watching.reject(error)
    arrived.reject(error)
  })
  outgoing.end()
  return { watching: watching.promise, arrived: arrived.promise }
}

async function answers(socketPath: string, status: Fleet['status'], index: number): Promise<void> {
  const end = performance.now() + agreeMsMax
  for (;;) {
    try {
      await status(index)
      return
    } catch (error) {
      if (performance.now() > end)
        throw new Error(`${socketPath} does not answer`, { cause: error })
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
  }
}

/** Waits until every agent holds version 1 and its neighbours are connected. */
async function connected(fleet: Fleet): Promise<void> {
  const end = performance.now() + agreeMsMax
  const least = Math.min(fleet.size - 1, 6)
  for (let index = 0; index < fleet.size; ) {
    const status = await fleet.status(index).catch(() => null)
    const links = status?.peers.filter((peer) => peer.connected).length ?? 0
    if (status !== null && links >= least) index++
    else if (performance.now() > end) throw new Error(`agent ${index} has ${links} connections`)
    else await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

/** Memory of a process in bytes: resident in all, and its own (anonymous) part. */
export async function memoryOf(
  pid: number,
): Promise<{ readonly rss: number; readonly own: number }> {
  const text = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8')
  const kilobytes = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)?.[1])
  return { rss: kilobytes('Rss') * 1024, own: kilobytes('Anonymous') * 1024 }
}

/** Processor time of a process so far, in seconds (proc(5): utime and stime, in ticks of 10 ms). */
export async function cpuOf(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8')
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / 100
}
