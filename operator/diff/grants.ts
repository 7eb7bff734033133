import { isObject } from '../../protocol/documents/canonical-json.ts'
import type { Config, ConfigObject } from '../../protocol/documents/config.ts'
import { sectionOf } from '../../reconcilers/cluster/references.ts'
import type { Need } from './plan-document.ts'

type Hosts = Pick<Config, 'hosts'>

/** The grants that `after` asks of hosts and `before` did not. Pure. */
export function newNeeds(before: Hosts, after: Hosts): readonly Need[] {
  return Object.keys(after.hosts)
    .sort()
    .flatMap((host) => {
      const known = grantsFor(before, host)
      const grants = [...grantsFor(after, host)].filter((grant) => !known.has(grant))
      return grants.sort().map((grant) => ({ host, grant }))
    })
}

/** Every grant that the objects of a host need, as its settings would have them. */
function grantsFor(config: Hosts, host: string): ReadonlySet<string> {
  const section = sectionOf(config, host) ?? {}
  return new Set(Object.values(section).flatMap(grantsOf))
}

function grantsOf(object: ConfigObject): readonly string[] {
  if (object.type !== 'runc_container') return []
  const network = object['host_network'] === true ? ['host-network'] : []
  const paths = entriesOf(object['mounts']).flatMap((mount) => {
    const path = isObject(mount) ? mount['host_path'] : undefined
    return typeof path === 'string' ? [`path:${path}`] : []
  })
  const devices = entriesOf(object['devices']).flatMap((device) => {
    return typeof device === 'string' ? [`device:${device}`] : []
  })
  return [...network, ...paths, ...devices]
}

function entriesOf(list: unknown): readonly unknown[] {
  return Array.isArray(list) ? list : []
}
