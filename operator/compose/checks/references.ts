import type { ComposeProject, ComposeService, GrantEntry, VolumeEntry } from '../project.ts'
import type { Report } from '../report.ts'

type Services = ReadonlyMap<string, ComposeService>

/** Services that run, and those that a profile keeps away. */
export interface ServiceSets {
  readonly enabled: Services
  /** With the profiles that would enable them. */
  readonly disabled: ReadonlyMap<string, readonly string[]>
  /** Services with `build`. */
  readonly built: ReadonlySet<string>
}

/**
 * Looks at what services say of each other and of the project's networks, volumes, configs and
 * secrets: what is named must be there.
 */
export function checkReferences(
  project: Pick<ComposeProject, 'networks' | 'volumes' | 'configs' | 'secrets'>,
  sets: ServiceSets,
  report: Report,
): void {
  for (const service of sets.enabled.values()) {
    const missing = (path: string, message: string): void => {
      const at = `services.${service.name}.${path}`
      report.fault(service.placeOf(path), { code: 'compose-missing', message, path: at })
    }
    checkServices(service, sets, missing)
    for (const key of service.networks.keys()) {
      if (!project.networks.has(key)) {
        missing(`networks.${key}`, `there is no network ${key} under "networks"`)
      }
    }
    for (const entry of service.volumes) checkVolume(entry, service, project, report)
    for (const kind of ['configs', 'secrets'] as const) {
      for (const entry of service[kind]) checkGrant(entry, service, kind, project, report)
    }
    // One that is to be built has been refused for that.
    const isBuilt = sets.built.has(service.name)
    if (!isBuilt && (service.image?.value ?? '') === '') {
      missing('image', 'has no image')
    }
  }
  for (const [name, { dependsOn }] of sets.enabled) {
    if (dependsOn.size > 0) checkLoop(name, sets.enabled, report)
  }
}

function checkServices(
  service: ComposeService,
  { enabled, disabled }: ServiceSets,
  missing: (path: string, message: string) => void,
): void {
  const check = (name: string, path: string): void => {
    const profiles = disabled.get(name)
    if (profiles !== undefined) {
      missing(path, `needs ${name}, which only runs with the profile ${profiles.join(' or ')}`)
    } else if (!enabled.has(name)) missing(path, `there is no service ${name}`)
  }
  for (const [name, { isRequired }] of service.dependsOn) {
    if (isRequired || !disabled.has(name)) check(name, pathOf(service, name))
  }
  for (const name of service.links.values()) check(name, 'links')
  const mode = service.networkMode
  if (mode.kind === 'service') check(mode.name, 'network_mode')
  if (mode.kind === 'service' && mode.name === service.name) {
    missing('network_mode', 'a service cannot share its own network')
  }
}

/** A dependency that a link or a shared network brings stands there. */
function pathOf(service: ComposeService, name: string): string {
  if ([...service.links.values()].includes(name)) return 'links'
  const mode = service.networkMode
  if (mode.kind === 'service' && mode.name === name) return 'network_mode'
  const path = `depends_on.${name}`
  // One that lends its volumes has no place among the dependencies.
  const isWritten = service.placeOf(path) !== service.placeOf('depends_on')
  return isWritten ? path : 'volumes_from'
}

function checkVolume(
  { kind, source, place }: VolumeEntry,
  service: ComposeService,
  project: Pick<ComposeProject, 'volumes'>,
  report: Report,
): void {
  if (kind !== 'volume' || source === undefined || project.volumes.has(source)) return
  const message = `there is no volume ${source} under "volumes"; a folder is written ./${source}`
  const path = `services.${service.name}.volumes`
  report.fault(place, { code: 'compose-missing', message, path })
}

function checkGrant(
  { source, place }: GrantEntry,
  service: ComposeService,
  kind: 'configs' | 'secrets',
  project: Pick<ComposeProject, 'configs' | 'secrets'>,
  report: Report,
): void {
  if (project[kind].has(source)) return
  const message = `there is no ${kind.slice(0, -1)} ${source} under "${kind}"`
  const path = `services.${service.name}.${kind}`
  report.fault(place, { code: 'compose-missing', message, path })
}

/** Says that a service waits for itself, once for each round. */
function checkLoop(start: string, services: Services, report: Report): void {
  const way: string[] = []
  const seen = new Set<string>()
  const reaches = (name: string): boolean => {
    if (name === start && way.length > 0) return true
    if (seen.has(name)) return false
    seen.add(name)
    way.push(name)
    for (const next of services.get(name)?.dependsOn.keys() ?? []) if (reaches(next)) return true
    way.pop()
    return false
  }
  // The same round is found from each of its services: the first by name tells it.
  if (!reaches(start) || [...way].sort()[0] !== start) return
  const service = services.get(start)
  if (service === undefined) return
  const path = pathOf(service, way[1] ?? start)
  report.fault(service.placeOf(path), {
    code: 'compose-loop',
    message: `waits for itself: ${[...way, start].join(' waits for ')}`,
    path: `services.${start}.${path}`,
  })
}
