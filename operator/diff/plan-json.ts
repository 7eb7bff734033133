import { hash } from 'node:crypto'
import type { Json } from '../../protocol/documents/canonical-json.ts'
import type { FieldChange, ObjectChange, Plan } from './plan-document.ts'

/** A plan as `covey plan --json` prints it; its shape is fixed (docs/DEPLOY.md). */
export interface PlanJson {
  /** That of the config in force; null where there is none. */
  readonly version: number | null
  readonly changes: readonly ChangeJson[]
  readonly opens: Plan['opens']
  readonly closes: Plan['closes']
  readonly loses: Plan['loses']
  readonly needs: Plan['needs']
  readonly guards: Plan['guards']
}

/** One object that differs, for scripts. */
interface ChangeJson extends Omit<ObjectChange, 'type' | 'fields'> {
  readonly fields: readonly {
    readonly path: string
    readonly from: Json
    readonly to: Json
  }[]
}

/** A plan for scripts; a field that is not there has the value null. */
export function planJson(plan: Plan, version: number | null): PlanJson {
  const { changes, opens, closes, loses, needs, guards } = plan
  const rows = changes.map(({ type, fields, ...change }): ChangeJson => {
    const { host, object, service, kind, effect, gap } = change
    const own = fields.map((field) => fieldJson(type, field))
    return { host, object, service, kind, fields: own, effect, gap }
  })
  return { version, changes: rows, opens, closes, loses, needs, guards }
}

function fieldJson(
  type: string,
  { segments, from, to }: FieldChange,
): ChangeJson['fields'][number] {
  const shown = (value: Json | undefined): Json => shownValue(type, segments, value) ?? null
  return { path: segments.join('.'), from: shown(from), to: shown(to) }
}

/** A value as it is told: of what is sealed only that it is another one. */
export function shownValue(
  type: string,
  segments: readonly string[],
  value: Json | undefined,
): Json | undefined {
  if (type !== 'secret' || segments[0] !== 'jwe' || typeof value !== 'string') return value
  return `sealed ${hash('sha256', value).slice(0, 12)}`
}
