import type { DeviceNode } from '../../container-facts.ts'
import type { ContainerSeen } from '../../host-containers.ts'
import { nodesAt } from '../bundle/resources.ts'
import type { ContainerObject } from '../object/container-object.ts'
import { deviceSources } from '../object/device-fields.ts'

/** Devices of the host that containers ask for, by the paths that they name. */
export interface DevicesSeen {
  /** As `deviceTexts` has them; none where nothing is there. Unseen paths are not in it. */
  readonly devices: ReadonlyMap<string, readonly string[]>
}

/**
 * Nodes at or below a path, as texts to compare: `c 188:0`, `c 226:0 /card0`. Owners and modes are
 * left out: another one makes no other device.
 */
export function deviceTexts(source: string, nodes: readonly DeviceNode[]): readonly string[] {
  const texts = nodes.map(({ path, type, major, minor }) => {
    const below = path.slice(source.length)
    return `${type} ${major}:${minor}${below === '' ? '' : ` ${below}`}`
  })
  return texts.sort()
}

/** The devices that a container gets, by path, for its record; undefined without any. */
export function devicesGiven(
  container: ContainerObject,
  nodes: readonly DeviceNode[],
): Readonly<Record<string, readonly string[]>> | undefined {
  const sources = deviceSources(container.devices)
  if (sources.length === 0) return undefined
  return Object.fromEntries(
    sources.map((source) => [source, deviceTexts(source, nodesAt(source, nodes))]),
  )
}

/** The first path of `devices` at which this host has nothing now; null where all are there. */
export function missingDevice(container: ContainerObject, { devices }: DevicesSeen): string | null {
  const sources = deviceSources(container.devices)
  return sources.find((source) => devices.get(source)?.length === 0) ?? null
}

/**
 * The reason for which a container is made again as it is: at a path it has devices that are gone,
 * and there are others that it has not, so they were plugged in again. Null where there is none.
 * What only comes, or only goes, replaces nothing.
 */
export function replugged(
  container: ContainerObject,
  { record }: Pick<ContainerSeen, 'record'>,
  { devices }: DevicesSeen,
): string | null {
  const sources = deviceSources(container.devices)
  const isReplaced = (source: string): boolean => {
    const [given, now] = [record?.devices?.[source], devices.get(source)]
    if (given === undefined || now === undefined) return false
    return given.some((text) => !now.includes(text)) && now.some((text) => !given.includes(text))
  }
  const source = sources.find(isReplaced)
  return source === undefined ? null : `the device ${source} is another one now`
}
