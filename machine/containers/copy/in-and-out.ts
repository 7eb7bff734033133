import { readTree } from '../../../platform/tree/read-tree.ts'
import type { TreeTotals } from '../../../platform/tree/tree-entry.ts'
import type { CopyStart } from '../../../protocol/copy-start.ts'
import { CoveyError } from '../../../protocol/fault.ts'
import { ownersOf } from './owners.ts'
import { copyFailure, isOfKernel, type OpenPlace, openIn } from './places.ts'
import { receivedName, receiveTree } from './receive.ts'
import { sendTree } from './send.ts'
import { makePart, merge, removeBelow, settle } from './settle.ts'
import { type CopyPlace, type Found, withPath } from './walk.ts'

type CopyOut = Extract<CopyStart, { direction: 'out' }>
type CopyIn = Extract<CopyStart, { direction: 'in' }>

/** Copies out of a container: its tree as an archive, bit by bit, to `write`. */
export async function copyOut(
  container: CopyPlace,
  { path, followLink }: CopyOut,
  write: (bytes: Uint8Array) => Promise<void>,
  { onLeftOut, signal }: { onLeftOut: (line: string) => void; signal: AbortSignal },
): Promise<void> {
  await asCopy(`cannot read ${path}`, () =>
    withPath(container, path, { followsLast: followLink }, async (found) => {
      const { place } = found
      if (place === null) throw new CoveyError('cp-no-such-path', `${path} is not there`)
      const told = (name: string, why: string): void => {
        onLeftOut(`${Buffer.from(name, 'latin1').toString('utf8') || path} ${why}`)
      }
      const init = { owners: ownersOf(container.pid), onLeftOut: told, signal }
      for await (const chunk of sendTree(found, place, init)) await write(chunk)
    }),
  )
}

/**
 * Copies an archive into a container. It is received beside its place, and gets it when all of it
 * is there: where the archive ends too early, nothing has changed. Throws `tree-…`, `cp-…`,
 * `disk-full`, and what `chunks` throws.
 */
export async function copyIn(
  container: CopyPlace,
  order: CopyIn,
  chunks: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<TreeTotals> {
  return asCopy(`cannot write ${order.path}`, () =>
    withPath(container, order.path, { followsLast: true }, async (found) => {
      const { folder, name } = targetOf(order, found)
      if (await isOfKernel(folder)) {
        throw new CoveyError('cp-kernel', `${order.path} is a window on the kernel, and no folder`)
      }
      const { name: partName, part } = await makePart(folder)
      try {
        const totals = await receiveTree(readTree(chunks), {
          ...{ folder: part, owners: ownersOf(container.pid), signal },
          keepsOwners: order.keepOwners,
        })
        signal.throwIfAborted()
        if (name === null) await mergeInto(part, folder)
        else await settle(part, receivedName, folder, name)
        return totals
      } finally {
        await part.handle.close()
        await removeBelow(folder, partName).catch(() => undefined)
      }
    }),
  )
}

/** The folder that something goes into, and the name that it gets; null: its content goes there. */
function targetOf(
  { path, source, name, mayMake }: CopyIn,
  { folder, name: last, place }: Found,
): { readonly folder: OpenPlace; readonly name: string | null } {
  if (place?.stat.isDirectory() === true) {
    return { folder: place, name: source === 'content' ? null : bytesOf(name) }
  }
  if (place !== null) {
    if (source === 'file') return { folder, name: last }
    throw new CoveyError('cp-not-a-folder', `${path} is a file, and a folder cannot replace it`)
  }
  if ((source === 'file' && path.endsWith('/')) || (source === 'content' && !mayMake)) {
    throw new CoveyError('cp-no-such-path', `${path} is not there`, {
      hint: 'make the folder first, or leave the / at the end out to copy to that name',
    })
  }
  return { folder, name: last }
}

async function mergeInto(part: OpenPlace, folder: OpenPlace): Promise<void> {
  const content = await openIn(part, receivedName)
  if (content === null) return
  try {
    if (!content.stat.isDirectory()) {
      throw new CoveyError('tree-refused', 'the archive is a file, and not a folder')
    }
    await merge(content, folder)
  } finally {
    await content.handle.close()
  }
}

function bytesOf(text: string): string {
  if (text === '') throw new CoveyError('cp-path', 'what is copied has no name')
  return Buffer.from(text, 'utf8').toString('latin1')
}

/** Runs a copy; a system call's failure becomes one sentence. */
async function asCopy<T>(doing: string, copy: () => Promise<T>): Promise<T> {
  try {
    return await copy()
  } catch (error) {
    throw copyFailure(error, doing)
  }
}
