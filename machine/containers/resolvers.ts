import { readFile } from 'node:fs/promises'
import { parseAddress } from '../../reconcilers/addresses.ts'
import type { HostResolvers } from '../../reconcilers/container-facts.ts'
import type { ContainerRecord } from '../../reconcilers/host-containers.ts'
import { namesResolver } from '../../reconcilers/runc/bundle/resolv-conf.ts'
import type { ContainersState } from './state.ts'

/** File in which a host names its resolvers. */
const resolvConfPath: string = '/etc/resolv.conf'

/** Files in which local resolvers name theirs: systemd-resolved, and that of NetworkManager. */
const upstreamPaths: readonly string[] = [
  '/run/systemd/resolve/resolv.conf',
  '/run/NetworkManager/no-stub-resolv.conf',
]

/** Reads the resolvers of this host; a missing file names none. */
export async function lookResolvers(): Promise<HostResolvers> {
  const [own, ...upstream] = await Promise.all([resolvConfPath, ...upstreamPaths].map(textAt))
  const found = upstream.filter((text) => text !== null)
  return {
    resolvConf: own ?? '',
    upstreamResolvConf: found.length === 0 ? null : found.join('\n'),
  }
}

async function textAt(path: string): Promise<string | null> {
  return await readFile(path, 'utf8').catch(() => null)
}

/** Tells of a container that was just given nobody to ask for names; it goes on all the same. */
export function tellOfResolvers(
  state: Pick<ContainersState, 'tell' | 'log'>,
  record: ContainerRecord | null,
  text: string,
): void {
  if (record === null || record.namespace === null || namesResolver(text)) return
  const message = noResolverText(parseAddress(record.address)?.family)
  state.log.warn({ object: record.object }, message)
  state.tell(record.object, 'no-resolver', message)
}

/** Message for a host without a resolver for containers of a family. */
export function noResolverText(family: 4 | 6 | undefined): string {
  const whose = family === undefined ? 'it' : `an IPv${family} container`
  return `the host has no resolver that ${whose} can reach: only names of the cluster are found`
}
