import type { PortEntry } from '../../../operator/compose/project.ts'
import type { ContainerRow } from '../../../protocol/api/containers.ts'
import type { Wanted } from './expected.ts'
import type { Seen } from './look.ts'
import type { PlacedSample } from './sample-cluster.ts'

/** A container of a sample, as it should be and as it is. */
export interface RunningSample {
  readonly sample: PlacedSample
  readonly wanted: Wanted
  readonly row: ContainerRow
  readonly seen: Seen
}

/** Containers that started before what they depend on. */
export function tooEarly(running: readonly RunningSample[]): readonly string[] {
  const byName = new Map(running.map((each) => [each.row.service, each]))
  return running.flatMap(({ sample, wanted, row, seen }) =>
    [...wanted.service.dependsOn.keys()].flatMap((name) => {
      const other = byName.get(`${sample.name}/${name}`)
      if (other === undefined || other.seen.startTicks <= seen.startTicks) return []
      return [`${row.name} started before ${other.row.name}`]
    }),
  )
}

/** Containers whose health is not what their files and images promise. */
export function notHealthy(running: readonly RunningSample[]): readonly string[] {
  return running.flatMap(({ wanted: { service, image }, row }) => {
    const check = service.healthcheck
    const own = check?.kind === 'check' ? check.command : undefined
    const isChecked = check?.kind !== 'none' && (own ?? image.Healthcheck) !== undefined
    return row.health === (isChecked ? 'healthy' : null) ? [] : [`${row.name}: ${row.health}`]
  })
}

/** Services that do not know others by name, or have not the network of another one. */
export function strangers(running: readonly RunningSample[]): readonly string[] {
  return running.flatMap((one) => {
    const { networkMode, name } = one.wanted.service
    const members = running.filter(({ sample }) => sample === one.sample)
    if (networkMode.kind === 'service') {
      const owner = members.find(({ wanted }) => wanted.service.name === networkMode.name)
      return owner?.seen.network === one.seen.network ? [] : [`${name}: a network of its own`]
    }
    return networkMode.kind === 'networks'
      ? members.flatMap((other) => unknownNames(one, other))
      : []
  })
}

function unknownNames(
  { wanted: { service }, seen }: RunningSample,
  { wanted: { service: other } }: RunningSample,
): readonly string[] {
  const shared = [...other.networks.keys()].filter((key) => service.networks.has(key))
  if (other === service || other.networkMode.kind !== 'networks') return []
  if (shared.length === 0) return []
  const names = [other.name, other.containerName, other.hostname].filter(
    (name) => name !== undefined,
  )
  return names
    .filter((name) => !seen.names.includes(name.toLowerCase()) && !seen.names.includes(name))
    .map((name) => `${service.name} does not know ${name}`)
}

/** A TCP port of a host, and who should reach it. */
export interface WantedPort {
  readonly host: 'cloud01' | 'cloud02'
  readonly port: number
  /** From the Internet. */
  readonly isPublic: boolean
  /** From the other host, by the mesh. */
  readonly isInMesh: boolean
}

/** Ports that the files publish, each once, with the widest scope that any of them gives it. */
export function wantedPorts(running: readonly RunningSample[]): readonly WantedPort[] {
  const found = new Map<string, WantedPort>()
  for (const { sample, wanted } of running) {
    const { host, ports = 'public' } = sample.run
    for (const { hostPort: port, protocol, hostAddress } of wanted.service.ports) {
      if (port === undefined || protocol !== 'tcp') continue
      const scope = scopeOf(hostAddress, ports)
      const known = found.get(`${host} ${port}`)
      const isPublic = scope === 'public' || known?.isPublic === true
      const isInMesh = isPublic || scope === 'mesh' || known?.isInMesh === true
      found.set(`${host} ${port}`, { host, port, isPublic, isInMesh })
    }
  }
  return [...found.values()]
}

function scopeOf(address: PortEntry['hostAddress'], usual: string): string {
  if (address === '') return usual
  return address === '127.0.0.1' ? 'host' : 'public'
}
