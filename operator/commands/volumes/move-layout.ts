import { isObject } from '../../../protocol/documents/canonical-json.ts'
import type { Config } from '../../../protocol/documents/config.ts'
import { hostsOfServices } from '../../diff/services.ts'
import { writeWhole } from '../../files/write-file.ts'
import { whileEditing } from '../../folder/edit-lock.ts'
import type { OperatorFolder } from '../../folder/folder.ts'
import { readLayout } from '../../folder/layout-files.ts'
import { withPlace } from '../../layout/edit-place.ts'
import { factKey, lockText, withFacts } from '../../layout/lock.ts'
import type { Session } from '../../terminal/session.ts'
import type { MoveSet } from './move-set.ts'

/** The files of a layout as they were before an edit. */
export interface EditedFiles {
  /** Puts them back. */
  undo(): Promise<void>
}

/**
 * Writes another place of services into the layout and its lock. A stack of which only a part moves
 * gets both hosts. Comments, and what else it says, stay.
 */
export async function placeElsewhere(
  session: Session,
  folder: OperatorFolder,
  { services, from }: Pick<MoveSet, 'services' | 'from'>,
  to: string,
  hosts: Config['hosts'],
): Promise<EditedFiles> {
  return await whileEditing(session.io, folder, async () => {
    const shown = folder.shown('cluster.yaml')
    const { source, yaml, lock, lockPath } = await readLayout(session, shown)
    let text = source.text
    for (const place of new Set(services.map(writtenAt))) {
      const path = place.split('/')
      const written = writtenHosts(yaml.value, path)
      const stays = place.startsWith('stacks/') && staysOn(from, path[1] ?? '', services, hosts)
      const others = written.filter((host) => host !== to && (host !== from || stays))
      text = withPlace({ ...source, text }, path, [...others, to])
    }
    const facts = Object.fromEntries(
      services.map((service) => [placementKey(service), to] as const),
    )
    const { files } = session.io
    const paths = { layout: session.path(shown), lock: session.path(lockPath) }
    // The lock first: a place that the layout does not allow yet is passed over.
    await writeWhole(files, paths.lock, lockText(withFacts(lock, facts)))
    if (text !== source.text) await writeWhole(files, paths.layout, text)
    return {
      undo: async () => {
        if (text !== source.text) await writeWhole(files, paths.layout, source.text)
        await writeWhole(files, paths.lock, lockText(lock))
      },
    }
  })
}

/** The fact about a service: its key has its stack, also where that has no name. */
function placementKey(service: string): string {
  return factKey('placement', service.includes('/') ? service : `/${service}`)
}

/** Where the layout says the host of a service: `stacks/shop`, or `services/web`. */
function writtenAt(service: string): string {
  return service.includes('/') ? `stacks/${service.split('/')[0]}` : `services/${service}`
}

function writtenHosts(value: unknown, path: readonly string[]): readonly string[] {
  let at: unknown = value
  for (const part of path) at = isObject(at) ? at[part] : undefined
  if (!isObject(at)) return []
  const several: unknown = at['hosts']
  if (Array.isArray(several)) return several.map(String)
  return typeof at['host'] === 'string' ? [at['host']] : []
}

/** True if another service of the same stack stays where these were. */
function staysOn(
  from: string,
  stack: string,
  moving: readonly string[],
  hosts: Config['hosts'],
): boolean {
  return [...hostsOfServices({ hosts })].some(([service, on]) => {
    return service.startsWith(`${stack}/`) && !moving.includes(service) && on.includes(from)
  })
}
