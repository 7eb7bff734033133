import { isMap, isNode, isScalar, type Pair } from 'yaml'
import { isObject } from '../../protocol/documents/canonical-json.ts'
import type { YamlSource } from '../sources/yaml-source.ts'

/** Keys at the top of a layout that are Compose's own. */
const composeKeys: readonly string[] = ['services', 'volumes', 'networks', 'configs']

/** Keys of a service in a layout that are not Compose's. */
const ownKeys: readonly string[] = ['host', 'hosts']

/** The text of a layout as a Compose file. */
export interface EmbeddedServices {
  /** Every key and value of Compose stands where it stood. */
  readonly text: string
  /** `host` and `hosts` of services. */
  readonly hostsOf: ReadonlyMap<string, readonly string[]>
}

/**
 * Makes a Compose file of the services of a layout. What is not Compose's becomes `x-…` with no
 * value, of the same length, so that all places stay what they are. Secrets of the layout become
 * external ones.
 */
export function embeddedServices(
  text: string,
  { document, value }: YamlSource,
  secrets: Iterable<string>,
): EmbeddedServices {
  // Offsets count UTF-16 units, and so does this.
  const units = text.split('')
  const root = isMap(document.contents) ? document.contents.items : []
  let count = 0
  const mask = (pair: Pair): void => {
    maskPair(units, pair, count)
    count += 1
  }
  for (const pair of root) {
    const key = isScalar(pair.key) ? String(pair.key.value) : ''
    if (!composeKeys.includes(key) && !key.startsWith('x-')) mask(pair)
    if (key !== 'services' || !isMap(pair.value)) continue
    for (const service of pair.value.items) {
      if (!isMap(service.value)) continue
      for (const own of service.value.items) {
        if (isScalar(own.key) && ownKeys.includes(String(own.key.value))) mask(own)
      }
    }
  }
  const names = [...secrets].map((name) => `  ${JSON.stringify(name)}: { external: true }\n`)
  const appended = names.length === 0 ? '' : `\nsecrets:\n${names.join('')}`
  return {
    text: units.join('') + appended,
    hostsOf: writtenHosts(value),
  }
}

/** Overwrites a pair: its key with a name that Compose ignores, its value with white space. */
function maskPair(units: string[], { key, value }: Pair, index: number): void {
  const range = isNode(key) ? key.range : undefined
  if (range == null) return
  const name = `x-${index.toString(36)}`.padEnd(range[1] - range[0], '-')
  for (let at = range[0]; at < range[1]; at++) units[at] = name[at - range[0]] ?? '-'
  const content = isNode(value) ? value.range : undefined
  if (content == null) return
  for (let at = content[0]; at < content[1]; at++) {
    if (units[at] !== '\n' && units[at] !== '\r') units[at] = ' '
  }
}

function writtenHosts(layout: unknown): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, readonly string[]>()
  const services = isObject(layout) ? layout['services'] : undefined
  for (const [name, service] of Object.entries(isObject(services) ? services : {})) {
    const { host, hosts } = isObject(service) ? service : {}
    const list: readonly unknown[] = Array.isArray(hosts) ? hosts : [hosts ?? host]
    const names = list.filter((each) => typeof each === 'string')
    if (names.length > 0) found.set(name, names)
  }
  return found
}
