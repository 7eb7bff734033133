import { type Disk, readText } from '../../machine/files/disk.ts'
import { type Envelope, parseEnvelope } from '../../protocol/documents/envelope.ts'
import { bad, type Checked, CoveyError, type Fault, faultText, good } from '../../protocol/fault.ts'
import type { HeldRoot } from '../../protocol/node/durable.ts'
import { documentOf } from './documents.ts'
import { verifyRoot } from './verify-root.ts'

/** Roots as they are held: the chain, oldest first, and what else was signed with their numbers. */
export interface Chain {
  readonly roots: readonly HeldRoot[]
  readonly rivals: readonly HeldRoot[]
}

/** Path of root document `epoch`. */
export function rootPath(epoch: number): string {
  return `roots/${epoch}.json`
}

/** Path of another root with a held root's number. */
export function rivalPath(root: HeldRoot): string {
  return `rivals/${root.root.epoch}.${root.digest.slice('sha256:'.length)}.json`
}

/**
 * Reads a document, or null if there is none. A file that cannot be read at all is as bad as one
 * that does not parse. Fault: `unreadable`, or the envelope's.
 */
export async function readDocument(disk: Disk, path: string): Promise<Checked<Envelope | null>> {
  const text = await tryReadText(disk, path)
  if (!text.ok) return text
  return text.value === null ? good(null) : parseEnvelope(text.value)
}

/** Reads a file as UTF-8 text, or null if there is none. Fault: `unreadable`. */
export async function tryReadText(disk: Disk, path: string): Promise<Checked<string | null>> {
  try {
    return good(await readText(disk, path))
  } catch (error) {
    return bad('unreadable', unreadable(error))
  }
}

function unreadable(error: unknown): string {
  return `cannot be read (${error instanceof Error ? error.message : String(error)})`
}

/** Names in a folder of documents; a folder that cannot be read is damage, and as good as empty. */
export async function listDocuments(
  disk: Disk,
  folder: string,
  damage: Fault[],
): Promise<readonly string[]> {
  try {
    return await disk.list(folder)
  } catch (error) {
    damage.push(damaged(folder, unreadable(error)))
    return []
  }
}

/** Fault of a file in the state folder, as a start reports it. */
export function damaged(path: string, why: string): Fault {
  return { code: 'state-damaged', message: `${path}: ${why}` }
}

/**
 * Reads and proves the chain of roots. It ends before the first root that is damaged or missing:
 * what was signed under that root does not verify then, and is asked for again together with it. A
 * rival only feeds an alarm and the proof that settles it; one that is damaged is left out. Error:
 * `state-damaged` without the first root.
 */
export async function loadChain(disk: Disk, clusterId: string, damage: Fault[]): Promise<Chain> {
  const roots: HeldRoot[] = []
  const rivals: HeldRoot[] = []
  const load = async (path: string): Promise<HeldRoot | null> => {
    const text = await tryReadText(disk, path)
    if (text.ok && text.value === null) return null
    const held = text.ok ? await checkRoot(text.value ?? '', roots, rivals, clusterId) : text
    if (held.ok) return held.value
    damage.push(damaged(path, faultText(held.fault)))
    return null
  }
  const rivalNames = await listDocuments(disk, 'rivals', damage)
  for (;;) {
    const epoch = roots.length + 1
    for (const name of rivalNames.filter((one) => one.startsWith(`${epoch}.`))) {
      const rival = await load(`rivals/${name}`)
      if (rival !== null) rivals.push(rival)
    }
    const root = await load(rootPath(epoch))
    if (root === null) break
    roots.push(root)
  }
  if (roots.length > 0) {
    await reportLeftOver(disk, roots.length, damage)
    return { roots, rivals }
  }
  const why = damage.find((fault) => fault.message.startsWith(rootPath(1)))?.message
  throw new CoveyError('state-damaged', why ?? 'the first root document is missing', {
    hint: 'enrol this host again with a new bundle',
  })
}

async function reportLeftOver(disk: Disk, end: number, damage: Fault[]): Promise<void> {
  const names = await listDocuments(disk, 'roots', damage)
  const numbers = names.map((name) => Number(/^(\d+)\.json$/.exec(name)?.[1] ?? 0))
  const lost = Math.max(...numbers.filter((epoch) => epoch > end + 1), 0)
  if (lost > 0) damage.push(damaged(rootPath(lost), `the chain of roots ends at ${end}`))
}

/** Parses and proves a root as the successor of a chain, or as the first of the cluster. */
export async function checkRoot(
  text: string,
  chain: readonly HeldRoot[],
  rivals: readonly HeldRoot[],
  clusterId: string,
): Promise<Checked<HeldRoot>> {
  const envelope = parseEnvelope(text)
  if (!envelope.ok) return envelope
  const held = await verifyRoot(documentOf(envelope.value), chain, rivals)
  if (held.ok && chain.length === 0 && held.value.digest !== clusterId) {
    return bad('other-cluster', 'the first root document is not that of this cluster')
  }
  return held
}
