import type { Config, HostSection } from '../../protocol/documents/config.ts'
import { sectionOf } from '../../reconcilers/cluster/references.ts'
import { grantsFor } from '../../reconcilers/runc/bundle/grants.ts'
import { privilegeGrant } from '../../reconcilers/runc/offers/privileges.ts'
import { containerSchema, volumeSchema } from '../../reconcilers/runc/spec.ts'
import type { Need } from './plan-document.ts'

type Hosts = Pick<Config, 'hosts'>

/** The grants that `after` asks of hosts and `before` did not. Pure. */
export function newNeeds(before: Hosts, after: Hosts): readonly Need[] {
  return Object.keys(after.hosts)
    .sort()
    .flatMap((host) => {
      const known = grantsOn(before, host)
      const grants = [...grantsOn(after, host)].filter((grant) => !known.has(grant))
      return grants.sort().map((grant) => ({ host, grant }))
    })
}

/** Every grant that the containers of a host need, by the code that asks for them there. */
function grantsOn(config: Hosts, host: string): ReadonlySet<string> {
  const section = sectionOf(config, host) ?? {}
  return new Set(Object.keys(section).flatMap((name) => grantsOf(section, name)))
}

function grantsOf(section: HostSection, name: string): readonly string[] {
  const { data } = containerSchema.safeParse(section[name])
  if (data === undefined) return []
  const volumes = data.mounts.flatMap(({ volume }) => {
    const path =
      volume === undefined ? undefined : volumeSchema.safeParse(section[volume]).data?.path
    return path === undefined ? [] : [{ host_path: path }]
  })
  const grants = grantsFor({ ...data, mounts: [...data.mounts, ...volumes] })
  return data.privileged ? [...grants, privilegeGrant(data, name)] : grants
}
