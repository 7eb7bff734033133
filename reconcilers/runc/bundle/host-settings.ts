/** Settings that every container has for itself: System V and POSIX messages, shared memory. */
const ownSettings: ReadonlySet<string> = new Set([
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

/** True for a setting that belongs to a namespace of the container, and so changes no host. */
export function isOwnSetting(name: string, hasOwnNetwork: boolean): boolean {
  if (name.startsWith('net.')) return hasOwnNetwork
  return ownSettings.has(name) || name.startsWith('fs.mqueue.')
}
