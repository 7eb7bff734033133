import type { BundleFacts } from '../../../container-facts.ts'
import type { ContainerObject } from '../../object/container-object.ts'
import type { ContainerSpec } from '../../spec.ts'
import type { Account } from '../accounts.ts'
import { isWithin } from '../host-paths.ts'
import { settingsOf } from '../host-settings.ts'
import { oomScoreAdjust } from '../limits.ts'
import type { Mount } from '../mounts.ts'
import type { RuntimeParts } from '../patch/members.ts'
import type { HostShare } from '../resources.ts'
import { capabilitiesOf, capabilityName, privilegedCapabilities } from './capabilities.ts'
import { seccompProfile } from './seccomp.ts'

/** The parts of a container that are already worked out. */
interface Worked {
  readonly runtime: RuntimeParts
  readonly spec: ContainerSpec
  readonly account: Account
  readonly share: HostShare
  readonly hostname: string
  readonly mounts: readonly Mount[]
  readonly args: readonly string[]
  readonly env: readonly string[]
  readonly cwd: string
}

/** Paths in /proc and /sys that reveal the host, beyond those that the runtime masks itself. */
const masked: readonly string[] = [
  ...['/proc/interrupts', '/proc/kallsyms', '/proc/kmsg', '/sys/devices/virtual/powercap'],
  ...['/sys/fs/selinux', '/sys/kernel/debug', '/sys/kernel/security'],
]

/** Settings of the container's own network: any user may open low ports and ping in it. */
const networkSettings: Readonly<Record<string, string>> = {
  'net.ipv4.ip_unprivileged_port_start': '0',
  'net.ipv4.ping_group_range': '0 2147483647',
}

/**
 * The runtime's config with covey's hardening (docs/OBJECTS.md, runc_container) and what the image
 * and the object ask for within it.
 */
export function hardenedConfig(
  facts: BundleFacts,
  worked: Worked,
): Readonly<Record<string, unknown>> {
  const { runtime, spec, account, share, hostname, mounts, args, env, cwd } = worked
  const { container } = spec
  const { privileged: isPrivileged = false, capabilities: asked } = container
  const capabilities = isPrivileged
    ? privilegedCapabilities(asked.drop, facts.capabilities)
    : capabilitiesOf(asked)
  const process = {
    ...runtime.process,
    terminal: container.tty ?? false,
    user: {
      uid: account.uid,
      gid: account.gid,
      additionalGids: account.groups,
      // The default would be the agent's umask, which lets nobody else read anything.
      umask: 0o022,
    },
    args,
    env,
    cwd,
    capabilities: capabilitySets(spec, account, capabilities),
    noNewPrivileges: container.no_new_privileges ?? true,
    oomScoreAdj: oomScoreAdjust,
  }
  const { rlimits: _runtimes, ...withoutLimits } = process as Record<string, unknown>
  return {
    ...runtime.whole,
    process: withoutLimits,
    root: { path: facts.rootfs, readonly: container.read_only_root },
    hostname,
    mounts,
    linux: {
      ...runtime.linux,
      namespaces: namespacesOf(spec, facts),
      ...ownSettings(container),
      cgroupsPath: facts.cgroupsPath,
      resources: share.resources,
      devices: share.devices.map(({ mode, real: _, access: __, ...node }) => ({
        ...node,
        fileMode: mode,
      })),
      ...(isPrivileged
        ? { maskedPaths: [], readonlyPaths: [] }
        : {
            seccomp: seccompProfile(facts.architecture, capabilities),
            maskedPaths: [...new Set([...runtime.maskedPaths, ...masked])],
            // The host's own `/proc` is read-only as a whole.
            readonlyPaths: runtime.readonlyPaths.filter((path) => {
              return !container.host_pid || !isWithin(path, '/proc')
            }),
          }),
    },
  }
}

/** Settings of the kernel that are the container's own; those that it asks for go first. */
function ownSettings(container: ContainerObject): object {
  const network = container.host_network ? {} : networkSettings
  const settings = { ...network, ...settingsOf(container).own }
  return Object.keys(settings).length === 0 ? {} : { sysctl: settings }
}

/**
 * Capability sets (capabilities(7)). A user other than root gets, as ambient ones, only what the
 * object adds by name: the kernel removes the others when it runs its first program.
 */
function capabilitySets(
  { container }: ContainerSpec,
  account: Account,
  held: readonly string[],
): object {
  const prefixed = (names: readonly string[]): readonly string[] =>
    names.map((name) => `CAP_${name}`)
  const all = prefixed(held)
  const added = prefixed(container.capabilities.add.flatMap((name) => capabilityName(name) ?? []))
  const isAmbient = account.uid !== 0 && container.capabilities.ambient !== false
  const ambient = isAmbient ? added : []
  return { bounding: all, effective: all, permitted: all, inheritable: ambient, ambient }
}

/** The container's own namespaces, of every kind that each kernel has, except user namespaces. */
function namespacesOf(
  { container }: ContainerSpec,
  { networkNamespace }: BundleFacts,
): readonly object[] {
  const pid = container.host_pid ? [] : ['pid']
  const own = [...pid, 'ipc', 'uts', 'mount', 'cgroup'].map((type) => ({ type }))
  if (container.host_network) return own
  return [...own, { type: 'network', path: networkNamespace }]
}
