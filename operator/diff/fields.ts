import { isObject, type Json } from '../../protocol/documents/canonical-json.ts'
import type { FieldChange } from './plan-document.ts'

/**
 * Every place at which two values differ, the deepest one each. Lists of one length are compared
 * entry by entry; others differ as a whole. Pure.
 */
export function fieldChanges(
  from: Json | undefined,
  to: Json | undefined,
  segments: readonly string[] = [],
): readonly FieldChange[] {
  if (isObject(from) && isObject(to)) {
    const names = new Set([...Object.keys(from), ...Object.keys(to)])
    return [...names].sort().flatMap((name) => {
      return fieldChanges(memberOf(from, name), memberOf(to, name), [...segments, name])
    })
  }
  if (Array.isArray(from) && Array.isArray(to) && from.length === to.length) {
    return from.flatMap((entry, index) => {
      return fieldChanges(entry, to[index], [...segments, String(index)])
    })
  }
  return isEqual(from, to) ? [] : [{ segments, from, to }]
}

/** True if two values say the same; the order of members says nothing. */
function isEqual(one: Json | undefined, other: Json | undefined): boolean {
  if (one === other) return true
  if (Array.isArray(one) && Array.isArray(other)) {
    return one.length === other.length && one.every((each, index) => isEqual(each, other[index]))
  }
  if (!isObject(one) || !isObject(other)) return false
  const names = Object.keys(one)
  return (
    names.length === Object.keys(other).length &&
    names.every((name) => Object.hasOwn(other, name) && isEqual(one[name], other[name]))
  )
}

function memberOf(value: { readonly [member: string]: Json }, name: string): Json | undefined {
  return Object.hasOwn(value, name) ? value[name] : undefined
}
