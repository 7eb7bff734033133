import { type BigIntStats, constants } from 'node:fs'
import { type FileHandle, open, statfs } from 'node:fs/promises'
import { CoveyError } from '../../../protocol/fault.ts'
import { systemCode, systemReason } from '../../../protocol/system-reason.ts'
import { oPath } from '../mounts/opened.ts'

/*
 * A container may be hostile, and changes its names while they are used here. So:
 *
 * 1. No name of a container is looked up in the host's own tree. Each step goes on from a folder
 *    that was opened before, starting at the root of the container's first process.
 * 2. The last name of such a step is never followed where it is a link. What a link says is read as
 *    text, and walked by the same steps.
 * 3. `..` goes back to the folder that was opened before, and is never given to the kernel.
 */

/** An opened place, its content not. */
export interface OpenPlace {
  readonly handle: FileHandle
  readonly stat: BigIntStats
}

/** Bytes of a name, which Node takes as they are. */
function bytes(text: string): Buffer {
  return Buffer.from(text, 'latin1')
}

/** A name (latin1) in an opened folder, whatever that folder is called by now. */
export function inPlace({ handle }: OpenPlace, name: string): Buffer {
  return Buffer.concat([bytes(`/proc/self/fd/${handle.fd}/`), bytes(name)])
}

/** An opened place itself, for calls that take a path. */
export function placePath({ handle }: OpenPlace): string {
  return `/proc/self/fd/${handle.fd}`
}

/** Opens a path of the host's own. */
export async function openPlace(path: string | Buffer, flags = 0): Promise<OpenPlace> {
  const handle = await open(path as string, oPath | flags)
  try {
    return { handle, stat: await handle.stat({ bigint: true }) }
  } catch (error) {
    await handle.close()
    throw error
  }
}

/** Opens a name in a folder, a link as the link that it is; null where there is nothing. */
export async function openIn(folder: OpenPlace, name: string): Promise<OpenPlace | null> {
  try {
    return await openPlace(inPlace(folder, name), constants.O_NOFOLLOW)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null
    throw error
  }
}

/** Types of file systems (statfs(2)) that are windows on the kernel and hold no files to copy. */
const kernelTypes: ReadonlySet<bigint> = new Set([
  ...[0x9fa0n, 0x62656572n, 0x63677270n, 0x27e0ebn, 0x1cd1n, 0x19800202n],
  ...[0x64626720n, 0x74726163n, 0x73636673n, 0xcafe4a11n, 0xde5e81e4n, 0x6e736673n],
])

/** True for a place in `/proc`, `/sys` and the like. */
export async function isOfKernel(place: OpenPlace): Promise<boolean> {
  const { type } = await statfs(placePath(place), { bigint: true })
  return kernelTypes.has(BigInt.asUintN(32, type))
}

/** A system call's failure as one for people; others as they are. */
export function copyFailure(error: unknown, doing: string): unknown {
  if (error instanceof CoveyError) return error
  const code = systemCode(error)
  if (code === '') return error
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new CoveyError('disk-full', `${doing}: there is no space left`, { cause: error })
  }
  if (code === 'EROFS') {
    return new CoveyError('cp-read-only', `${doing}: the container has it read-only`, {
      hint: 'copy into a volume or a tmpfs of the container',
      cause: error,
    })
  }
  return new CoveyError('cp-failed', `${doing}: ${systemReason(error)}`, { cause: error })
}
