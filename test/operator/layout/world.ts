import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { dirname, join } from 'node:path/posix'
import { readProject } from '../../../operator/compose/read-project.ts'
import { type Compiled, compileLayout } from '../../../operator/layout/compile.ts'
import type { Beside, CompileInput, StackSource } from '../../../operator/layout/inputs.ts'
import { type Layout, parseLayout } from '../../../operator/layout/layout.ts'
import { emptyLock, factKey, type Lock, withFacts } from '../../../operator/layout/lock.ts'
import { needsOf } from '../../../operator/layout/needs.ts'
import { ownOptions } from '../../../operator/layout/stack-options.ts'
import { configFaults } from '../../../operator/signing/draft.ts'
import { parseYamlSource } from '../../../operator/sources/yaml-source.ts'
import { embeddedServices } from '../../../operator/stacks/embedded.ts'
import type { LocatedFault } from '../../../operator/terminal/failure.ts'
import { makeCard } from '../workspace.ts'

/** Files by path; `cluster.yaml` is the layout. */
export type Files = Readonly<Record<string, string>>

/** The files beside Compose files, by stack, then by path as the file has it. */
export type BesideFiles = Readonly<Record<string, Readonly<Record<string, Beside>>>>

/** Folder of the files. */
const root = '/l/'

/** A layout with its stacks, out of texts; it must have no faults before it is compiled. */
export async function inputOf(
  files: Files,
  lock: Lock = emptyLock,
  beside: BesideFiles = {},
): Promise<CompileInput> {
  const text = files['cluster.yaml'] ?? ''
  const yaml = parseYamlSource({ file: 'cluster.yaml', text })
  const { layout, faults } = parseLayout(yaml.value)
  assert.deepEqual(faults, [])
  assert.ok(layout !== undefined)
  const stacks: StackSource[] = []
  const read = async (path: string): Promise<string | undefined> => files[path.slice(root.length)]
  for (const [name, options] of layout.stacks) {
    const given = { profiles: options.profiles, envFiles: options.envFiles, variables: new Map() }
    const { project, faults: found } = await readProject(
      { ...given, files: options.files.map((file) => root + file) },
      read,
    )
    assert.deepEqual(found, [])
    const own = new Map(Object.entries(beside[name] ?? {}))
    stacks.push({ name, options, project, beside: own, hostsOf: new Map() })
  }
  if (layout.hasServices) {
    const { text: services, hostsOf } = embeddedServices(text, yaml, layout.secrets.keys())
    const given = { profiles: [], envFiles: [], variables: new Map<string, string>() }
    const { project, faults: found } = await readProject(
      { ...given, files: [`${root}cluster.yaml`] },
      async (path) => (path === `${root}cluster.yaml` ? services : await read(path)),
    )
    assert.deepEqual(found, [])
    const options = ownOptions(layout.hosts)
    stacks.push({ name: '', options, project, beside: new Map(), hostsOf })
  }
  return { layout, lock: await withHosts(layout, lock), stacks }
}

const cards = new Map<string, string>()

/** The lock with a card and an address for every host that has none. */
async function withHosts(layout: Layout, lock: Lock): Promise<Lock> {
  const facts: Record<string, string> = {}
  for (const [index, host] of [...layout.hosts.keys()].entries()) {
    const card = cards.get(host) ?? (await makeCard(host)).card
    cards.set(host, card)
    facts[`host.${host}.card`] = card
    const [base] = layout.networkText.split('.0/')
    facts[`host.${host}.address`] = `${base}.${index + 1}`
  }
  return withFacts(withFacts(lock, facts), Object.fromEntries(lock.facts))
}

/** The digest that a test takes for that of an image. */
export function digestFor(text: string): string {
  return `sha256:${createHash('sha256').update(text).digest('hex')}`
}

/** The input with digests of all images and seals of all secrets in its lock. */
export async function prepared(input: CompileInput): Promise<CompileInput> {
  const { images } = await needsOf(input)
  const digests = images.map(({ reference }) => {
    return [factKey('image', reference), `${digestFor(reference)} linux/amd64,linux/arm64`]
  })
  const lock = withFacts(input.lock, Object.fromEntries(digests))
  const { seals } = await needsOf({ ...input, lock })
  const sealed = seals.map(({ host, object, content }) => {
    const text = digestFor(JSON.stringify(content))
    return [factKey('sealed', host, object), `${text} ${sealedText(host, object, text)}`]
  })
  return { ...input, lock: withFacts(lock, Object.fromEntries(sealed)) }
}

function sealedText(host: string, name: string, content: string): string {
  const epk = { kty: 'OKP', crv: 'X25519', x: 'A'.repeat(43) }
  const kind = { alg: 'ECDH-ES', enc: 'A256GCM', typ: 'covey-secret+jwe', epk }
  const header = JSON.stringify({ ...kind, aud: digestFor('cluster'), host, name })
  const part = (text: string): string => Buffer.from(text).toString('base64url')
  return `${part(header)}..${'A'.repeat(16)}.${part(content)}.${'A'.repeat(22)}`
}

/** Compiles texts, with all digests and seals. */
export async function compiled(
  files: Files,
  lock: Lock = emptyLock,
  beside: BesideFiles = {},
): Promise<Compiled> {
  return await compileLayout(await prepared(await inputOf(files, lock, beside)))
}

/** Fields of containers that are compiled, and that a later change of their schema brings. */
const laterFields = /\.mounts\.\d+\.host_path$/

/** Compiles texts that must have no fault, and give a config without faults. */
export async function sound(
  files: Files,
  lock: Lock = emptyLock,
  beside: BesideFiles = {},
): Promise<Compiled> {
  const result = await compiled(files, lock, beside)
  assert.deepEqual(faultTexts(result), [])
  const found = configFaults({ hosts: result.hosts })
  assert.deepEqual(
    found.filter(({ path = '' }) => !laterFields.test(path)),
    [],
  )
  return result
}

/** Faults as people see them, without the path. */
export function faultTexts({ faults, located }: Pick<Compiled, 'faults' | 'located'>): string[] {
  const placed = located.map(
    ({ file, line, column, message }: LocatedFault) => `${file}:${line}:${column}: ${message}`,
  )
  const texts = [...faults.map(({ path, message }) => `${path}: ${message}`), ...placed]
  return texts.map((text) => text.replaceAll(root, ''))
}

/** A layout of hosts by name and stacks by the text of their Compose file. */
export function clusterOf(
  hosts: readonly string[],
  stacks: Readonly<Record<string, string | readonly [options: string, text: string]>>,
): Files {
  const lines = Object.entries(stacks).map(([name, given]) => {
    const options = typeof given === 'string' ? '' : `, ${given[0]}`
    return `  ${name}: { file: ${name}.yaml${options} }\n`
  })
  const layout =
    `cluster: home\nhosts:\n${hosts.map((host) => `  ${host}: {}\n`).join('')}` +
    `stacks:\n${lines.join('')}`
  const texts = Object.entries(stacks).map(([name, given]) => {
    return [join(dirname(name), `${name}.yaml`), typeof given === 'string' ? given : given[1]]
  })
  return { 'cluster.yaml': layout, ...Object.fromEntries(texts) }
}

/** One object of a compiled config. */
export function objectOf(result: Compiled, host: string, name: string): Record<string, unknown> {
  const object = result.hosts[host]?.[name]
  const known = Object.keys(result.hosts[host] ?? {}).join(', ')
  assert.ok(object !== undefined, `${host} has no ${name}: ${known}`)
  return { ...object }
}
