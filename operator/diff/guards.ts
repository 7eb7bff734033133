import type { Config } from '../../protocol/documents/config.ts'
import { isolatedHosts } from '../../reconcilers/mesh.ts'
import type { Guard, Opening } from './plan-document.ts'
import { hostsOfServices } from './services.ts'

/** Hosts that the new config would take their last tunnel from. */
export function isolationGuards(before: Config, after: Config): readonly Guard[] {
  return isolatedHosts(before, after).map((host) => ({
    code: 'isolation',
    message: `${host} would be cut off: no tunnel would lead there any more`,
    override: '--allow-isolation',
  }))
}

/**
 * Ports that become everybody's, of services that were there before: a word that is changed in the
 * layout may open what nobody thought of. One that is new says so itself.
 */
export function publicGuards(
  before: Pick<Config, 'hosts'>,
  opens: readonly Opening[],
): readonly Guard[] {
  const known = hostsOfServices(before)
  return opens
    .filter(({ to, published, service }) => to === 'everybody' && published && known.has(service))
    .map(({ host, port, protocol, service }) => ({
      code: 'port-public',
      message: `${port}/${protocol} of ${host} (${service}) would be open to everybody`,
      override: '--open',
    }))
}

/** A layout that has lost most of its services is more often a mistake than meant. */
export function removalGuards(
  before: Pick<Config, 'hosts'>,
  after: Pick<Config, 'hosts'>,
): readonly Guard[] {
  const [old, next] = [hostsOfServices(before), hostsOfServices(after)]
  const gone = [...old.keys()].filter((service) => !next.has(service)).sort()
  if (gone.length * 2 <= old.size) return []
  const shown = gone.slice(0, 5).join(', ')
  const more = gone.length > 5 ? ` and ${gone.length - 5} more` : ''
  return [
    {
      code: 'services-removed',
      message: `${gone.length} of ${old.size} services would be gone: ${shown}${more}`,
      override: '--yes-remove',
    },
  ]
}
