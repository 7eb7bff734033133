import type { Root } from '../../../protocol/documents/root.ts'
import type { HeldRoot } from '../../../protocol/node/durable.ts'
import { type OperatorFolder, openFolder } from '../../folder/folder.ts'
import { readKeys } from '../../folder/keys.ts'
import { readRotation } from '../../folder/rotations.ts'
import { assessDelivery } from '../../signing/delivery.ts'
import { envelopeOf, missingText } from '../../signing/root-proof.ts'
import { verifiedKids } from '../../signing/verify.ts'
import type { Session } from '../../terminal/session.ts'
import { type Cell, table } from '../../terminal/style.ts'

/** A root document, for people and scripts. */
interface RootRow {
  readonly epoch: number
  readonly digest: string
  readonly previous: Root['previous']
  /** Names, as the root itself or the one before it has them. */
  readonly signed_by: readonly string[]
}

/** `covey root show`: the chain, the roles of its last root, and a rotation that waits. */
export async function showRoot(session: Session): Promise<void> {
  const folder = await openFolder(session)
  const { chain } = folder
  const rows: RootRow[] = []
  for (const held of chain.held) rows.push(await rowOf(folder, held))
  const { keys } = await readKeys(session.io.files, session.settings.keyDir)
  const heldKids = new Map(keys.map((key) => [key.kid, key.path]))
  const role = (name: 'root' | 'config'): object => ({
    threshold: chain.newest[name].threshold,
    keys: Object.entries(chain.newest[name].keys).map(([kid, key]) => ({
      kid,
      name: key.name,
      held: heldKids.has(kid),
    })),
  })
  const waiting = await waitingIn(folder)
  const document = {
    cluster: chain.cluster,
    cluster_id: chain.clusterId,
    epoch: chain.newest.epoch,
    digest: rows.at(-1)?.digest,
    root: role('root'),
    config: role('config'),
    roots: rows,
    waiting,
  }
  const cells = rows.map(({ epoch, digest, previous, signed_by: by }): readonly Cell[] => [
    String(epoch),
    digest.slice(0, 19),
    Array.isArray(previous) ? 'settles a fork' : '',
    by.join(', '),
  ])
  const { root, config } = chain.newest
  const keyTable = table(
    ['NAME', 'KID', 'SIGNS', 'HERE'],
    keyCells(chain.newest, heldKids),
    session.paint,
  )
  const text =
    `${chain.cluster}: root ${chain.newest.epoch}, cluster ${chain.clusterId}\n\n` +
    `${table(['EPOCH', 'DIGEST', '', 'SIGNED BY'], cells, session.paint)}\n` +
    `${keyTable}\n` +
    `configs: ${config.threshold} of ${Object.keys(config.keys).length} must sign; ` +
    `root documents: ${root.threshold} of ${Object.keys(root.keys).length}\n` +
    (waiting === null
      ? ''
      : `\nroot ${waiting.epoch} waits in ${waiting.file}: it needs ${waiting.needs}\n`)
  session.result(document, text)
}

async function rowOf(folder: OperatorFolder, held: HeldRoot): Promise<RootRow> {
  const { epoch, previous } = held.root
  const before = folder.chain.roots[epoch - 2]
  const known = { ...before?.root.keys, ...held.root.root.keys }
  const ring = Object.fromEntries(Object.entries(known).map(([kid, { jwk }]) => [kid, jwk]))
  const kids = await verifiedKids('root', envelopeOf(held), ring)
  const names = kids.ok ? kids.value.map((kid) => known[kid]?.name ?? kid) : []
  return { epoch, digest: held.digest, previous, signed_by: [...new Set(names)] }
}

function keyCells(root: Root, heldKids: ReadonlyMap<string, string>): readonly (readonly Cell[])[] {
  const all = { ...root.root.keys, ...root.config.keys }
  return Object.entries(all).map(([kid, { name }]) => [
    name,
    kid,
    [
      ...(Object.hasOwn(root.config.keys, kid) ? ['configs'] : []),
      ...(Object.hasOwn(root.root.keys, kid) ? ['root documents'] : []),
    ].join(', '),
    heldKids.get(kid) ?? '-',
  ])
}

interface Waiting {
  readonly epoch: number
  readonly file: string
  readonly needs: string
}

async function waitingIn(folder: OperatorFolder): Promise<Waiting | null> {
  const epoch = folder.chain.newest.epoch + 1
  const delivery = await readRotation(folder, epoch)
  if (delivery === undefined) return null
  const assessed = await assessDelivery(delivery, folder.chain)
  const needs = assessed.ok ? missingText(assessed.value.missing) : assessed.fault.message
  return { epoch, file: folder.shown(`rotations/${epoch}.json`), needs }
}
