import type { Config } from '../../../protocol/documents/config.ts'
import type { Address } from '../../addresses.ts'
import { clusterOf } from '../../cluster/index.ts'
import type { Places } from '../../cluster/places.ts'
import { sectionOf, typeIn } from '../../cluster/references.ts'
import type { FlowEnd } from '../flows/flow-end.ts'
import { policySchema } from '../spec.ts'

/** An end of a policy that no flow of its container can have. */
interface UnmetEnd {
  /** `hosts.cloud01.db_in.ingress.0.from`. */
  readonly path: string
  readonly message: string
}

/**
 * Ends of policies that are of the other family than the policy's container, and so admit nothing:
 * a container has one address. They are no faults, as the rest of the policy holds. All of a family
 * (`::/0`) is left out, since it is written beside `0.0.0.0/0` to mean everybody.
 */
export function unmetEnds(config: Pick<Config, 'hosts'>): readonly UnmetEnd[] {
  const { places } = clusterOf(config)
  return Object.keys(config.hosts).flatMap((host) => {
    const section = sectionOf(config, host) ?? {}
    return Object.keys(section).flatMap((name) => {
      if (typeIn(section, name) !== 'nftables_policy') return []
      const { data } = policySchema.safeParse(section[name])
      const own = places.containers.get(host)?.get(data?.container ?? '')
      if (data === undefined || own === undefined) return []
      const has = `${data.container} has an address of IPv${own.family} only`
      const message = `${has}, and this has none of that: it admits nothing`
      const isUnmet = (end: FlowEnd): boolean => {
        const families = familiesOf(places, host, end)
        return families.length > 0 && !families.includes(own.family)
      }
      const at = (way: string, index: number, end: string): UnmetEnd => {
        return { path: `hosts.${host}.${name}.${way}.${index}.${end}`, message }
      }
      return [
        ...(data.ingress ?? []).flatMap(({ from }, i) =>
          isUnmet(from) ? at('ingress', i, 'from') : [],
        ),
        ...(data.egress ?? []).flatMap(({ to }, i) => (isUnmet(to) ? at('egress', i, 'to') : [])),
      ]
    })
  })
}

/** Families of the addresses that an end stands for; none where that is not known, or is all. */
function familiesOf(places: Places, self: string, end: FlowEnd): readonly Address['family'][] {
  if (end.kind === 'network') return end.network.length === 0 ? [] : [end.network.family]
  if (end.kind === 'host') {
    return [...(places.links.get(end.host)?.values() ?? [])].map(({ family }) => family)
  }
  const address = places.containers.get(end.host ?? self)?.get(end.container)
  return address === undefined ? [] : [address.family]
}
