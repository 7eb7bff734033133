import { Document, isMap, type Node, Scalar, type YAMLMap } from 'yaml'
import type { ComposeProject, ComposeService, PortEntry, VolumeEntry } from '../compose/project.ts'
import type { StackSource } from '../layout/inputs.ts'
import { dirVolume, mountSource } from '../layout/services/mount-sources.ts'

/** Where a stack runs, as far as Docker has to know it. */
export interface ExportPlace {
  readonly host: string
  /** Address of the host in the mesh; ports of the scope `mesh` are bound to it. */
  readonly meshAddress: string | undefined
  /** Folder of the agent's state on the host. */
  readonly stateDir: string
  /** Services that run on other hosts. */
  readonly elsewhere: ReadonlySet<string>
  /** Secrets of the layout that become files, by the path of the file. */
  readonly secretFiles: ReadonlyMap<string, string>
}

/** A Compose file that is merged over those of a project, and what is in it for people. */
export interface Override {
  readonly text: string
  /** Where each volume and folder lies on the host. */
  readonly places: readonly { readonly name: string; readonly path: string }[]
  readonly notes: readonly string[]
}

interface Builder {
  readonly stack: StackSource
  readonly place: ExportPlace
  readonly places: Map<string, string>
  readonly notes: string[]
}

/** Makes the file by which Docker runs a stack with the data that it has with covey. Pure. */
export function overrideOf(stack: StackSource, place: ExportPlace): Override {
  const builder: Builder = { stack, place, places: new Map(), notes: [] }
  const { project } = stack
  const services = [...project.services.values()].flatMap((service) => {
    const fields = serviceFields(service, builder)
    return Object.keys(fields).length === 0 ? [] : [[service.name, fields] as const]
  })
  const volumes = volumeFields(project, builder)
  const secrets = [...place.secretFiles].map(([key, file]) => [key, { file, external: false }])
  const document = new Document({
    ...(services.length === 0 ? {} : { services: Object.fromEntries(services) }),
    ...(volumes.length === 0 ? {} : { volumes: Object.fromEntries(volumes) }),
    ...(secrets.length === 0 ? {} : { secrets: Object.fromEntries(secrets) }),
  })
  tagPorts(document)
  const places = [...builder.places].map(([name, path]) => ({ name, path }))
  const width = Math.max(0, ...places.map(({ name }) => name.length))
  const title = stack.name === '' ? 'the services of cluster.yaml' : stack.name
  document.commentBefore = [
    ` Written by covey: what Docker has to know to run ${title} on ${place.host} with the data`,
    ' that it has there. Stop it in covey first: both must not use the data at once.',
    ...(places.length === 0 ? [] : [' Where the data is on the host:']),
    ...places.map(({ name, path }) => `   ${name.padEnd(width)}  ${path}`),
    ...builder.notes.map((note) => ` ${note}`),
  ].join('\n')
  const isEmpty = services.length + volumes.length + secrets.length === 0
  const text = isEmpty
    ? `#${document.commentBefore.replaceAll('\n', '\n#')}\n{}\n`
    : document.toString({ lineWidth: 0 })
  return { text, places, notes: builder.notes }
}

function serviceFields(service: ComposeService, builder: Builder): Record<string, unknown> {
  const { place } = builder
  const volumes = service.volumes.flatMap((entry) => {
    const path = pathOf(service.name, entry, builder)
    if (path === undefined) return []
    const readOnly = entry.isReadOnly ? { read_only: true } : {}
    return [{ type: 'bind', source: path, target: entry.target, ...readOnly }]
  })
  const ports = boundPorts(service.ports, service.name, builder)
  return {
    ...(place.elsewhere.has(service.name) ? { profiles: ['elsewhere'] } : {}),
    ...(volumes.length === 0 ? {} : { volumes }),
    ...(ports === undefined ? {} : { ports }),
  }
}

/** The path of what Docker would look for elsewhere; named volumes are told in their own way. */
function pathOf(
  service: string,
  entry: VolumeEntry,
  { stack, place, places }: Builder,
): string | undefined {
  const source = mountSource(stack, service, entry)
  if (source.kind === 'dir') {
    const base = stack.options.dir ?? `${place.stateDir}/volumes/${dirVolume(stack.name)}`
    const path = source.subpath === '' ? base : `${base}/${source.subpath}`
    places.set(entry.source ?? '', path)
    return path
  }
  if (source.kind !== 'volume' || entry.source !== undefined) return undefined
  const path = `${place.stateDir}/volumes/${source.object}`
  places.set(`${service}:${entry.target}`, path)
  return path
}

/** Docker opens a port without an address to everybody; covey with the scope `mesh` does not. */
function boundPorts(
  ports: readonly PortEntry[],
  service: string,
  { stack, place, notes }: Builder,
): readonly string[] | undefined {
  const isBare = ({ hostAddress, hostPort }: PortEntry): boolean =>
    hostAddress === '' && hostPort !== undefined
  if (!ports.some(isBare) || stack.options.ports === 'public') return undefined
  if (stack.options.ports === 'lan' || place.meshAddress === undefined) {
    notes.push(`Ports of ${service} are open to everybody with Docker, whatever the firewall says.`)
    return undefined
  }
  notes.push(`Ports of ${service} stay in the mesh; !override needs docker compose 2.24.4.`)
  return ports.map((port) => {
    const { hostPort, containerPort, protocol } = port
    const address = isBare(port) ? (place.meshAddress ?? '') : port.hostAddress
    const bracketed = address.includes(':') ? `[${address}]` : address
    const host =
      hostPort === undefined ? '' : `${bracketed === '' ? '' : `${bracketed}:`}${hostPort}:`
    return `${host}${containerPort}/${protocol}`
  })
}

/** Named volumes: Docker's own by its name, all others by the folder that they are. */
function volumeFields(
  { volumes, services }: ComposeProject,
  { stack, place, places }: Builder,
): readonly (readonly [string, object])[] {
  const all = [...services.values()].flatMap(({ name, volumes: entries }) => {
    return entries.map((entry) => ({ name, entry }))
  })
  return [...volumes.values()].flatMap(({ key, driverOptions }): [string, object][] => {
    const use = all.find(({ entry }) => entry.kind === 'volume' && entry.source === key)
    if (use === undefined) return []
    const source = mountSource(stack, use.name, use.entry)
    const isWritten = driverOptions.size > 0 && !stack.options.volumes.has(key)
    if (source.kind !== 'volume' || isWritten) return []
    const path = source.path ?? `${place.stateDir}/volumes/${source.object}`
    places.set(key, path)
    const docker = /^\/var\/lib\/docker\/volumes\/([a-zA-Z0-9][\w.-]*)\/_data$/.exec(path)?.[1]
    if (docker !== undefined) return [[key, { name: docker, external: true }]]
    const name = `${stack.name === '' ? 'services' : stack.name}_${key}_covey`
    const options = { type: 'none', o: 'bind', device: path }
    return [[key, { name, external: false, driver: 'local', driver_opts: options }]]
  })
}

/** Lists of ports are put in place of those of the project, and not behind them. */
function tagPorts(document: Document): void {
  const services = document.get('services') as Node | undefined
  if (!isMap(services)) return
  for (const { value } of services.items) {
    const ports = isMap(value) ? ((value as YAMLMap).get('ports', true) as unknown) : undefined
    if (ports !== undefined && ports !== null && !(ports instanceof Scalar)) {
      ;(ports as { tag?: string }).tag = '!override'
    }
  }
}
