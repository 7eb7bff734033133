import { type Disk, type FileWrite, readText, SyncFailed } from '../../machine/files/disk.ts'
import { verifyDocument } from '../../platform/signatures.ts'
import { isObject } from '../../protocol/documents/canonical-json.ts'
import type { SignedDocument } from '../../protocol/documents/envelope.ts'
import { keysOf } from '../../protocol/documents/root.ts'
import { type Checked, CoveyError, type Fault, faultText, good } from '../../protocol/fault.ts'
import { compareHeadsOrNone, type Head } from '../../protocol/heads.ts'
import { evidenceMax } from '../../protocol/limits.ts'
import {
  type DurablePart,
  type DurableStart,
  type DurableWrite,
  durableParts,
  type HeldConfig,
  type HeldRoot,
} from '../../protocol/node/durable.ts'
import { judgeDocument } from '../../protocol/node/judge.ts'
import { isHeadOrNull } from '../../protocol/status-record.ts'
import { systemCode } from '../../protocol/system-reason.ts'
import { documentOf, envelopeText } from './documents.ts'
import {
  damaged,
  listDocuments,
  loadChain,
  readDocument,
  rivalPath,
  rootPath,
  tryReadText,
} from './load-chain.ts'

export { checkRoot, rootPath } from './load-chain.ts'

/** Files of the state folder; `docs/PROTOCOL.md`, Durable state. */
export const stateFiles: Readonly<
  Record<'identity' | 'enrolment' | 'head' | 'previous' | 'confirmed' | 'floor', string>
> = {
  identity: 'identity.json',
  enrolment: 'enrolment.json',
  head: 'head.json',
  previous: 'previous.json',
  confirmed: 'confirmed.json',
  floor: 'floor.json',
}

/** Membership in a cluster. Written last, so that a partial enrolment does not count. */
export interface Enrolment {
  readonly host: string
  readonly cluster_id: string
}

/**
 * The enrolment of this host, or null if it belongs to no cluster yet. Errors: `state-damaged`;
 * EACCES and EPERM as they are, since a file that somebody else may read is not damaged.
 */
export async function readEnrolment(disk: Disk): Promise<Enrolment | null> {
  const text = await readText(disk, stateFiles.enrolment).catch((error: unknown) => {
    if (['EACCES', 'EPERM'].includes(systemCode(error))) throw error
    return ''
  })
  if (text === null) return null
  const value = parsed(text)
  const host = isObject(value) ? value['host'] : undefined
  const clusterId = isObject(value) ? value['cluster_id'] : undefined
  if (typeof host === 'string' && typeof clusterId === 'string')
    return { host, cluster_id: clusterId }
  throw new CoveyError('state-damaged', `${stateFiles.enrolment} cannot be read`, {
    hint: 'enrol this host again with a new bundle',
  })
}

function parsed(text: string | null): unknown {
  try {
    return JSON.parse(text ?? '')
  } catch {
    return null
  }
}

const folders: readonly string[] = ['.', 'roots', 'rivals', 'evidence']

/**
 * Reads the state folder and verifies every document in it again: what a node starts from is
 * proven, not remembered. A document that cannot be read or does not verify is left out and
 * reported; a root that does not ends the chain there, and the peers are asked for it again. Only
 * the first root is needed. What was read is durable. Errors: `state-damaged`, `SyncFailed`.
 */
export async function loadState(
  disk: Disk,
  self: { readonly host: string; readonly peerId: string; readonly agentVersion: string },
  clusterId: string,
): Promise<DurableStart> {
  await disk.settle(folders)
  const damage: Fault[] = []
  const { roots, rivals } = await loadChain(disk, clusterId, damage)
  const load = async (path: string): Promise<HeldConfig | null> => {
    const held = await loadConfig(disk, path, roots)
    if (held.ok) return held.value
    damage.push(damaged(path, faultText(held.fault)))
    return null
  }
  const head = await load(stateFiles.head)
  const previous = await load(stateFiles.previous)
  const confirmed = await load(stateFiles.confirmed)
  const evidence: HeldConfig[] = []
  for (const name of await listDocuments(disk, 'evidence', damage)) {
    const held = await load(`evidence/${name}`)
    // Evidence is written before the head that replaces it; after a crash between them it is head.
    if (held !== null && held.head.digest !== head?.head.digest) evidence.push(held)
  }
  const floor = await loadFloor(disk, damage)
  const isBehind = compareHeadsOrNone(floor.floor, head?.head ?? null) < 0
  const highest = isBehind ? head?.head : floor.floor
  // A crash came between the head and its floor. The head is about to be told, and must not be
  // undercut should its own file be lost later.
  if (floor.known && isBehind && head !== null) await raiseFloor(disk, head.head)
  return {
    ...self,
    roots,
    rivals,
    head,
    previous,
    confirmed,
    evidence,
    damage,
    floor: highest ?? null,
    floorKnown: floor.known,
  }
}

async function loadConfig(
  disk: Disk,
  path: string,
  roots: readonly HeldRoot[],
): Promise<Checked<HeldConfig | null>> {
  const envelope = await readDocument(disk, path)
  if (!envelope.ok || envelope.value === null) return envelope.ok ? good(null) : envelope
  return await checkConfig(documentOf(envelope.value), roots)
}

/** Verifies and judges a config under the roots held. */
export async function checkConfig(
  document: SignedDocument,
  roots: readonly HeldRoot[],
): Promise<Checked<HeldConfig>> {
  const ring = keysOf(roots.map((held) => held.root))
  const verified = await verifyDocument(document, 'config', ring)
  return verified.ok ? judgeDocument(roots, document, verified) : verified
}

/** A full disk does not keep an agent from starting; the next start tries again. */
async function raiseFloor(disk: Disk, floor: Head): Promise<void> {
  await disk.replace(filesOf({ floor })).catch((error: unknown) => {
    if (error instanceof SyncFailed) throw error
  })
}

async function loadFloor(
  disk: Disk,
  damage: Fault[],
): Promise<{ readonly floor: Head | null; readonly known: boolean }> {
  const text = await tryReadText(disk, stateFiles.floor)
  const value = text.ok && text.value !== null ? parsed(text.value) : undefined
  if (isObject(value) && isHeadOrNull(value)) return { floor: value, known: true }
  if (text.ok && text.value?.trim() === 'null') return { floor: null, known: true }
  const reason = text.ok && text.value === null ? 'is gone' : 'cannot be read'
  damage.push({ code: 'state-damaged', message: `${stateFiles.floor} ${reason}` })
  return { floor: null, known: false }
}

/** The files of one durable change, in the order in which they take effect. */
export function filesOf(write: DurableWrite): readonly FileWrite[] {
  return durableParts(write).map(fileOf)
}

function fileOf({ name, value }: DurablePart): FileWrite {
  switch (name) {
    case 'roots':
      return { path: rootPath(value.root.epoch), content: envelopeText(value.document) }
    case 'rivals':
      return { path: rivalPath(value), content: envelopeText(value.document) }
    case 'evidence':
      return { path: evidencePath(value.head.digest), content: envelopeText(value.document) }
    case 'floor':
      return { path: stateFiles.floor, content: `${JSON.stringify(value)}\n` }
    default:
      return { path: stateFiles[name], content: envelopeText(value.document) }
  }
}

function evidencePath(digest: string): string {
  return `evidence/${digest.slice('sha256:'.length)}.json`
}

/**
 * Makes a change durable, and keeps the evidence within its bound. Only a head may use the reserve:
 * the config that frees space must fit.
 */
export async function writeState(disk: Disk, write: DurableWrite): Promise<void> {
  await disk.replace(filesOf(write), { mayUseReserve: write.head !== undefined })
  try {
    if (write.evidence !== undefined) {
      const path = evidencePath(write.evidence.head.digest)
      await trimEvidence(disk, path.slice('evidence/'.length))
    }
    // Not for a head: others wait for it.
    if (write.head === undefined) await disk.keepReserve()
  } catch (error) {
    // The change is durable, so it has not failed. What was left undone is done with the next one.
    if (error instanceof SyncFailed) throw error
  }
}

/** Removes the evidence of the lowest positions: what is newest is what alarms are about. */
async function trimEvidence(disk: Disk, kept: string): Promise<void> {
  const names = (await disk.list('evidence')).filter((name) => name !== kept)
  const surplus = names.length + 1 - evidenceMax
  if (surplus <= 0) return
  const placed: { readonly name: string; readonly position: Head | null }[] = []
  for (const name of names) {
    placed.push({ name, position: await positionIn(disk, `evidence/${name}`) })
  }
  placed.sort((a, b) => compareHeadsOrNone(a.position, b.position))
  for (const { name } of placed.slice(0, surplus)) await disk.remove(`evidence/${name}`)
}

/** Position that a kept document claims; null if it cannot be read. Decides nothing else. */
async function positionIn(disk: Disk, path: string): Promise<Head | null> {
  const envelope = await readDocument(disk, path)
  if (!envelope.ok || envelope.value === null) return null
  const claims = parsed(Buffer.from(envelope.value.payload, 'base64url').toString('utf8'))
  const { epoch, version } = isObject(claims) ? claims : {}
  const position = { epoch, version, digest: `sha256:${'0'.repeat(64)}` }
  return isHeadOrNull(position) ? position : null
}
