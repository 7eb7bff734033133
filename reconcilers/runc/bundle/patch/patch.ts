import { isObject } from '../../../../protocol/documents/canonical-json.ts'
import type { Entries, Items, Members, Rule } from './patch-judges.ts'
import { patchRules } from './patch-rules.ts'

/** A fault of a patch: its path from the patch's root, and a message. */
export interface PatchFault {
  readonly path: readonly (string | number)[]
  readonly message: string
}

/**
 * Finds everything in `runtime_config` that would undo a protection, that no runtime knows, or that
 * has a type that runc does not read: otherwise runc would refuse the container only on its host.
 */
export function patchFaults(patch: Readonly<Record<string, unknown>>): readonly PatchFault[] {
  return faultsIn(patch, patchRules, [])
}

function faultsIn(value: unknown, rule: Rule, path: PatchFault['path']): readonly PatchFault[] {
  if (typeof rule === 'function') {
    const message = rule(value)
    return message === undefined ? [] : [{ path, message }]
  }
  if ('refused' in rule) return [{ path, message: rule.refused }]
  if ('members' in rule) return faultsInMembers(value, rule, path)
  // A patch removes a member by null.
  if (value === null) return []
  return 'items' in rule ? faultsInItems(value, rule, path) : faultsInEntries(value, rule, path)
}

function faultsInMembers(
  value: unknown,
  rule: Members,
  path: PatchFault['path'],
): readonly PatchFault[] {
  if (value === null && rule.isRemovable) return []
  if (!isObject(value)) {
    const reason = rule.isRemovable ? '' : ': what it holds protects the host'
    return [{ path, message: `must be an object${reason}` }]
  }
  const missing = (rule.required ?? []).filter((name) => !Object.hasOwn(value, name))
  const faults = Object.entries(value).flatMap(([name, inner]) => {
    const next = Object.hasOwn(rule.members, name) ? rule.members[name] : undefined
    if (next !== undefined) return faultsIn(inner, next, [...path, name])
    return [{ path: [...path, name], message: 'is not a member of the OCI runtime spec here' }]
  })
  return [...faults, ...missing.map((name) => ({ path: [...path, name], message: 'is required' }))]
}

function faultsInItems(
  value: unknown,
  rule: Items,
  path: PatchFault['path'],
): readonly PatchFault[] {
  if (!Array.isArray(value)) return [{ path, message: 'must be a list' }]
  return value.flatMap((item: unknown, index) => faultsIn(item, rule.items, [...path, index]))
}

function faultsInEntries(
  value: unknown,
  rule: Entries,
  path: PatchFault['path'],
): readonly PatchFault[] {
  if (!isObject(value)) return [{ path, message: 'must be an object' }]
  return Object.entries(value).flatMap(([name, inner]) => {
    const own = Object.hasOwn(rule.except, name) ? rule.except[name] : undefined
    return faultsIn(inner, own ?? rule.entries, [...path, name])
  })
}

/** Applies a JSON merge patch (RFC 7396 section 2). Neither argument is changed. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch
  const merged = new Map(Object.entries(isObject(target) ? target : {}))
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) merged.delete(name)
    else merged.set(name, mergePatch(merged.get(name), value) as never)
  }
  return Object.fromEntries(merged)
}
