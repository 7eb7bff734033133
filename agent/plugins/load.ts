import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expectRootOwned, readRootOwned } from '../../machine/files/root-owned.ts'
import { CoveyError } from '../../protocol/fault.ts'
import { systemCode } from '../../protocol/system-reason.ts'
import type { AnyReconciler } from '../../reconcilers/reconciler.ts'
import { manifestBytesMax, pluginLoadMsMax, pluginsMax } from '../limits.ts'
import { guard } from './guard.ts'
import { watchImports } from './imports.ts'
import { claimedTypes, type PluginManifest, readManifest } from './manifest.ts'
import { expectRootOwnedPackage } from './package-tree.ts'
import { thrownText } from './words.ts'

/** A package with a reconciler that was loaded. */
interface Plugin {
  readonly packageName: string
  readonly reconciler: AnyReconciler
  readonly tools: Readonly<Record<string, string>>
}

/** A package that was not. The types are those that it says it owns, as far as that was read. */
interface RefusedPlugin {
  readonly packageName: string
  readonly types: readonly string[]
  /** One line for people. */
  readonly reason: string
}

/** Result of loading the packages that `agent.json` names. */
export interface LoadedPlugins {
  readonly plugins: readonly Plugin[]
  readonly refused: readonly RefusedPlugin[]
}

/** Folder of the packages, and the names that they may not take. */
export interface LoadPluginsInit {
  /** In the order of `agent.json`. */
  readonly names: readonly string[]
  /** Folder whose `node_modules` holds them: that of `agent.json`. */
  readonly folder: string
  /** Types and reconcilers that covey has itself. */
  readonly own: { readonly types: ReadonlySet<string>; readonly names: ReadonlySet<string> }
}

/** `name` or `@scope/name`, as npm allows them; no path and no version. */
const packageName = /^(@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*$/

/**
 * Loads the reconcilers of other packages. Only packages that the host's own settings name are
 * looked at, and no config can name one. One that is refused harms nothing else: its types are
 * unsupported on this host, with the reason.
 */
export async function loadPlugins(init: LoadPluginsInit): Promise<LoadedPlugins> {
  const plugins: Plugin[] = []
  const refused: RefusedPlugin[] = []
  const types = new Set(init.own.types)
  const names = new Set(init.own.names)
  for (const [index, name] of init.names.entries()) {
    const claimed: string[] = []
    try {
      if (index >= pluginsMax) throw refusal(`at most ${pluginsMax} packages are loaded`)
      if (init.names.indexOf(name) < index) throw refusal('agent.json names it twice')
      const place = placeOf(init.folder, name)
      claimed.push(...(await claimedTypes(place)))
      const { file, manifest } = await find(init.folder, name, place)
      const reconciler = await load(file)
      judge(reconciler, manifest, types, names)
      for (const type of manifest.types) types.add(type)
      names.add(reconciler.name)
      plugins.push({ packageName: name, reconciler: guard(reconciler), tools: manifest.tools })
    } catch (error) {
      const hint = error instanceof CoveyError && error.hint !== undefined ? ` (${error.hint})` : ''
      refused.push({ packageName: name, types: claimed, reason: `${thrownText(error)}${hint}` })
    }
  }
  return { plugins, refused }
}

function refusal(message: string, hint?: string): CoveyError {
  return new CoveyError('plugin-refused', message, hint === undefined ? {} : { hint })
}

function placeOf(folder: string, name: string): string {
  if (!packageName.test(name)) throw refusal('it is not the name of an npm package')
  return join(folder, 'node_modules', name)
}

/**
 * The file that a package starts with, and its manifest. Its code runs as root, so nobody but root
 * may be able to write any of it.
 */
async function find(
  folder: string,
  name: string,
  place: string,
): Promise<{ readonly file: string; readonly manifest: PluginManifest }> {
  const manifestFile = join(place, 'package.json')
  try {
    expectRootOwnedPackage(place)
    const text = (await readRootOwned(manifestFile, manifestBytesMax)).toString()
    const manifest = readManifest(text)
    return { file: entryOf(folder, name), manifest }
  } catch (error) {
    const code = systemCode(error)
    if (error instanceof CoveyError) throw error
    if (code !== 'ENOENT') throw refusal(`${manifestFile} cannot be read (${code})`)
    throw refusal(
      `it is not in ${place}`,
      `npm install --ignore-scripts --prefix ${folder} ${name}`,
    )
  }
}

function entryOf(folder: string, name: string): string {
  let file: string
  try {
    file = createRequire(join(folder, 'agent.json')).resolve(name)
  } catch {
    throw refusal('its package.json names no file to start with', 'it needs "exports": "./FILE.js"')
  }
  return expectRootOwned(file)
}

async function load(file: string): Promise<AnyReconciler> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => {
    reject(refusal(`it did not load within ${pluginLoadMsMax / 1000} s`))
  }, pluginLoadMsMax)
  try {
    const url = pathToFileURL(file)
    watchImports(url)
    const module: unknown = await Promise.race([import(url.href), late])
    const { reconciler } = Object(module)
    if (typeof reconciler !== 'object' || reconciler === null) {
      throw refusal('it has no export named "reconciler"')
    }
    return reconciler
  } finally {
    clearTimeout(timer)
  }
}

const functions = ['resolve', 'observe', 'judge', 'plan', 'apply', 'describe'] as const

/** Checks a loaded package against its manifest, and for names and types that are taken already. */
function judge(
  reconciler: AnyReconciler,
  manifest: PluginManifest,
  types: ReadonlySet<string>,
  names: ReadonlySet<string>,
): void {
  for (const member of functions) {
    if (typeof reconciler[member] !== 'function') throw refusal(`its reconciler has no ${member}`)
  }
  if (!['undefined', 'function'].includes(typeof reconciler.dueAt)) {
    throw refusal('the dueAt of its reconciler is not a function')
  }
  if (typeof reconciler.name !== 'string' || reconciler.name === '') {
    throw refusal('its reconciler has no name')
  }
  if (names.has(reconciler.name))
    throw refusal(`a reconciler named ${reconciler.name} already exists`)
  const declared = [...manifest.types].sort().join(', ')
  const actual = Object.keys(Object(reconciler.types)).sort().join(', ')
  if (declared !== actual) {
    throw refusal(`its package.json declares the types ${declared}, and it has ${actual || 'none'}`)
  }
  const taken = manifest.types.find((type) => types.has(type))
  if (taken !== undefined) throw refusal(`the type ${taken} belongs to another reconciler`)
  for (const [type, schema] of Object.entries(reconciler.types)) {
    if (typeof Object(schema).safeParse !== 'function') {
      throw refusal(`its schema of ${type} has no safeParse`)
    }
  }
}
