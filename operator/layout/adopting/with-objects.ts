import { isMap, type YAMLMap } from 'yaml'
import type { Source } from '../../files/read-text.ts'
import { parseYamlSource } from '../../sources/yaml-source.ts'
import type { StrangeObject } from './strange-objects.ts'

/** Adds objects to hosts in the text of a layout. Its comments and its order stay. */
export function withObjects(source: Source, added: readonly StrangeObject[]): string {
  const { document } = parseYamlSource(source)
  for (const { host, name, object } of added) {
    if (!isMap(document.getIn(['hosts', host], true))) {
      document.setIn(['hosts', host], document.createNode({}))
    }
    const written = document.getIn(['hosts', host], true) as YAMLMap
    // One line would not hold them.
    written.flow = false
    if (!isMap(written.get('objects', true))) written.set('objects', document.createNode({}))
    const objects = written.get('objects', true) as unknown as YAMLMap
    objects.flow = false
    objects.set(name, document.createNode(object))
  }
  const hosts = document.get('hosts', true)
  if (isMap(hosts) && added.length > 0) hosts.flow = false
  return document.toString({ lineWidth: 0 })
}
