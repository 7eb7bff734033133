import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Envelope, parseEnvelope } from '../../protocol/documents/envelope.ts'
import { faultText } from '../../protocol/fault.ts'
import { createWhole, makeFolder } from '../files/write-file.ts'
import { envelopeText } from '../signing/sign.ts'
import { type VerifiedConfig, verifyConfig } from '../signing/verify.ts'
import { Failure, systemCode, systemReason } from '../terminal/failure.ts'
import type { OperatorFolder } from './folder.ts'

/**
 * One file of `DIR/history`: its name says which place it holds, and a place is never given twice.
 */
export interface HistoryEntry {
  readonly epoch: number
  readonly version: number
  readonly path: string
}

/** Every config that was signed here, the newest first. */
export async function listHistory(dir: string): Promise<readonly HistoryEntry[]> {
  const folder = join(dir, 'history')
  let names: readonly string[]
  try {
    names = await readdir(folder)
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
  const text = await readFile(entry.path, 'utf8').catch((error: unknown) => {
    throw damaged(systemReason(error))
  })
  const envelope = parseEnvelope(text)
  if (!envelope.ok) throw damaged(faultText(envelope.fault))
  const verified = await verifyConfig(envelope.value, folder.chain)
  if (!verified.ok) throw damaged(faultText(verified.fault))
  const { head } = verified.value
  if (head.epoch !== entry.epoch || head.version !== entry.version) {
    throw damaged(
      `it holds version ${head.version} of epoch ${head.epoch}, its name says otherwise`,
    )
  }
  return verified.value
}

/** The newest config that was signed here, or null. */
export async function newestConfig(folder: OperatorFolder): Promise<VerifiedConfig | null> {
  const [entry] = await listHistory(folder.dir)
  return entry === undefined ? null : await readHistory(folder, entry)
}

/** Records a signed config durably under its place. False if that place is taken. */
export async function recordConfig(
  dir: string,
  place: { readonly epoch: number; readonly version: number },
  envelope: Envelope,
): Promise<boolean> {
  await makeFolder(join(dir, 'history'))
  const path = join(dir, 'history', `${place.epoch}.${place.version}.json`)
  return await createWhole(path, envelopeText(envelope))
}
