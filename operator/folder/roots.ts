import { join } from 'node:path'
import { type Envelope, parseEnvelope } from '../../protocol/documents/envelope.ts'
import type { Root } from '../../protocol/documents/root.ts'
import { bad, type Checked, faultText, good } from '../../protocol/fault.ts'
import { epochMax } from '../../protocol/limits.ts'
import type { HeldRoot } from '../../protocol/node/durable.ts'
import { assessRoot, envelopeOf } from '../signing/root-proof.ts'
import { Failure, systemCode, systemReason } from '../terminal/failure.ts'
import { type FolderFiles, readFolderText } from './folder-files.ts'

/** The chain of root documents of a cluster, verified from the first. */
export interface RootChain {
  /** Digest of the first root document. */
  readonly clusterId: string
  readonly cluster: string
  /** Every root, oldest first, each followed by its rival where a fork was settled. */
  readonly envelopes: readonly Envelope[]
  readonly roots: readonly Root[]
  readonly held: readonly HeldRoot[]
  /** The other sides of forks that a later root has settled. */
  readonly rivals: readonly HeldRoot[]
  readonly newest: Root
}

/** Path of root document `epoch` of a folder. */
export function rootPath(dir: string, epoch: number): string {
  return join(dir, 'roots', `${epoch}.json`)
}

/** Path of the other side of a fork that root `epoch + 1` settled. */
export function rivalPath(dir: string, epoch: number): string {
  return join(dir, 'roots', `${epoch}.rival.json`)
}

/** Reads and verifies `DIR/roots/1.json`, `2.json` … Throws `Failure` `roots-damaged`. */
export async function readRoots(folder: FolderFiles): Promise<RootChain> {
  const { dir } = folder
  const held: HeldRoot[] = []
  const rivals: HeldRoot[] = []
  for (let epoch = 1; epoch <= epochMax; epoch++) {
    const rival = await readProven(folder, rivalPath(dir, epoch), held, rivals)
    if (rival !== undefined) rivals.push(rival)
    const root = await readProven(folder, rootPath(dir, epoch), held, rivals)
    if (root === undefined) break
    held.push(root)
  }
  if (held.length === 0) throw damaged(rootPath(dir, 1), 'it is not there')
  return chainOf(held, rivals)
}

/** A chain of roots that are proven already. There is at least one. */
export function chainOf(held: readonly HeldRoot[], rivals: readonly HeldRoot[]): RootChain {
  const [first] = held
  const newest = held.at(-1)?.root
  if (first === undefined || newest === undefined) throw new Error('a chain has a first root')
  const withRivals = held.flatMap((one) => [
    one,
    ...rivals.filter((rival) => rival.root.epoch === one.root.epoch),
  ])
  return {
    clusterId: first.digest,
    cluster: newest.cluster,
    envelopes: withRivals.map(envelopeOf),
    roots: held.map(({ root }) => root),
    held,
    rivals,
    newest,
  }
}

async function readProven(
  folder: FolderFiles,
  path: string,
  held: readonly HeldRoot[],
  rivals: readonly HeldRoot[],
): Promise<HeldRoot | undefined> {
  const text = await readIfThere(folder, path)
  if (text === undefined) return undefined
  const proven = await prove(text, held, rivals)
  if (!proven.ok) throw damaged(path, faultText(proven.fault))
  return proven.value
}

async function prove(
  text: string,
  held: readonly HeldRoot[],
  rivals: readonly HeldRoot[],
): Promise<Checked<HeldRoot>> {
  const envelope = parseEnvelope(text)
  if (!envelope.ok) return envelope
  const assessed = await assessRoot(envelope.value, held, rivals)
  if (!assessed.ok) return assessed
  const { root, kind, missing } = assessed.value
  if (kind !== 'next') return bad('root-chain', `it is root ${root.root.epoch}, out of its order`)
  const [few] = missing
  if (few === undefined) return good(root)
  return bad('below-threshold', `it is not signed by enough of the ${few.keys}`)
}

async function readIfThere(folder: FolderFiles, path: string): Promise<string | undefined> {
  try {
    return await readFolderText(folder, path)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw damaged(path, systemReason(error))
  }
}

function damaged(path: string, why: string): Failure {
  const hint = 'take the file from another copy of this folder, or from its version control'
  return new Failure(1, 'roots-damaged', `${path}: ${why}`, { hint })
}
