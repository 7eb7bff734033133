import { join } from 'node:path'
import { type Envelope, parseEnvelope } from '../../protocol/documents/envelope.ts'
import { faultText } from '../../protocol/fault.ts'
import { createWhole, makeFolder, writeWhole } from '../files/write-file.ts'
import { envelopeText } from '../signing/sign.ts'
import { type VerifiedConfig, verifyConfig } from '../signing/verify.ts'
import { Failure, systemCode, systemReason } from '../terminal/failure.ts'
import type { OperatorFolder } from './folder.ts'
import { type FolderFiles, readFolderText } from './folder-files.ts'

/**
 * One file of `DIR/history`: its name says which place it holds, and a place is never given twice.
 */
export interface HistoryEntry {
  readonly epoch: number
  readonly version: number
  readonly path: string
}

/** Every config that was signed here, the newest first. */
export async function listHistory(folder: FolderFiles): Promise<readonly HistoryEntry[]> {
  return await listPlaces(folder, 'history')
}

/**
 * Configs that others still have to sign, the newest first: `DIR/unfinished`. Each takes its place
 * for good, because a second one there would be a fork once both had their signatures.
 */
export async function listUnfinished(folder: FolderFiles): Promise<readonly HistoryEntry[]> {
  const recorded = await listHistory(folder)
  const isRecorded = (one: HistoryEntry): boolean =>
    recorded.some(({ epoch, version }) => epoch === one.epoch && version === one.version)
  return (await listPlaces(folder, 'unfinished')).filter((entry) => !isRecorded(entry))
}

async function listPlaces(
  { dir, files }: FolderFiles,
  name: 'history' | 'unfinished',
): Promise<readonly HistoryEntry[]> {
  const folder = join(dir, name)
  let names: readonly string[]
  try {
    names = await files.list(folder)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return []
    throw new Failure(1, 'history-unreadable', `cannot read ${folder}: ${systemReason(error)}`)
  }
  const entries: HistoryEntry[] = []
  for (const name of names) {
    const match = /^([1-9]\d{0,9})\.([1-9]\d{0,9})\.json$/.exec(name)
    if (match === null) continue
    entries.push({ epoch: Number(match[1]), version: Number(match[2]), path: join(folder, name) })
  }
  return entries.sort((a, b) => b.epoch - a.epoch || b.version - a.version)
}

/** Reads one entry and verifies it. Throws `Failure` `history-damaged`. */
export async function readHistory(
  folder: OperatorFolder,
  entry: HistoryEntry,
): Promise<VerifiedConfig> {
  const damaged = (why: string): Failure =>
    new Failure(1, 'history-damaged', `${entry.path}: ${why}`, {
      hint: 'take the file from another copy of this folder, or sign with --base FILE',
    })
  const text = await readFolderText(folder, entry.path).catch((error: unknown) => {
    throw damaged(systemReason(error))
  })
  const envelope = parseEnvelope(text)
  if (!envelope.ok) throw damaged(faultText(envelope.fault))
  const verified = await verifyConfig(envelope.value, folder.chain)
  if (!verified.ok) throw damaged(faultText(verified.fault))
  const { head } = verified.value
  if (head.epoch !== entry.epoch || head.version !== entry.version) {
    throw damaged(`it holds version ${head.version} of epoch ${head.epoch}, but its name differs`)
  }
  return verified.value
}

/** The newest config that was signed here, or null. */
export async function newestConfig(folder: OperatorFolder): Promise<VerifiedConfig | null> {
  const [entry] = await listHistory(folder)
  return entry === undefined ? null : await readHistory(folder, entry)
}

/** Records a signed config durably under its place. False if that place is taken. */
export async function recordConfig(
  { dir, files }: FolderFiles,
  place: { readonly epoch: number; readonly version: number },
  envelope: Envelope,
): Promise<boolean> {
  await makeFolder(files, join(dir, 'history'))
  const path = join(dir, 'history', `${place.epoch}.${place.version}.json`)
  return await createWhole(files, path, envelopeText(envelope))
}

/**
 * Records a config that others still have to sign. False if its place is taken, unless `replace`,
 * which is for the same payload with more signatures.
 */
export async function recordUnfinished(
  folder: FolderFiles,
  place: { readonly epoch: number; readonly version: number },
  envelope: Envelope,
  replace = false,
): Promise<boolean> {
  const { dir, files } = folder
  await makeFolder(files, join(dir, 'unfinished'))
  const path = unfinishedPath(folder, place)
  if (!replace) return await createWhole(files, path, envelopeText(envelope))
  await writeWhole(files, path, envelopeText(envelope))
  return true
}

/** Where a config waits for signatures. */
export function unfinishedPath(
  { dir }: FolderFiles,
  place: { readonly epoch: number; readonly version: number },
): string {
  return join(dir, 'unfinished', `${place.epoch}.${place.version}.json`)
}

/** The envelope in a file of the folder, if it is there and is one; nothing of it is verified. */
export async function envelopeIn(folder: FolderFiles, path: string): Promise<Envelope | undefined> {
  const text = await readFolderText(folder, path).catch(() => '')
  const envelope = parseEnvelope(text)
  return envelope.ok ? envelope.value : undefined
}
