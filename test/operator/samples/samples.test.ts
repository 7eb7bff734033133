import assert from 'node:assert/strict'
import { cp, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { env } from 'node:process'
import { describe, it, type TestContext } from 'node:test'
import type { ComposeProject } from '../../../operator/compose/project.ts'
import { readProject } from '../../../operator/compose/read-project.ts'
import { normalReference } from '../../../operator/layout/services/image-names.ts'
import { digestFor } from '../layout/world.ts'
import { takingAgent } from '../taking-agent.ts'
import type { Workspace } from '../workspace.ts'
import { addHost, fakeAgent, type Outcome, openCluster, payloadOf } from '../workspace.ts'
import { outlineOf } from './outline.ts'
import { type Sample, samples, stackLine } from './samples.ts'

/** Every secret of the samples has one of these in it. */
const secretTexts = /sesame|p@ss|abc\/DEF/

async function openSample(t: TestContext, name: string): Promise<Workspace> {
  const space = await openCluster(t)
  await addHost(space, 'cloud01', '192.0.2.1:51820')
  await cp(join(import.meta.dirname, name), space.path(name), { recursive: true })
  return space
}

/** Adds a digest of each image of these files to the lock; gives what they say. */
async function knowImages(
  space: Workspace,
  name: string,
  { profiles = [] }: Sample,
  files: readonly string[],
): Promise<ComposeProject> {
  const paths = files.map((file) => space.path(join(name, file)))
  const { project } = await readProject(
    { files: paths, profiles, envFiles: [], variables: new Map() },
    (path) => readFile(path, 'utf8').catch(() => undefined),
  )
  const references = [...project.services.values()].flatMap(
    ({ image }) => normalReference(image?.value ?? '') ?? [],
  )
  const facts = references.map((each) => `image.${each} ${digestFor(each)} linux/amd64,linux/arm64`)
  const lock = await space.read('cluster.lock')
  const lines = new Set([...lock.trimEnd().split('\n'), ...facts])
  await space.write('cluster.lock', `${[...lines].sort().join('\n')}\n`)
  return project
}

interface Said extends Readonly<Record<'code' | 'file' | 'message', string>> {
  readonly line: number
  readonly column: number
  readonly path?: string | null
}

/** Faults with code and place, or warnings, of a command that printed JSON. */
function saidBy({ exit, err, out }: Outcome, name: string): string {
  const { error } = JSON.parse(out || '{}')
  const faults: readonly Said[] = error?.faults ?? []
  const told = faults.map(({ code, file, line, column, path, message }) => {
    return `${file}:${line}:${column}: ${code}: ${path ? `${path}: ` : ''}${message}`
  })
  const text = [`exit ${exit}`, ...(error === undefined ? err.trimEnd().split('\n') : told)]
  return text
    .filter((line) => line !== '')
    .map((line) => `${line.replaceAll(`${name}/`, '').replace('covey: warning: ', '')}\n`)
    .join('')
}

/** Compares with `expected.txt` of the sample, which `COVEY_WRITE=1` writes. */
async function expectText(name: string, text: string): Promise<void> {
  const path = join(import.meta.dirname, name, 'expected.txt')
  if (env['COVEY_WRITE'] === '1') await writeFile(path, text)
  assert.equal(text, await readFile(path, 'utf8').catch(() => ''))
}

/** Signs the config, plans it at an agent that has none; gives all that others may read of it. */
async function published(t: TestContext, space: Workspace): Promise<readonly string[]> {
  const agent = takingAgent()
  await fakeAgent(t, space, agent.routes)
  const plan = await space.covey(['plan', '--json'])
  assert.equal(plan.exit, 0, plan.err)
  const applied = await space.covey(['apply', '--offline', '--yes', '-o', 'signed.json'])
  assert.equal(applied.exit, 0, applied.err)
  const entries = await readdir(space.dir, { recursive: true, withFileTypes: true })
  const paths = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(space.dir.length + 1))
    .filter((path) => /^(history|cluster\.lock|config\.json|signed\.json)/.test(path))
  const texts = await Promise.all(paths.map((path) => space.read(path)))
  const payload = JSON.stringify(payloadOf(await space.read('signed.json')))
  assert.ok(paths.some((path) => path.startsWith('history/')))
  return [plan.out, plan.err, applied.out, applied.err, payload, ...texts]
}

describe('Compose files shaped after what programs publish', () => {
  for (const [name, sample] of Object.entries(samples)) {
    it(`say what is refused, become objects, and keep their secrets: ${name}`, async (t) => {
      const space = await openSample(t, name)
      const start = await space.read('cluster.yaml')
      await space.write('cluster.yaml', `${start}stacks:\n${stackLine(name, sample, sample.files)}`)
      const asItIs = await space.covey(['validate', 'cluster.yaml', '--json'])
      const { mended } = sample
      const files = mended ?? sample.files
      const objects = sample.objects === undefined ? '' : `, objects: ${sample.objects}`
      const layout = start.replace(/^( {2}cloud01: \{.*?)( \})$/m, `$1${objects}$2`)
      await space.write('cluster.yaml', `${layout}stacks:\n${stackLine(name, sample, files)}`)
      const project = await knowImages(space, name, sample, files)
      const compiled = await space.covey(['compile', '-o', 'config.json', '--json'])
      const text = [`# as it is: ${saidBy(asItIs, name)}`]
      if (mended !== undefined) text.push(`# mended: ${saidBy(compiled, name)}`)
      if (compiled.exit === 0) {
        const { hosts } = JSON.parse(await space.read('config.json'))
        text.push('# objects\n', outlineOf(hosts.cloud01, project))
      }
      await expectText(name, text.join(''))
      assert.deepEqual([asItIs.exit, compiled.exit], [mended === undefined ? 0 : 2, 0])
      const all = [asItIs, compiled].flatMap(({ err, out }) => [err, out])
      for (const each of [...all, ...(await published(t, space))]) {
        assert.doesNotMatch(each, secretTexts)
      }
    })
  }
})
