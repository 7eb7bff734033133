import { ordinaryCalls, privilegedCalls } from './syscalls.ts'

/** `linux.seccomp` of the OCI runtime spec (config-linux.md, Seccomp), as far as covey uses it. */
export interface SeccompProfile {
  readonly defaultAction: 'SCMP_ACT_ERRNO'
  readonly defaultErrnoRet: number
  /** The machine's own only: programs of others, such as 32-bit ones, cannot make calls. */
  readonly architectures?: readonly string[]
  readonly syscalls: readonly SeccompRule[]
}

interface SeccompRule {
  readonly names: readonly string[]
  readonly action: 'SCMP_ACT_ALLOW' | 'SCMP_ACT_ERRNO'
  readonly errnoRet?: number
  readonly args?: readonly SeccompArgument[]
}

interface SeccompArgument {
  readonly index: number
  readonly op: 'SCMP_CMP_EQ' | 'SCMP_CMP_MASKED_EQ'
  readonly value: number
  readonly valueTwo?: number
}

/** Numbers of errno(3) on every architecture that covey runs on. */
const notPermitted = 1
const notImplemented = 38

const architectures: Readonly<Record<string, string>> = {
  x64: 'SCMP_ARCH_X86_64',
  arm64: 'SCMP_ARCH_AARCH64',
}

/** CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET of clone(2). */
const namespaceFlags = 0x7e020000

/** AF_UNIX, AF_INET, AF_INET6, AF_NETLINK and AF_PACKET: the families in use (socket(2)). */
const families: readonly number[] = [1, 2, 10, 16, 17]
const unixFamily = 1

/**
 * PER_LINUX, UNAME26, PER_LINUX32, both, and the query for the present one (personality(2)). The
 * others take protections off a process or are for systems long gone.
 */
const personalities: readonly number[] = [0x0, 0x20000, 0x8, 0x20008, 0xffffffff]

/**
 * The system calls that a container with these capabilities may make. The others fail with EPERM;
 * runc itself lets calls newer than the list fail with ENOSYS.
 */
export function seccompProfile(
  architecture: string,
  capabilities: readonly string[],
): SeccompProfile {
  const has = (name: string): boolean => capabilities.includes(name)
  const granted = capabilities.flatMap((name) => privilegedCalls[name] ?? [])
  const allowed = [...new Set([...ordinaryCalls, ...granted])]
  if (has('NET_ADMIN')) allowed.push('socket')
  const native = Object.hasOwn(architectures, architecture)
    ? architectures[architecture]
    : undefined
  return {
    defaultAction: 'SCMP_ACT_ERRNO',
    defaultErrnoRet: notPermitted,
    ...(native === undefined ? {} : { architectures: [native] }),
    syscalls: [
      { names: allowed, action: 'SCMP_ACT_ALLOW' },
      ...(has('SYS_ADMIN') ? [] : cloneRules),
      ...(has('NET_ADMIN') ? [] : families.map((family) => equalRule('socket', family))),
      equalRule('socketpair', unixFamily),
      ...personalities.map((value) => equalRule('personality', value)),
    ],
  }
}

/**
 * Rules against new namespaces. The flags of clone3 lie in memory, where no filter sees them, so it
 * is reported as missing and the C library falls back to clone.
 */
const cloneRules: readonly SeccompRule[] = [
  {
    names: ['clone'],
    action: 'SCMP_ACT_ALLOW',
    args: [{ index: 0, op: 'SCMP_CMP_MASKED_EQ', value: namespaceFlags, valueTwo: 0 }],
  },
  { names: ['clone3'], action: 'SCMP_ACT_ERRNO', errnoRet: notImplemented },
]

function equalRule(name: string, value: number): SeccompRule {
  return {
    names: [name],
    action: 'SCMP_ACT_ALLOW',
    args: [{ index: 0, op: 'SCMP_CMP_EQ', value }],
  }
}
