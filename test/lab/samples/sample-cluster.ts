import assert from 'node:assert/strict'
import { appendFileSync, cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ComposeProject } from '../../../operator/compose/project.ts'
import { readProject } from '../../../operator/compose/read-project.ts'
import { normalReference } from '../../../operator/layout/services/image-names.ts'
import type { ContainerRow } from '../../../protocol/api/containers.ts'
import { samples } from '../../operator/samples/samples.ts'
import type { ImageSettings } from '../../registry/image.ts'
import { writeSettings } from '../container-config.ts'
import { projectRoot, type VirtualHost } from '../host.ts'
import { createLab, type Lab } from '../lab.ts'
import type { CommandResult } from '../processes.ts'
import { serveOn } from '../registry-host.ts'
import { type Laptop, laptopOn, serveSsh } from '../ssh-server.ts'
import type { LabRun } from './batches.ts'
import type { LookOrder, Seen } from './look.ts'
import { buildStandIn, type StandInImage, storeImages } from './stand-ins.ts'

const samplesFolder = join(projectRoot, 'test/operator/samples')
const registries = ['docker.io', 'registry.example']
const insecure = Object.fromEntries(registries.map((name) => [name, { insecure: true }]))

/** A sample that is in the layout, as its files say it. */
export interface PlacedSample {
  readonly name: string
  readonly run: LabRun
  readonly project: ComposeProject
}

/** Two hosts, a registry with stand-in images under their public names, and a laptop. */
export interface SampleCluster {
  readonly lab: Lab
  readonly laptop: Laptop
  readonly hosts: Readonly<Record<string, VirtualHost>>
  readonly images: ReadonlyMap<string, ImageSettings>
  /** The covey command on the laptop. */
  covey(...args: readonly string[]): Promise<CommandResult>
  /** Writes these samples, and no others, into the layout. */
  layOut(batch: Readonly<Record<string, LabRun>>): Promise<readonly PlacedSample[]>
  rows(host: string): Promise<readonly ContainerRow[]>
  look(host: string, orders: readonly LookOrder[]): Promise<readonly Seen[]>
}

/** Files of a sample as it runs in the lab. */
function filesOf(name: string, { files, isLimited }: LabRun): readonly string[] {
  const sample = samples[name] ?? assert.fail(`no sample ${name}`)
  const usual = files ?? sample.mended ?? sample.files
  return isLimited ? [...usual, 'lab.yaml'] : usual
}

async function readSample(name: string, run: LabRun): Promise<ComposeProject> {
  const sample = samples[name] ?? assert.fail(`no sample ${name}`)
  const paths = filesOf(name, run).map((file) => join(samplesFolder, name, file))
  const { project, faults } = await readProject(
    { files: paths, profiles: sample.profiles ?? [], envFiles: [], variables: new Map() },
    (path) => readFile(path, 'utf8').catch(() => undefined),
  )
  assert.deepEqual(faults, [])
  return project
}

/** User of an image, by its name; the others begin as root. */
const users: readonly (readonly [RegExp, string])[] = [
  [/\/kong:/, 'kong'],
  [/node-red|search\/board/, 'app'],
  [/\/social\//, '991:991'],
]

/** Images of samples: each listens on the ports that its services publish, expose or ask. */
function imagesOf(projects: readonly ComposeProject[]): readonly StandInImage[] {
  const ports = new Map<string, Set<number>>()
  for (const { services } of projects) {
    for (const { image, ports: published, expose, healthcheck } of services.values()) {
      const reference = normalReference(image?.value ?? '')
      if (reference === undefined) continue
      const own = ports.get(reference) ?? new Set<number>()
      const test = healthcheck?.kind === 'check' ? (healthcheck.command ?? []) : []
      const asked = test.flatMap(({ value }) => [...value.matchAll(/:(\d+)\//g)])
      const open = [
        ...published.map((each) => each.containerPort),
        ...expose.map(({ port }) => port),
      ]
      for (const port of [...open, ...asked.map(([, port]) => Number(port))]) own.add(port)
      ports.set(reference, own)
    }
  }
  return [...ports].map(([reference, own]) => {
    const user = users.find(([pattern]) => pattern.test(reference))?.[1]
    const Env = ['PATH=/usr/local/bin:/bin', `STAND_IN_PORTS=${[...own].join(' ')}`]
    const config: ImageSettings = {
      ...{ Entrypoint: ['/stand-in'], Env },
      ...(user === undefined ? {} : { User: user }),
      ...(/\/vpn:/.test(reference) ? { Healthcheck: { Test: ['CMD', 'true'] } } : {}),
    }
    return { reference, config }
  })
}

/** Makes the cluster; images are those of these samples. */
export async function createSampleCluster(
  runs: Readonly<Record<string, LabRun>>,
): Promise<SampleCluster> {
  const lab = await createLab()
  try {
    return await openSampleCluster(lab, runs)
  } catch (error) {
    lab.close()
    throw error
  }
}

async function openSampleCluster(
  lab: Lab,
  runs: Readonly<Record<string, LabRun>>,
): Promise<SampleCluster> {
  const projects = await Promise.all(
    Object.entries(runs).map(([name, run]) => readSample(name, run)),
  )
  const layout = join(lab.record.folder, 'stand-in')
  await buildStandIn(layout)
  const registry = await lab.host('registry')
  const images = imagesOf(projects)
  const served = await serveOn(registry, { tls: true, port: 443 }, {})
  storeImages(layout, served.storage, images)
  const hosts: Record<string, VirtualHost> = {}
  for (const name of ['cloud01', 'cloud02']) hosts[name] = await lab.host(name)
  const laptop = await laptopOn(await lab.host('laptop'))
  const names = 'registry.example registry-1.docker.io'
  appendFileSync(join(lab.record.folder, 'hosts'), `${registry.address} ${names}\n`)
  for (const host of Object.values(hosts)) writeSettings(host, { registries: insecure })
  await lab.operator.enrol(Object.values(hosts))
  await Promise.all(Object.values(hosts).map((host) => host.startAgent()))
  const [first] = Object.values(hosts)
  assert.ok(first !== undefined)
  laptop.know({ 'cloud01.example.net': await serveSsh(first, laptop) })
  await first.waitFor('knows cloud02', ({ peers }) => peers.some((peer) => peer.connected))
  const start = readFileSync(lab.operator.path('cluster.yaml'), 'utf8')
  const hostOf = (name: string): VirtualHost => hosts[name] ?? assert.fail(`no host ${name}`)
  return {
    ...{ lab, laptop, hosts },
    images: new Map(images.map(({ reference, config }) => [reference, config])),
    covey: async (...args) => {
      const env = { TMPDIR: '/run', COVEY_KEY_DIR: lab.operator.keyFolder }
      const to = ['--dir', lab.operator.folder, '--to', 'ssh://root@cloud01.example.net']
      return await laptop.host.covey([...args, ...to], { env, timeoutMs: 600_000 })
    },
    layOut: async (batch) => {
      const entries = Object.entries(batch)
      for (const [name] of entries) copySample(name, lab.operator.folder)
      writeFileSync(lab.operator.path('cluster.yaml'), layoutText(start, batch))
      return await Promise.all(
        entries.map(async ([name, run]) => ({ name, run, project: await readSample(name, run) })),
      )
    },
    rows: async (host) => JSON.parse(await hostOf(host).must('covey', ['ps', '--json'])),
    look: async (host, orders) => {
      const node = join(projectRoot, 'node_modules/.bin/node')
      const stdin = JSON.stringify(orders)
      return JSON.parse(
        await hostOf(host).must(node, [join(import.meta.dirname, 'look.ts')], { stdin }),
      )
    },
  }
}

/** Copies a sample; its folder `host`, which belongs on the host, stays behind. */
function copySample(name: string, folder: string): void {
  const from = join(samplesFolder, name)
  const filter = (path: string): boolean => path !== join(from, 'host')
  cpSync(from, join(folder, name), { recursive: true, filter })
}

/** Folder of a sample with what lies on its host already; undefined where there is none. */
export function hostFolderOf(name: string): string | undefined {
  const folder = join(samplesFolder, name, 'host')
  return existsSync(folder) ? folder : undefined
}

function layoutText(start: string, batch: Readonly<Record<string, LabRun>>): string {
  const lines: string[] = []
  let hosts = start
  for (const [name, run] of Object.entries(batch)) {
    const sample = samples[name] ?? assert.fail(`no sample ${name}`)
    const files = filesOf(name, run).map((file) => `${name}/${file}`)
    const profiles = (sample.profiles ?? []).join(', ')
    const dir = run.dir === undefined ? '' : `, dir: ${run.dir}`
    const where = `host: ${run.host}, ports: ${run.ports ?? 'public'}${dir}`
    lines.push(`  ${name}: { file: [${files.join(', ')}], profiles: [${profiles}], ${where} }`)
    if (sample.objects === undefined) continue
    const host = new RegExp(`^( {2}${run.host}: \\{.*?)( \\})$`, 'm')
    hosts = hosts.replace(host, `$1, objects: ${sample.objects}$2`)
  }
  return `${hosts}stacks:\n${lines.join('\n')}\nregistries: ${JSON.stringify(insecure)}\n`
}
