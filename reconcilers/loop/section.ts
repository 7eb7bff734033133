import { type Config, type HostSection, objectFaults } from '../../protocol/documents/config.ts'
import { type Fault, faultText } from '../../protocol/fault.ts'
import { checkSchema } from '../cluster/parse.ts'
import { checkReference, sectionOf, typeIn } from '../cluster/references.ts'
import type { AnyReconciler, Resolved } from '../reconciler.ts'
import type { ExtraType } from './extra-types.ts'
import type { References } from './order.ts'

/** The state of an object that is known before anybody looks at the host. */
interface FixedState {
  readonly state: 'pending' | 'failed' | 'unsupported'
  readonly reason: string
}

/**
 * A host's section, judged: what each reconciler makes of it, and what is wrong or waits already.
 */
export interface JudgedSection {
  /** Objects in the section's order, with their types (empty where there is none). */
  readonly objects: readonly { readonly name: string; readonly type: string }[]
  /** In the order of the reconcilers; null where one could not make sense of the config. */
  readonly resolved: readonly (Resolved<unknown> | null)[]
  readonly fixed: ReadonlyMap<string, FixedState>
  readonly references: References
}

/** Who owns which type. */
export interface TypeOwners {
  readonly reconcilers: readonly AnyReconciler[]
  readonly extraTypes: readonly ExtraType[]
  /** Types whose reconciler this host refused to load, with the reason. */
  readonly refusedTypes?: ReadonlyMap<string, string>
}

/**
 * Judges a host's section; null if the host has none, or one that is no object: then nothing is
 * touched.
 */
export function judgeSection(
  config: Config,
  host: string,
  owners: TypeOwners,
): JudgedSection | null {
  const section = sectionOf(config, host)
  if (section === undefined) return null
  const fixed = new Map<string, FixedState>()
  const references = new Map<string, readonly string[]>()
  const fail = (object: string, fault: Fault): void => {
    if (fixed.get(object)?.state === 'failed') return
    fixed.set(object, { state: 'failed', reason: faultText(fault) })
  }
  judgeForms(section, host, owners, fixed, fail)
  judgeExtraTypes(section, host, owners.extraTypes, references, fail)
  const resolved = owners.reconcilers.map((reconciler) => {
    const result = resolveSafely(reconciler, config, host)
    if (typeof result === 'string') {
      for (const name of Object.keys(section)) {
        if (!Object.hasOwn(reconciler.types, typeIn(section, name) ?? '')) continue
        fail(name, { code: 'reconciler', message: result, path: `hosts.${host}.${name}` })
      }
      return null
    }
    for (const { object, fault } of result.faulty) fail(object, fault)
    for (const { object, reason } of result.pending) {
      if (!fixed.has(object)) fixed.set(object, { state: 'pending', reason })
    }
    for (const [object, targets] of Object.entries(result.references)) {
      references.set(object, targets)
    }
    return result
  })
  const objects = Object.keys(section).map((name) => ({ name, type: typeIn(section, name) ?? '' }))
  return { objects, resolved, fixed, references }
}

type Fail = (object: string, fault: Fault) => void

function judgeForms(
  section: HostSection,
  host: string,
  owners: TypeOwners,
  fixed: Map<string, FixedState>,
  fail: Fail,
): void {
  for (const [name, object] of Object.entries(section)) {
    const [fault] = objectFaults(`hosts.${host}.${name}`, name, object)
    if (fault !== undefined) {
      fail(name, fault)
      continue
    }
    const known =
      owners.extraTypes.some((extra) => extra.type === object.type) ||
      owners.reconcilers.some((reconciler) => Object.hasOwn(reconciler.types, object.type))
    const refused = owners.refusedTypes?.get(object.type)
    const reason = refused ?? `this host knows no type ${object.type.slice(0, 60)}`
    if (!known) fixed.set(name, { state: 'unsupported', reason })
  }
}

function judgeExtraTypes(
  section: HostSection,
  host: string,
  extraTypes: readonly ExtraType[],
  references: Map<string, readonly string[]>,
  fail: Fail,
): void {
  for (const extra of extraTypes) {
    for (const [name, object] of Object.entries(section)) {
      if (typeIn(section, name) !== extra.type) continue
      const path = `hosts.${host}.${name}`
      const [fault] = checkSchema(extra.schema, path, object).faults
      if (fault !== undefined) fail(name, fault)
      const targets: string[] = []
      for (const reference of extra.references) {
        const target = object[reference.field]
        if (typeof target !== 'string') continue
        const broken = checkReference(section, path, reference, target)
        if (broken === undefined) targets.push(target)
        else fail(name, broken)
      }
      if (targets.length > 0) references.set(name, targets)
    }
  }
}

function resolveSafely(
  reconciler: AnyReconciler,
  config: Config,
  host: string,
): Resolved<unknown> | string {
  try {
    return reconciler.resolve(config, host)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    return `${reconciler.name} cannot read this config: ${why}`
  }
}
