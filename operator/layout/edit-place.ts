import { isMap, isNode, isScalar } from 'yaml'
import type { Source } from '../files/read-text.ts'
import { parseYamlSource } from '../sources/yaml-source.ts'
import { readsAs } from './edit.ts'

/**
 * Writes into the text of a layout on which hosts a stack or a service runs, at a path as
 * `stacks.shop`: `host` for one, `hosts` for several. Only those words change where they stand on
 * one line; otherwise the document is written anew, with its comments.
 */
export function withPlace(
  source: Source,
  path: readonly string[],
  hosts: readonly string[],
): string {
  const { document, value } = parseYamlSource(source)
  const expected: unknown = structuredClone(value)
  let at: unknown = expected
  for (const part of path) at = isRecord(at) ? at[part] : undefined
  if (!isRecord(at)) return source.text
  const [first = ''] = hosts
  const old = at['hosts'] === undefined ? 'host' : 'hosts'
  const next = hosts.length === 1 ? 'host' : 'hosts'
  delete at[old]
  at[next] = next === 'host' ? first : hosts
  const map = document.getIn(path, true)
  if (!isMap(map)) return source.text
  const pair = map.items.find(({ key }) => isScalar(key) && key.value === old)
  const start = pair !== undefined && isNode(pair.key) ? pair.key.range?.[0] : undefined
  const end = pair !== undefined && isNode(pair.value) ? pair.value.range?.[1] : undefined
  if (start !== undefined && end !== undefined) {
    const words = next === 'host' ? `host: ${first}` : `hosts: [${hosts.join(', ')}]`
    const text = source.text.slice(0, start) + words + source.text.slice(end)
    if (readsAs(source, text, expected)) return text
  }
  map.delete(old)
  map.set(next, next === 'host' ? first : document.createNode([...hosts], { flow: true }))
  return document.toString({ lineWidth: 0 })
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
