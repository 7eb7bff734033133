import { isObject } from '../../protocol/documents/canonical-json.ts'
import type { Config, ConfigObject } from '../../protocol/documents/config.ts'
import { sectionOf, typeIn } from '../../reconcilers/cluster/references.ts'
import type { Guard, Loss } from './plan-document.ts'
import { serviceOfContainer, volumeWord } from './services.ts'

type Hosts = Pick<Config, 'hosts'>

/** The data that would be lost, and the guards that must be overridden first. */
export interface Losses {
  readonly loses: readonly Loss[]
  readonly guards: readonly Guard[]
}

/** Where a service keeps data: a volume of a host, or a path of it. */
interface Place extends Loss {
  readonly service: string
  /** Where it is in the container. */
  readonly path: string
  /** Part of the volume; empty for all of it. */
  readonly subpath: string
}

/**
 * Data that goes or is left behind: volumes that are removed with their content, and services that
 * would start on an empty volume where they had one with data. Pure.
 */
export function lossesBetween(before: Hosts, after: Hosts): Losses {
  const removed = removedVolumes(before, after)
  const emptied = emptiedPlaces(before, after)
  const loses = new Map<string, Loss>()
  for (const { host, volume } of [...removed, ...emptied.map(({ old }) => old)]) {
    loses.set(`${host} ${volume}`, { host, volume })
  }
  return {
    loses: [...loses.values()],
    guards: [
      ...removed.map(({ host, volume }) => ({
        code: 'volume-removed',
        message: `volume ${volume} of ${host} would be removed with all that is in it`,
        override: `--delete-volume ${volume}`,
      })),
      ...emptied.map(({ old, next }) => ({
        code: 'volume-empty',
        message:
          `${old.service} would start with nothing at ${old.path}: its data stays in ` +
          `${old.volume} of ${old.host}, and ${next.volume} of ${next.host} is empty`,
        override: `--start-empty ${volumeWord(next.volume, next.service)}`,
      })),
    ],
  }
}

/**
 * Volumes that a host forgets with their content; one that is not listed any more tears nothing
 * down.
 */
function removedVolumes(before: Hosts, after: Hosts): readonly Loss[] {
  return Object.keys(before.hosts)
    .sort()
    .flatMap((host) => {
      const [old, next] = [sectionOf(before, host) ?? {}, sectionOf(after, host)]
      if (next === undefined) return []
      const gone = Object.keys(old).filter(
        (name) => isDeleted(old[name]) && !Object.hasOwn(next, name),
      )
      return gone.sort().map((volume) => ({ host, volume }))
    })
}

/** A volume whose folder is the host's own is never removed. */
function isDeleted(object: ConfigObject | undefined): boolean {
  const isVolume = object?.type === 'volume' && object['path'] === undefined
  return isVolume && object['on_remove'] === 'delete'
}

function emptiedPlaces(
  before: Hosts,
  after: Hosts,
): readonly { readonly old: Place; readonly next: Place }[] {
  const [olds, nexts] = [placesOf(before), placesOf(after)]
  const keyOf = ({ host, volume, subpath }: Place): string => `${host} ${volume} ${subpath}`
  const known = new Set([...olds.values()].flat().map(keyOf))
  const found: { old: Place; next: Place }[] = []
  for (const [service, own] of olds) {
    const mine = nexts.get(service) ?? []
    const still = new Set(mine.map(keyOf))
    for (const old of own.filter((place) => !still.has(keyOf(place)))) {
      const next = mine.find((place) => place.path === old.path && !known.has(keyOf(place)))
      if (next !== undefined && !isThere(before, next)) found.push({ old, next })
    }
  }
  return found
}

/** True if a volume is one of the host already, though nobody of this service has used it. */
function isThere(config: Hosts, { host, volume }: Place): boolean {
  return typeIn(sectionOf(config, host) ?? {}, volume) === 'volume'
}

/** Where each service writes. */
function placesOf(config: Hosts): ReadonlyMap<string, readonly Place[]> {
  const places = new Map<string, Place[]>()
  for (const host of Object.keys(config.hosts).sort()) {
    const section = sectionOf(config, host) ?? {}
    for (const name of Object.keys(section).sort()) {
      if (typeIn(section, name) !== 'runc_container') continue
      const service = serviceOfContainer(name, section[name])
      const mounts: unknown = section[name]?.['mounts']
      const own = Array.isArray(mounts) ? mounts.flatMap((one) => placeOf(host, service, one)) : []
      places.set(service, [...(places.get(service) ?? []), ...own])
    }
  }
  return places
}

function placeOf(host: string, service: string, mount: unknown): readonly Place[] {
  if (!isObject(mount) || mount['read_only'] === true) return []
  const { volume, host_path: hostPath, path, subpath } = mount
  const where = volume ?? hostPath
  if (typeof where !== 'string' || typeof path !== 'string') return []
  const part = typeof subpath === 'string' ? subpath : ''
  return [{ host, volume: where, service, path, subpath: part }]
}
