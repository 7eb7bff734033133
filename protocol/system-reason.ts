/** Codes of errno(3) in words that complete `cannot read FILE: …`. */
const systemReasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or folder',
  EISDIR: 'it is a folder, not a file',
  ENOTDIR: 'a part of the path is not a folder',
  EACCES: 'permission denied',
  EPERM: 'not permitted',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EFBIG: 'the file would be too large',
  ELOOP: 'too many symbolic links',
  EMLINK: 'the file has too many links',
  ENAMETOOLONG: 'the name is too long',
  EEXIST: 'it already exists',
  ENOTEMPTY: 'the folder is not empty',
  EXDEV: 'it is on another file system',
  EBUSY: 'it is in use',
  ETXTBSY: 'it is a running program',
  EIO: 'the disk failed',
  ESTALE: 'the network share has lost it',
  ENODEV: 'there is no such device',
  ENXIO: 'there is no such device, or nothing at its other end',
  EMFILE: 'this process has too many open files',
  ENFILE: 'the machine has too many open files',
  ENOMEM: 'there is not enough memory',
  EINVAL: 'the system rejects it',
  ENOSYS: 'this system cannot do that',
  ENOTSUP: 'this file system cannot do that',
  EOPNOTSUPP: 'this file system cannot do that',
  EPIPE: 'nothing reads it any more',
  EADDRINUSE: 'another process uses it',
  ECONNREFUSED: 'nothing listens there',
  ECONNRESET: 'the connection was reset',
  EAGAIN: 'it is busy',
  ETIMEDOUT: 'it timed out',
}

/** The `code` of a system error, as ENOENT, or the empty string. */
export function systemCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}

/** Words for a system error; where none are known, its code or message. */
export function systemReason(error: unknown): string {
  const code = systemCode(error)
  if (Object.hasOwn(systemReasons, code)) return systemReasons[code] ?? code
  if (code.startsWith('HPE_')) return 'the other side does not speak HTTP'
  if (/^E[A-Z0-9]+$/.test(code)) return `the system says ${code}`
  return error instanceof Error ? error.message : String(error)
}

const hints: Readonly<Record<string, string>> = {
  EROFS: 'name a path that can be written, or mount it writable',
  ENOSPC: 'make room on that disk',
  EDQUOT: 'make room on that disk',
  EACCES: 'run this as its owner, or as root',
  EPERM: 'run this as its owner, or as root',
  EIO: 'check the disk (dmesg)',
  EMFILE: 'raise its limit: ulimit -n',
}

/** A system error as something to be told: what and where, why, what to do. */
export interface SystemFault {
  readonly message: string
  readonly hint: string
}

/**
 * Null for an error that is not the system's. `where` stands for the path of an error that has
 * none.
 */
export function systemFault(error: unknown, where?: string): SystemFault | null {
  const code = systemCode(error)
  if (!(error instanceof Error) || !/^E[A-Z0-9]+$/.test(code)) return null
  const { path, syscall } = error as { readonly path?: unknown; readonly syscall?: unknown }
  if (typeof syscall !== 'string') return null
  const place = typeof path === 'string' ? path : (where ?? `the call ${syscall}`)
  const hint = hints[code] ?? 'check that file and the folders above it'
  return { message: `${place}: ${systemReason(error)}`, hint }
}
