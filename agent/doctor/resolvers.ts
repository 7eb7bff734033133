import { lookResolvers, noResolverText } from '../../machine/containers/resolvers.ts'
import type { Config } from '../../protocol/documents/config.ts'
import { parseAddress } from '../../reconcilers/addresses.ts'
import { sectionOf, typeIn } from '../../reconcilers/cluster/references.ts'
import { namesResolver, resolvConfFor } from '../../reconcilers/runc/bundle/resolv-conf.ts'
import type { Check } from './doctor.ts'

/** Checks that the containers of a host have a resolver for names outside the cluster. */
export async function checkResolvers(
  host: string,
  config: Config | null,
): Promise<readonly Check[]> {
  const families = config === null ? new Set<4 | 6>() : familiesOf(config, host)
  if (families.size === 0) return []
  const resolvers = await lookResolvers()
  const missing = [...families].filter((family) => !namesResolver(resolvConfFor(resolvers, family)))
  if (missing.length === 0) {
    const message = 'containers have a resolver that they can reach'
    return [{ name: 'resolvers', state: 'ok', message, hint: null }]
  }
  return missing.sort().map((family) => ({
    name: 'resolvers',
    state: 'warning',
    message: noResolverText(family),
    hint: `name one in /etc/resolv.conf with an IPv${family} address that is not loopback`,
  }))
}

/** The families of the containers on a host that have a network of their own. */
function familiesOf(config: Config, host: string): Set<4 | 6> {
  const section = sectionOf(config, host) ?? {}
  const own = Object.keys(section).filter((name) => typeIn(section, name) === 'runc_container')
  const found = own.flatMap((name) => {
    const text = section[name]?.['address']
    return typeof text === 'string' ? (parseAddress(text)?.family ?? []) : []
  })
  return new Set(found)
}
