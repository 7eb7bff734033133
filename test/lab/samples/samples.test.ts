import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { normalReference } from '../../../operator/layout/services/image-names.ts'
import { sizeOf } from '../../sizes.ts'
import { batches } from './batches.ts'
import { notHealthy, type RunningSample, strangers, tooEarly, wantedPorts } from './between.ts'
import { differences, wantedFiles } from './expected.ts'
import {
  createSampleCluster,
  hostFolderOf,
  type PlacedSample,
  type SampleCluster,
} from './sample-cluster.ts'

const run = batches.slice(0, sizeOf('COVEY_SAMPLE_BATCHES', 1, batches.length))

describe('sample Compose projects on stand-in images', () => {
  let cluster: SampleCluster

  before(async () => {
    cluster = await createSampleCluster(Object.assign({}, ...run))
    for (const host of Object.values(cluster.hosts)) {
      await host.must('mkdir', ['-p', ...hostFolders])
      await host.must('chown', ['999', '/srv/dumps'])
    }
  })
  after(() => cluster?.lab.close())

  /** The status of each host, for the message of a failure. */
  async function statuses(): Promise<string> {
    const all = Object.values(cluster.hosts)
    return (await Promise.all(all.map(async (host) => (await host.covey(['status'])).stdout))).join(
      '',
    )
  }

  /** Grants what the plan says that hosts lack. */
  async function grant(): Promise<void> {
    const planned = await cluster.covey('plan', '--json')
    assert.equal(planned.exitCode, 0, planned.stderr + planned.stdout)
    for (const { host, grant: needed } of JSON.parse(planned.stdout).needs) {
      await cluster.hosts[host]?.must('covey', ['host', 'grant', needed])
    }
  }

  async function runningOf(samples: readonly PlacedSample[]): Promise<readonly RunningSample[]> {
    const found: RunningSample[] = []
    for (const host of Object.keys(cluster.hosts)) {
      const rows = await cluster.rows(host)
      const pairs = samples.flatMap((sample) =>
        rows.flatMap((row) => {
          const [stack, ...rest] = row.service?.split('/') ?? []
          const service = sample.project.services.get(rest.join('/'))
          if (stack !== sample.name || service === undefined || row.pid === null) return []
          const reference = normalReference(service.image?.value ?? '') ?? ''
          const image = cluster.images.get(reference) ?? {}
          return [{ sample, row, wanted: { project: sample.project, service, image } }]
        }),
      )
      const orders = pairs.map(({ row, wanted }) => {
        const files = wantedFiles(wanted).map(({ path }) => path)
        return { pid: row.pid ?? 0, hasInit: wanted.service.init === true, files }
      })
      const looks = await cluster.look(host, orders)
      for (const [index, pair] of pairs.entries()) {
        const seen = looks[index]
        if (seen !== undefined) found.push({ ...pair, seen })
      }
    }
    return found
  }

  for (const [index, batch] of run.entries()) {
    const named = Object.keys(batch).join(', ')
    let placed: readonly PlacedSample[] = []
    let running: readonly RunningSample[] = []

    it(`run after one command: ${named}`, { timeout: 600_000 }, async () => {
      placed = await cluster.layOut(batch)
      for (const {
        name,
        run: { host, dir },
      } of placed) {
        const folder = hostFolderOf(name)
        if (folder === undefined || dir === undefined) continue
        await cluster.hosts[host]?.must('mkdir', ['-p', dir])
        await cluster.hosts[host]?.must('cp', ['-r', `${folder}/.`, dir])
      }
      await grant()
      const options = index === 0 ? [] : ['--yes-remove']
      const applied = await cluster.covey('apply', '--yes', '--timeout', '5m', ...options)
      assert.equal(applied.exitCode, 0, applied.stderr + applied.stdout + (await statuses()))
      running = await runningOf(placed)
    })

    it(`are what their files say, to the kernel: ${named}`, () => {
      assert.deepEqual(
        running.flatMap(({ wanted, seen }) => differences(wanted, seen)),
        [],
      )
      const names = new Set(running.map(({ row }) => row.service))
      const all = placed.flatMap(({ name, project }) =>
        [...project.services.values()]
          .filter(({ restart }) => restart !== 'no')
          .map((each) => `${name}/${each.name}`),
      )
      assert.deepEqual(
        all.filter((name) => !names.has(name)),
        [],
        'does not run',
      )
    })

    it(`are healthy, and started in their order: ${named}`, () => {
      assert.deepEqual([...notHealthy(running), ...tooEarly(running)], [])
    })

    it(`find each other by name, as far as they share a network: ${named}`, () => {
      assert.deepEqual(strangers(running), [])
    })

    it(`answer on their ports where the scope says it: ${named}`, async () => {
      const wrong: object[] = []
      for (const wanted of wantedPorts(running)) {
        const { host, port } = wanted
        const [other, mesh] =
          host === 'cloud01' ? ['cloud02', '10.69.0.1'] : ['cloud01', '10.69.0.2']
        const isPublic = await answers(cluster.laptop.host.name, `${host}.example.net`, port)
        const isInMesh = await answers(other, mesh, port)
        if (isPublic !== wanted.isPublic || isInMesh !== wanted.isInMesh) {
          wrong.push({ host, port, isPublic, isInMesh })
        }
      }
      assert.deepEqual(wrong, [])
    })

    it(`show no secret anywhere: ${named}`, async () => {
      for (const host of Object.values(cluster.hosts)) {
        const { stdout } = await host.exec('grep', [
          '-rlE',
          secretTexts,
          '/var/lib/covey',
          '/run/covey',
        ])
        const paths = stdout.split('\n').filter((path) => path !== '')
        assert.deepEqual(
          paths.filter((path) => !ownPaths.test(path)),
          [],
        )
      }
      assert.doesNotMatch(published(), new RegExp(secretTexts))
    })

    it(`leave nothing to do: ${named}`, async () => {
      const { exitCode, stdout, stderr } = await cluster.covey('plan', '--detailed-exitcode')
      assert.equal(exitCode, 0, stderr + stdout)
    })
  }

  /** Resolves to true if a stand-in answers there, asked from a host of the lab. */
  async function answers(from: string, address: string, port: number): Promise<boolean> {
    const args = ['-T', '2', '-t', '1', '-q', '-O', '-', `http://${address}:${port}/`]
    return (await cluster.lab.get(from).exec('wget', args)).stdout.startsWith('stand-in')
  }

  /** Everything that an operator may commit, or a host may pass on. */
  function published(): string {
    const { folder } = cluster.lab.operator
    const entries = readdirSync(folder, { recursive: true, withFileTypes: true })
    return entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .filter((path) => /^(history|cluster\.|secrets|operators)/.test(relative(folder, path)))
      .map((path) => readFileSync(path, 'utf8'))
      .join('\n')
  }
})

/** Folders that a long form names, which nobody makes, and one whose owner counts. */
const hostFolders = ['/srv/dumps', '/srv/media/library', '/srv/media/fonts', '/srv/data']
/** Paths that the containers write themselves, or that only they are shown. */
const ownPaths = /\/(volumes|secrets)\/|\/containers\/[^/]+\/(upper|rootfs)\//
const secretTexts = 'sesame|p@ss|abc/DEF'
