import { isObject } from '../../../protocol/documents/canonical-json.ts'
import { bad, type Checked, good } from '../../../protocol/fault.ts'
import type { BundleFacts } from '../../container-facts.ts'
import { mappedIdBase, mappedIds } from '../../images/mapped-ids.ts'
import type { Account } from './accounts.ts'
import type { Mount } from './mounts.ts'
import { type Config, itemsOf, memberOf } from './patch/members.ts'
import type { Bundle } from './result.ts'

/**
 * Changes a bundle so that its users are not users of the host
 * (docs/decisions/0031-user-namespaces.md): files that the host writes for it belong to the mapped
 * ids, and what the kernel forbids to the root of a user namespace is done in another way, or by
 * the host. Pure.
 *
 * Fault: `user-namespace`.
 */
export function inUserNamespace(
  bundle: Bundle,
  account: Account,
  facts: BundleFacts,
): Checked<Bundle> {
  const users = [account.uid, account.gid, ...account.groups].map((id) => ['the user needs', id])
  const owned = [...bundle.files, ...bundle.secrets].flatMap(({ uid, gid }) => [uid, gid])
  const owners = owned.map((id) => ['an owner is', id])
  const beyond = [...users, ...owners].find(([, id]) => Number(id) >= mappedIds)
  if (beyond !== undefined) {
    const message = `a user namespace has the ids 0 to ${mappedIds - 1}, and ${beyond.join(' ')}`
    return bad('user-namespace', message)
  }
  const { config } = bundle
  const linux = memberOf(config, 'linux')
  const settings = splitSettings(memberOf(linux, 'sysctl'))
  if (!settings.ok) return settings
  const { within, network } = settings.value
  const mapping = [{ containerID: 0, hostID: mappedIdBase, size: mappedIds }]
  const { sysctl: _all, namespaces, ...rest } = linux
  return good({
    ...bundle,
    config: {
      ...config,
      root: { ...memberOf(config, 'root'), path: facts.mappedRootfs },
      mounts: itemsOf(config['mounts']).flatMap((mount) => mapped(mount as Mount)),
      linux: {
        ...rest,
        namespaces: [...itemsOf(namespaces).filter((each) => !isNetwork(each)), { type: 'user' }],
        uidMappings: mapping,
        gidMappings: mapping,
        ...(Object.keys(within).length === 0 ? {} : { sysctl: within }),
      },
    },
    files: bundle.files.map(ownedOnHost),
    secrets: bundle.secrets.map(ownedOnHost),
    volumes: bundle.volumes.map(ownedOnHost),
    folders: bundle.folders.map(ownedOnHost),
    mountNeeds: {
      ...bundle.mountNeeds,
      volumeFolders: bundle.mountNeeds.volumeFolders.map(ownedOnHost),
      hostFolders: bundle.mountNeeds.hostFolders.map(ownedOnHost),
    },
    userNamespace: { networkSettings: network },
  })
}

/**
 * True for the network namespace. The runtime is in it already, and may not enter it from within
 * the user namespace.
 */
function isNetwork(namespace: unknown): boolean {
  return isObject(namespace) && namespace['type'] === 'network'
}

function ownedOnHost<T extends { readonly uid: number; readonly gid: number }>(owned: T): T {
  return { ...owned, uid: owned.uid + mappedIdBase, gid: owned.gid + mappedIdBase }
}

/**
 * Only the owner of a network namespace may mount a /sys of it, and the host's /sys would show the
 * host's links. So /sys holds what programs look up there: processors, memory, and their control
 * group.
 */
function mapped(mount: Mount): readonly Mount[] {
  if (mount.destination !== '/sys') return [mount]
  const plain = ['nosuid', 'noexec', 'nodev', 'ro', 'mode=755', 'size=64k']
  const system = '/sys/devices/system'
  const options = ['rbind', 'rprivate', 'rnosuid', 'rnoexec', 'rnodev', 'rro']
  return [
    { destination: '/sys', type: 'tmpfs', source: 'tmpfs', options: plain },
    { destination: system, type: 'bind', source: system, options },
  ]
}

/** Separates the settings of the network namespace, which the host sets, from all others. */
function splitSettings(all: Config): Checked<{
  readonly within: Config
  readonly network: Readonly<Record<string, string>>
}> {
  const entries = Object.entries(all)
  const isOfNetwork = ([name]: readonly [string, unknown]): boolean => /^net[./]/.test(name)
  const network = entries.filter(isOfNetwork)
  // The host writes them to a path below /proc/sys: nothing in a name may lead elsewhere.
  const unfit = network.find(([name, value]) => {
    return !/^net(\.[A-Za-z0-9_-]+)+$/.test(name) || typeof value !== 'string'
  })
  if (unfit !== undefined) {
    const message = `with user_namespace, ${unfit[0]} must be written as net.ipv4.tcp_syncookies, a text`
    return bad('user-namespace', message)
  }
  return good({
    within: Object.fromEntries(entries.filter((entry) => !isOfNetwork(entry))),
    network: Object.fromEntries(network.map(([name, value]) => [name, String(value)])),
  })
}
