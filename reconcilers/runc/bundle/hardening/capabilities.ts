/** All capabilities of Linux (capabilities(7)), without their `CAP_`. */
const names: readonly string[] = [
  ...['CHOWN', 'DAC_OVERRIDE', 'DAC_READ_SEARCH', 'FOWNER', 'FSETID', 'KILL', 'SETGID', 'SETUID'],
  ...['SETPCAP', 'LINUX_IMMUTABLE', 'NET_BIND_SERVICE', 'NET_BROADCAST', 'NET_ADMIN', 'NET_RAW'],
  ...['IPC_LOCK', 'IPC_OWNER', 'SYS_MODULE', 'SYS_RAWIO', 'SYS_CHROOT', 'SYS_PTRACE', 'SYS_PACCT'],
  ...['SYS_ADMIN', 'SYS_BOOT', 'SYS_NICE', 'SYS_RESOURCE', 'SYS_TIME', 'SYS_TTY_CONFIG', 'MKNOD'],
  ...['LEASE', 'AUDIT_WRITE', 'AUDIT_CONTROL', 'SETFCAP', 'MAC_OVERRIDE', 'MAC_ADMIN', 'SYSLOG'],
  ...['WAKE_ALARM', 'BLOCK_SUSPEND', 'AUDIT_READ', 'PERFMON', 'BPF', 'CHECKPOINT_RESTORE'],
]

const known: ReadonlySet<string> = new Set(names)

/** Capabilities by default: enough for a server that starts as root and then drops that. */
const defaults: readonly string[] = [
  ...['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'SETUID', 'SETGID', 'KILL', 'NET_BIND_SERVICE'],
]

/** `NET_ADMIN` for `NET_ADMIN` or `CAP_NET_ADMIN`; undefined if Linux has none of that name. */
export function capabilityName(text: string): string | undefined {
  const name = text.replace(/^CAP_/, '')
  return known.has(name) ? name : undefined
}

/** Names in a set of the kernel's, which has a bit for each in their order. */
export function capabilitiesOfMask(mask: bigint): readonly string[] {
  return names.filter((_, bit) => ((mask >> BigInt(bit)) & 1n) === 1n)
}

/** Those of a privileged container: all that its agent may give, without what it drops. */
export function privilegedCapabilities(
  drop: readonly string[],
  given: readonly string[],
): readonly string[] {
  const dropped = drop.map(capabilityName)
  return drop.includes('ALL') ? [] : given.filter((name) => !dropped.includes(name))
}

/**
 * The capabilities of a container, in the kernel's order, without their `CAP_`. Drops come first,
 * perhaps `ALL`, then additions.
 */
export function capabilitiesOf(asked: {
  readonly add: readonly string[]
  readonly drop: readonly string[]
}): readonly string[] {
  const added = asked.add.map(capabilityName)
  const dropped = asked.drop.map(capabilityName)
  const isKept = (name: string): boolean =>
    defaults.includes(name) && !dropped.includes(name) && !asked.drop.includes('ALL')
  return names.filter((name) => added.includes(name) || isKept(name))
}
