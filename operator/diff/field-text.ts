import type { Json } from '../../protocol/documents/canonical-json.ts'
import { parseReference } from '../../reconcilers/images/reference.ts'
import { valueTextMax } from '../limits.ts'
import type { FieldChange } from './plan-document.ts'
import { shownValue } from './plan-json.ts'

/** A field that differs, for people: `memory 512M -> 1G`. */
export function fieldText(type: string, { segments, from, to }: FieldChange): string {
  const [first = '', second = ''] = segments
  if (first === 'image' && typeof from === 'string' && typeof to === 'string') {
    return imageText(from, to)
  }
  const path = segments.join('.')
  if (path === 'resources.memory_bytes') return `memory ${changed(from, to, bytesText)}`
  if (path === 'resources.cpu_milli') return `cpu ${changed(from, to, (n) => String(n / 1000))}`
  const name = memberText(first, second) ?? path
  const shown = (value: Json | undefined): string | undefined => {
    const told = shownValue(type, segments, value)
    return told === undefined ? undefined : valueText(told)
  }
  const [old, next] = [shown(from), shown(to)]
  if (old === undefined) return `${name} set to ${next}`
  return next === undefined ? `${name} removed (was ${old})` : `${name} ${old} -> ${next}`
}

/** A variable or label by its name; none where all of them came or went at once. */
function memberText(field: string, member: string): string | undefined {
  if (member === '') return undefined
  return { env: `variable ${member}`, labels: `label ${member}` }[field]
}

function changed(
  from: Json | undefined,
  to: Json | undefined,
  text: (value: number) => string,
): string {
  const shown = (value: Json | undefined): string => {
    return typeof value === 'number' ? text(value) : 'no limit'
  }
  return `${shown(from)} -> ${shown(to)}`
}

/** `1.4 -> 1.5 (sha256:4c1e… -> 9fa2…)`; with its name where that is another one. */
function imageText(from: string, to: string): string {
  const [old, next] = [parseReference(from), parseReference(to)]
  if (!old.ok || !next.ok) return `image ${valueText(from)} -> ${valueText(to)}`
  const name = (text: string): string => text.split('@')[0] ?? text
  const [oldName, nextName] = [name(from), name(to)]
  const [oldTag, nextTag] = [tagOf(oldName), tagOf(nextName)]
  const isSameName = withoutTag(oldName) === withoutTag(nextName)
  const names = isSameName && oldTag && nextTag ? [oldTag, nextTag] : [oldName, nextName]
  const shown = names[0] === names[1] ? names[0] : names.join(' -> ')
  const digests = [old.value.digest, next.value.digest]
  if (digests[0] === digests[1]) return `image ${shown} (the same digest)`
  const short = digests.map((digest, index) => digest.slice(index === 0 ? 0 : 7, 11))
  return `image ${shown} (${short[0]}… -> ${short[1]}…)`
}

function tagOf(name: string): string | undefined {
  return /:([^:/]+)$/.exec(name)?.[1]
}

function withoutTag(name: string): string {
  return name.replace(/:[^:/]+$/, '')
}

/** `512M`, `1.5G`; bytes where it is no round number. */
function bytesText(bytes: number): string {
  for (const [unit, size] of [
    ['G', 2 ** 30],
    ['M', 2 ** 20],
    ['K', 2 ** 10],
  ] as const) {
    if (bytes >= size) return `${Math.round((bytes / size) * 100) / 100}${unit}`
  }
  return `${bytes}B`
}

function valueText(value: Json): string {
  const text = JSON.stringify(value)
  return text.length <= valueTextMax ? text : `${text.slice(0, valueTextMax - 1)}…`
}
