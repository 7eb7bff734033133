import type { Config } from '../../protocol/documents/config.ts'
import { objectChanges } from './changes.ts'
import type { FieldChange, ObjectChange } from './plan-document.ts'

type Hosts = Pick<Config, 'hosts'>

/** A place at which one config takes back what another one did. */
export interface Conflict {
  readonly host: string
  readonly object: string
  readonly service: string | null
  /** Path of the field; empty for the whole object. */
  readonly path: string
}

/**
 * The changes from `base` to `theirs` that `mine` would not have: every object and field once.
 * Pure.
 */
export function conflictsBetween(base: Hosts, theirs: Hosts, mine: Hosts): readonly Conflict[] {
  const keyOf = ({ host, object }: ObjectChange): string => `${host} ${object}`
  const made = new Map(objectChanges(base, theirs).map((each) => [keyOf(each), each]))
  return objectChanges(theirs, mine).flatMap((undone) => {
    const done = made.get(keyOf(undone))
    if (done === undefined || isFollower(done) || isFollower(undone)) return []
    const { host, object, service } = undone
    const at = { host, object, service }
    if (done.kind !== 'change' || undone.kind !== 'change') return [{ ...at, path: '' }]
    return undone.fields
      .filter((field) => done.fields.some((other) => isWithin(field, other)))
      .map(({ segments }) => ({ ...at, path: segments.join('.') }))
  })
}

/** True if an object is listed only because of another one. */
function isFollower({ kind, fields }: ObjectChange): boolean {
  return kind === 'change' && fields.length === 0
}

/** True if one of two fields holds the other. */
function isWithin({ segments: a }: FieldChange, { segments: b }: FieldChange): boolean {
  const shorter = Math.min(a.length, b.length)
  return a.slice(0, shorter).every((segment, index) => segment === b[index])
}

/** `shop/web on cloud01: image, env.A; cloud02: wg_network endpoint`, each object once. */
export function conflictsText(conflicts: readonly Conflict[]): string {
  const groups = new Map<string, string[]>()
  for (const { host, object, service, path } of conflicts) {
    const where = service === object || service === null ? object : `${service} (${object})`
    const name = `${where} on ${host}`
    const paths = groups.get(name) ?? []
    if (path !== '') paths.push(path)
    groups.set(name, paths)
  }
  return [...groups]
    .map(([name, paths]) => (paths.length === 0 ? name : `${name}: ${paths.join(', ')}`))
    .join('; ')
}
