import type { ComposeService, VolumeEntry } from '../project.ts'
import type { Cursor } from './cursor.ts'

/** A service whose mounts another one has too. */
export interface VolumeLender {
  readonly name: string
  readonly isReadOnly: boolean
}

/** The key `volumes_from`: `SERVICE` or `SERVICE:ro`. */
export function readVolumesFrom(list: Cursor): readonly VolumeLender[] {
  return list.items().flatMap((item) => {
    const [name = '', access = 'rw', ...more] = (item.text() ?? '').split(':')
    if (name === 'container') {
      item.fault('name a service of this project; other containers lend nothing', 'compose-refused')
      return []
    }
    if (name === '' || !['ro', 'rw'].includes(access) || more.length > 0) {
      item.fault('must be SERVICE, SERVICE:ro or SERVICE:rw')
      return []
    }
    return [{ name, isReadOnly: access === 'ro' }]
  })
}

/** Services with what they borrow of others, who may borrow themselves; own mounts come first. */
export function borrowVolumes(
  services: ReadonlyMap<string, ComposeService>,
  lenders: ReadonlyMap<string, readonly VolumeLender[]>,
): ReadonlyMap<string, ComposeService> {
  const borrowed = (name: string, seen: ReadonlySet<string>): ReadonlyMap<string, VolumeEntry> => {
    const found = new Map<string, VolumeEntry>()
    for (const entry of services.get(name)?.volumes ?? []) found.set(entry.target, entry)
    for (const lender of lenders.get(name) ?? []) {
      if (seen.has(lender.name)) continue
      for (const [target, entry] of borrowed(lender.name, new Set([...seen, lender.name]))) {
        const isReadOnly = entry.isReadOnly || lender.isReadOnly
        if (!found.has(target)) found.set(target, { ...entry, isReadOnly })
      }
    }
    return found
  }
  return new Map(
    [...services].map(([name, service]) => {
      if ((lenders.get(name)?.length ?? 0) === 0) return [name, service]
      return [name, { ...service, volumes: [...borrowed(name, new Set([name])).values()] }]
    }),
  )
}
