/** Settings that every container has for itself: System V and POSIX messages, shared memory. */
const namespaced: ReadonlySet<string> = new Set([
  ...['kernel.msgmax', 'kernel.msgmnb', 'kernel.msgmni', 'kernel.sem', 'kernel.shmall'],
  ...['kernel.shmmax', 'kernel.shmmni', 'kernel.shm_rmid_forced'],
])

/** The fault of a text as the name of a setting that a container may ask for, or undefined. */
export function hostSettingFault(name: string): string | undefined {
  // A path below /proc/sys comes of it: nothing in a name may lead elsewhere.
  if (name.length > 128 || !/^[a-z][a-z0-9_]*(\.[A-Za-z0-9_-]+)+$/.test(name)) {
    return 'must be a setting as sysctl names it: net.core.somaxconn'
  }
  const isName = name === 'kernel.hostname' || name === 'kernel.domainname'
  return isName ? 'is what hostname of the object says' : undefined
}

/** The settings of the kernel that a container asks for. */
interface AskedSettings {
  readonly host_network: boolean
  readonly sysctls?: Readonly<Record<string, string>> | undefined
}

/** Settings that belong to a namespace of the container, and those that change the host. */
export function settingsOf({ host_network, sysctls = {} }: AskedSettings): {
  readonly own: Readonly<Record<string, string>>
  readonly host: Readonly<Record<string, string>>
} {
  const entries = Object.entries(sysctls)
  const isOwn = ([name]: readonly [string, string]): boolean => {
    if (name.startsWith('net.')) return !host_network
    return namespaced.has(name) || name.startsWith('fs.mqueue.')
  }
  const host = entries.filter((entry) => !isOwn(entry))
  return { own: Object.fromEntries(entries.filter(isOwn)), host: Object.fromEntries(host) }
}
