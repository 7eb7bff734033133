import { isObject } from '../../protocol/documents/canonical-json.ts'
import { parseEnvelope, type SignedDocument } from '../../protocol/documents/envelope.ts'
import { keysOf } from '../../protocol/documents/root.ts'
import { bad, type Checked, CoveyError, type Fault, faultText, good } from '../../protocol/fault.ts'
import { compareHeadsOrNone, type Head } from '../../protocol/heads.ts'
import { evidenceMax } from '../../protocol/limits.ts'
import type {
  DurableStart,
  DurableWrite,
  HeldConfig,
  HeldRoot,
} from '../../protocol/node/durable.ts'
import { judgeDocument } from '../../protocol/node/judge.ts'
import { isHeadOrNull } from '../../protocol/status-record.ts'
import type { Disk, FileWrite } from './disk.ts'
import { documentOf, envelopeText } from './documents.ts'
import { verifyDocument, verifyRoot } from './verify.ts'

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

/** That this host belongs to a cluster. Written last, so that half an enrolment is none. */
export interface Enrolment {
  readonly host: string
  readonly cluster_id: string
}

/** Reads a file as UTF-8 text, or null if there is none. */
export async function readText(disk: Disk, path: string): Promise<string | null> {
  const bytes = await disk.read(path)
  return bytes === null ? null : Buffer.from(bytes).toString('utf8')
}

/** The enrolment of this host, or null where it belongs to no cluster yet. Error: `state-damaged`. */
export async function readEnrolment(disk: Disk): Promise<Enrolment | null> {
  const text = await readText(disk, stateFiles.enrolment)
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

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

/**
 * Reads the state folder and verifies every document in it again: what a node starts from is proven, not
 * remembered. A document that does not verify is left out and reported; the chain of roots is needed.
 * Error: `state-damaged`.
 */
export async function loadState(
  disk: Disk,
  self: { readonly host: string; readonly peerId: string; readonly agentVersion: string },
  clusterId: string,
): Promise<DurableStart> {
  const damage: Fault[] = []
  const { roots, rivals } = await loadChain(disk, clusterId, damage)
  const load = async (path: string): Promise<HeldConfig | null> => {
    const held = await loadConfig(disk, path, roots)
    if (held.ok) return held.value
    damage.push({ code: 'state-damaged', message: `${path}: ${faultText(held.fault)}` })
    return null
  }
  const head = await load(stateFiles.head)
  const previous = await load(stateFiles.previous)
  const confirmed = await load(stateFiles.confirmed)
  const evidence: HeldConfig[] = []
  for (const name of await disk.list('evidence')) {
    const held = await load(`evidence/${name}`)
    if (held !== null) evidence.push(held)
  }
  const floor = await loadFloor(disk, damage)
  const highest =
    compareHeadsOrNone(floor.floor, head?.head ?? null) >= 0 ? floor.floor : head?.head
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

interface Chain {
  readonly roots: readonly HeldRoot[]
  readonly rivals: readonly HeldRoot[]
}

async function loadChain(disk: Disk, clusterId: string, damage: Fault[]): Promise<Chain> {
  const roots: HeldRoot[] = []
  const rivals: HeldRoot[] = []
  const names = await disk.list('rivals')
  for (;;) {
    const epoch = roots.length + 1
    // A rival only feeds an alarm and the proof that settles it; one that is damaged is left out.
    for (const name of names.filter((one) => one.startsWith(`${epoch}.`))) {
      const rival = await checkRoot(
        (await readText(disk, `rivals/${name}`)) ?? '',
        roots,
        rivals,
        clusterId,
      )
      if (rival.ok) rivals.push(rival.value)
      else
        damage.push({ code: 'state-damaged', message: `rivals/${name}: ${faultText(rival.fault)}` })
    }
    const text = await readText(disk, rootPath(epoch))
    if (text === null) break
    const held = await checkRoot(text, roots, rivals, clusterId)
    if (!held.ok) throw damagedRoot(`${rootPath(epoch)}: ${faultText(held.fault)}`)
    roots.push(held.value)
  }
  if (roots.length === 0) throw damagedRoot('the first root document is missing')
  return { roots, rivals }
}

function damagedRoot(why: string): CoveyError {
  return new CoveyError('state-damaged', why, { hint: 'enrol this host again with a new bundle' })
}

/** Path of root document `epoch`. */
export function rootPath(epoch: number): string {
  return `roots/${epoch}.json`
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
    return bad('other-cluster', 'the first root document is not the one of this cluster')
  }
  return held
}

async function loadConfig(
  disk: Disk,
  path: string,
  roots: readonly HeldRoot[],
): Promise<Checked<HeldConfig | null>> {
  const text = await readText(disk, path)
  if (text === null) return good(null)
  const envelope = parseEnvelope(text)
  return envelope.ok ? await checkConfig(documentOf(envelope.value), roots) : envelope
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

async function loadFloor(
  disk: Disk,
  damage: Fault[],
): Promise<{ readonly floor: Head | null; readonly known: boolean }> {
  const text = await readText(disk, stateFiles.floor)
  const value = text === null ? undefined : parsed(text)
  if (isObject(value) && isHeadOrNull(value)) return { floor: value, known: true }
  if (text?.trim() === 'null') return { floor: null, known: true }
  const reason = text === null ? 'is gone' : 'cannot be read'
  damage.push({ code: 'state-damaged', message: `${stateFiles.floor} ${reason}` })
  return { floor: null, known: false }
}

/** The files of one durable change, in the order in which they take effect. */
export function filesOf(write: DurableWrite): readonly FileWrite[] {
  const files: FileWrite[] = []
  for (const root of write.roots ?? []) {
    files.push({ path: rootPath(root.root.epoch), content: envelopeText(root.document) })
  }
  for (const root of write.rivals ?? []) {
    const path = `rivals/${root.root.epoch}.${root.digest.slice('sha256:'.length)}.json`
    files.push({ path, content: envelopeText(root.document) })
  }
  if (write.evidence !== undefined) {
    const name = evidencePath(write.evidence.head.digest)
    files.push({ path: name, content: envelopeText(write.evidence.document) })
  }
  for (const part of ['previous', 'head', 'confirmed'] as const) {
    const held = write[part]
    if (held !== undefined) {
      files.push({ path: stateFiles[part], content: envelopeText(held.document) })
    }
  }
  if (write.floor !== undefined) {
    files.push({ path: stateFiles.floor, content: `${JSON.stringify(write.floor)}\n` })
  }
  return files
}

function evidencePath(digest: string): string {
  return `evidence/${digest.slice('sha256:'.length)}.json`
}

/** Makes a change durable, and keeps the evidence within its bound. */
export async function writeState(disk: Disk, write: DurableWrite): Promise<void> {
  await disk.replace(filesOf(write))
  if (write.evidence === undefined) return
  const kept = evidencePath(write.evidence.head.digest).slice('evidence/'.length)
  const names = (await disk.list('evidence')).filter((name) => name !== kept)
  for (const name of names.slice(0, Math.max(0, names.length + 1 - evidenceMax))) {
    await disk.remove(`evidence/${name}`)
  }
}
