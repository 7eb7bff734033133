import { foreignNames, readTree } from '../../../platform/tree/read-tree.ts'
import type { TreeEntry, TreeTotals } from '../../../platform/tree/tree-entry.ts'
import { treeEnd, treeHead, treePadding } from '../../../platform/tree/write-tree.ts'
import { CoveyError } from '../../../protocol/fault.ts'
import { Failure } from '../../terminal/failure.ts'

/**
 * Anybody's tar archive as the archive of one folder. Its names begin in that folder; what is no
 * file, folder or link is left out. Throws `Failure` `cp-archive` (2).
 */
export async function* packStream(
  input: AsyncIterable<Uint8Array>,
  { keepsOwners, onLeftOut, totals }: PackStreamInit,
): AsyncGenerator<Uint8Array> {
  const folders = new Set<string>()
  const head = (entry: TreeEntry): Buffer => {
    const { uid, gid } = keepsOwners ? entry : { uid: 0, gid: 0 }
    return treeHead({ ...entry, uid, gid })
  }
  const implied = function* (parts: readonly string[]): Generator<Buffer> {
    for (let length = 0; length <= parts.length; length++) {
      const above = parts.slice(0, length)
      const name = above.join('/')
      if (folders.has(name)) continue
      folders.add(name)
      yield head({ ...impliedFolder, parts: above })
    }
  }
  let left = 0
  let sizeBytes = 0
  try {
    yield* implied([])
    for await (const item of readTree(unpacked(input), foreignNames(onLeftOut))) {
      if ('data' in item) {
        yield item.data
        totals.bytes += item.data.length
        left -= item.data.length
        if (left === 0) yield treePadding(sizeBytes)
        continue
      }
      const { entry } = item
      if (entry.parts.length === 0) continue
      yield* implied(entry.parts.slice(0, -1))
      if (entry.kind === 'folder') folders.add(entry.parts.join('/'))
      if (entry.kind === 'folder') totals.folders++
      else totals.files++
      yield head(entry)
      sizeBytes = entry.sizeBytes
      left = sizeBytes
    }
    yield treeEnd
  } catch (error) {
    if (!(error instanceof CoveyError) || error instanceof Failure) throw error
    throw new Failure(2, 'cp-archive', `stdin is no archive that can be copied: ${error.message}`, {
      hint: 'give it a plain tar archive, as in: tar -c . | covey cp - shop/web:/data',
      cause: error,
    })
  }
}

/** Dependencies of packing a stream. */
interface PackStreamInit {
  readonly keepsOwners: boolean
  readonly onLeftOut: (line: string) => void
  /** Counted up as it goes. */
  readonly totals: TreeTotals
}

const impliedFolder: TreeEntry = {
  ...{ kind: 'folder', parts: [], mode: 0o755, uid: 0, gid: 0 },
  ...{ sizeBytes: 0, mtimeSeconds: 0, target: '' },
}

/** Refuses what is packed: it would be said of it that it is damaged. */
async function* unpacked(input: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let isFirst = true
  for await (const chunk of input) {
    const isGzip = chunk[0] === 0x1f && chunk[1] === 0x8b
    const isZstd = chunk[0] === 0x28 && chunk[1] === 0xb5 && chunk[2] === 0x2f
    if (isFirst && (isGzip || isZstd)) {
      const tool = isGzip ? 'zcat' : 'zstdcat'
      throw new Failure(2, 'cp-archive', 'the archive on stdin is packed', {
        hint: `unpack it on the way: ${tool} FILE | covey cp - shop/web:/data`,
      })
    }
    isFirst = false
    yield chunk
  }
}

/**
 * The archive that a container's tree is for a person: its names begin with `name`, or with `.`
 * where that is empty. Throws as `readTree` does.
 */
export async function* streamOf(
  chunks: AsyncIterable<Uint8Array>,
  name: string,
): AsyncGenerator<Uint8Array> {
  const root = name === '' ? '.' : Buffer.from(name, 'utf8').toString('latin1')
  let left = 0
  let sizeBytes = 0
  for await (const item of readTree(chunks)) {
    if ('data' in item) {
      yield item.data
      left -= item.data.length
      if (left === 0) yield treePadding(sizeBytes)
      continue
    }
    yield treeHead(item.entry, root)
    sizeBytes = item.entry.sizeBytes
    left = sizeBytes
  }
  yield treeEnd
}
