import { dirname } from 'node:path/posix'
import { composeServicesMax } from '../limits.ts'
import type { LocatedFault } from '../terminal/failure.ts'
import { checkFixedAddresses } from './checks/fixed-addresses.ts'
import { checkKeys } from './checks/keys-known.ts'
import { checkNames } from './checks/names-of-parts.ts'
import { checkReferences, type ServiceSets } from './checks/references.ts'
import { ProjectFiles } from './load/files.ts'
import { loadFiles } from './load/load.ts'
import { settle } from './load/merge.ts'
import type {
  ComposeNetwork,
  ComposeOptions,
  ComposeProject,
  ComposeService,
  ReadFile,
} from './project.ts'
import { Cursor } from './read/cursor.ts'
import { noteConsumers } from './read/labels.ts'
import { readContents, readProjectNetworks, readProjectVolumes } from './read/parts.ts'
import { isEnabled } from './read/profiles.ts'
import { readService } from './read/service.ts'
import { borrowVolumes, type VolumeLender } from './read/volumes-from.ts'
import { Report } from './report.ts'
import { type ProjectScope, readProjectScope } from './variables/project-scope.ts'
import { type Mapping, mapOf } from './yaml/tree.ts'

/** A project as far as it could be read, and all that is wrong with it. */
export interface ProjectResult {
  readonly project: ComposeProject
  readonly faults: readonly LocatedFault[]
}

/**
 * Reads a Compose project: its files, what they extend and include, its variables. Pure but for
 * `read`. Faults: `yaml`, `compose-*`; the project is only good for anything where there are none.
 */
export async function readProject(options: ComposeOptions, read: ReadFile): Promise<ProjectResult> {
  const report = new Report()
  const files = new ProjectFiles(read, report)
  const scope = await readProjectScope(options, files, report)
  const [first = ''] = scope.files
  const place = { file: first, line: 1, column: 1 }
  const home = { folder: dirname(first), scope: scope.scope }
  const set = { paths: scope.files, home, place }
  const loaded = settle(await loadFiles({ files, report }, set, []))
  const tree = bounded(loaded, report)
  const project = await readTree(tree, scope, { files, report, folder: home.folder })
  const { taken: variables } = scope
  return { project: { ...project, notes: report.notes, variables }, faults: report.faults }
}

function bounded(tree: Mapping, report: Report): Mapping {
  const services = tree.entries.get('services')?.value
  if (services?.kind !== 'map' || services.entries.size <= composeServicesMax) return tree
  const message = `a project has at most ${composeServicesMax} services`
  report.fault(services.place, { code: 'compose-too-large', message })
  return mapOf(tree.place, new Map())
}

interface Reading {
  readonly files: ProjectFiles
  readonly report: Report
  readonly folder: string
}

async function readTree(
  tree: Mapping,
  scope: ProjectScope,
  reading: Reading,
): Promise<Omit<ComposeProject, 'notes' | 'variables'>> {
  const { files, report, folder } = reading
  const root = new Cursor(tree, '', tree.place, report)
  for (const [key, entry] of tree.entries) {
    // Of services only those are looked at that run.
    if (key !== 'services') checkKeys(mapOf(tree.place, new Map([[key, entry]])), '', '', report)
  }
  checkNames(root)
  const sets = await readServices(root, scope, reading)
  const networks = readProjectNetworks(root.at('networks'))
  addDefault(networks, sets.enabled)
  const project = {
    folder,
    name: scope.name,
    services: sets.enabled,
    networks,
    volumes: readProjectVolumes(root.at('volumes')),
    configs: await readContents(root.at('configs'), 'configs', files),
    secrets: await readContents(root.at('secrets'), 'secrets', files),
  }
  checkReferences(project, sets, report)
  checkFixedAddresses(root.at('services'), report)
  return project
}

async function readServices(
  root: Cursor,
  { scope, profiles }: ProjectScope,
  { files, report, folder }: Reading,
): Promise<ServiceSets> {
  const enabled = new Map<string, ComposeService>()
  const disabled = new Map<string, readonly string[]>()
  const built = new Set<string>()
  const absent = new Map<string, number>()
  const lenders = new Map<string, readonly VolumeLender[]>()
  const services = root.at('services')
  if (services.isAbsent && report.faults.length === 0)
    services.fault('a Compose file has "services"', 'compose-missing')
  for (const [name, cursor] of services.members()) {
    if (!isEnabled(cursor, profiles)) {
      disabled.set(name, cursor.at('profiles').texts())
      continue
    }
    if (cursor.tree !== undefined) checkKeys(cursor.tree, cursor.path, 'services.*', report)
    if (!cursor.at('build').isAbsent) built.add(name)
    const read = await readService(name, cursor, { files, folder, scope })
    noteConsumers(read.service.labels, read.service.environment, cursor)
    if (read.absent.length > 0) absent.set(name, read.absent.length)
    lenders.set(name, read.lenders)
    enabled.set(name, read.service)
  }
  noteAbsent(absent, services)
  const whole = borrowVolumes(withoutOptional(enabled, disabled), lenders)
  return { enabled: whole, disabled, built }
}

/** One line for all names without a value. */
function noteAbsent(absent: ReadonlyMap<string, number>, services: Cursor): void {
  if (absent.size === 0) return
  const total = [...absent.values()].reduce((sum, count) => sum + count, 0)
  const names = [...absent].map(([name, count]) => `${name} ${count}`).join(', ')
  const message = `${total === 1 ? 'a variable' : `${total} variables`} without a value in "environment" ${total === 1 ? 'is' : 'are'} not set in the project's variables, and left out: ${names}`
  services.note(message, 'compose-unset')
}

/** A service need not wait for what a profile keeps away, where it says so. */
function withoutOptional(
  services: ReadonlyMap<string, ComposeService>,
  disabled: ReadonlyMap<string, readonly string[]>,
): ReadonlyMap<string, ComposeService> {
  const made = [...services].map(([name, service]) => {
    const dependsOn = new Map(
      [...service.dependsOn].filter(
        ([other, { isRequired }]) => isRequired || !disabled.has(other),
      ),
    )
    return [name, { ...service, dependsOn }] as const
  })
  return new Map(made)
}

/** The network that services share where they name none. */
function addDefault(
  networks: Map<string, ComposeNetwork>,
  services: ReadonlyMap<string, ComposeService>,
): void {
  for (const service of services.values()) {
    if (networks.has('default') || !service.networks.has('default')) continue
    networks.set('default', {
      key: 'default',
      sharedName: undefined,
      isInternal: false,
      place: service.place,
    })
  }
}
