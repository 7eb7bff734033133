import { join } from 'node:path'
import { type DeliveryText, parseDelivery } from '../../protocol/documents/delivery.ts'
import { faultText } from '../../protocol/fault.ts'
import { createWhole, makeFolder, writeWhole } from '../files/write-file.ts'
import { type AssessedDelivery, assessDelivery, deliveryText } from '../signing/delivery.ts'
import { envelopeOf } from '../signing/root-proof.ts'
import { envelopeText } from '../signing/sign.ts'
import { Failure, systemCode, systemReason } from '../terminal/failure.ts'
import { type FolderFiles, readFolderText } from './folder-files.ts'
import { listHistory, recordConfig } from './history.ts'
import { type RootChain, rivalPath, rootPath } from './roots.ts'

/**
 * `DIR/rotations/<epoch>.json` is the journal of a rotation: the whole delivery, written before
 * anything else of it. It is also what `covey inject` takes.
 *
 * 1. A root document gets its number here first, so a crash never gives one number to two of them.
 * 2. Only a delivery with all its signatures goes on to `roots/` and `history/`, in that order: a
 *    config whose root is missing could not be verified.
 * 3. Whoever opens the folder finishes what a crash has left between the two.
 */
function rotationPath(dir: string, epoch: number): string {
  return join(dir, 'rotations', `${epoch}.json`)
}

/** Reads the journal of a rotation. Throws `Failure` `rotation-damaged`. */
export async function readRotation(
  folder: FolderFiles,
  epoch: number,
): Promise<DeliveryText | undefined> {
  const path = rotationPath(folder.dir, epoch)
  const damaged = (why: string): Failure =>
    new Failure(1, 'rotation-damaged', `${path}: ${why}`, {
      hint: 'take the file from another copy of this folder, or from its version control',
    })
  let text: string
  try {
    text = await readFolderText(folder, path)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw damaged(systemReason(error))
  }
  const delivery = parseDelivery(text)
  if (!delivery.ok) throw damaged(faultText(delivery.fault))
  return delivery.value
}

/** Writes the journal. False where there is one already that may not be replaced. */
export async function recordRotation(
  { dir, files }: FolderFiles,
  epoch: number,
  delivery: DeliveryText,
  replace: boolean,
): Promise<boolean> {
  await makeFolder(files, join(dir, 'rotations'))
  const path = rotationPath(dir, epoch)
  if (!replace) return await createWhole(files, path, deliveryText(delivery))
  await writeWhole(files, path, deliveryText(delivery))
  return true
}

/** Takes a delivery with all its signatures into `roots/` and `history/`. Does no harm twice. */
export async function takeDelivery(folder: FolderFiles, assessed: AssessedDelivery): Promise<void> {
  const { dir, files } = folder
  await makeFolder(files, join(dir, 'roots'))
  for (const rival of assessed.rivals) {
    await createWhole(files, rivalPath(dir, rival.root.epoch), envelopeText(envelopeOf(rival)))
  }
  for (const root of assessed.added) {
    await createWhole(files, rootPath(dir, root.root.epoch), envelopeText(envelopeOf(root)))
  }
  await recordConfig(folder, assessed.config.head, assessed.config.envelope)
}

/** Finishes rotations whose journal is whole, after a crash; gives the chain as it is then. */
export async function finishRotations(folder: FolderFiles, chain: RootChain): Promise<RootChain> {
  const { epoch: newest } = chain.newest
  const history = await listHistory(folder)
  // The newest root may be there without the config that it came with.
  if (newest > 1 && !history.some(({ epoch }) => epoch === newest))
    await finish(folder, chain, newest)
  for (let at = chain; ; ) {
    const next = await finish(folder, at, at.newest.epoch + 1)
    if (next === undefined) return at
    at = next
  }
}

async function finish(
  folder: FolderFiles,
  chain: RootChain,
  epoch: number,
): Promise<RootChain | undefined> {
  const delivery = await readRotation(folder, epoch)
  if (delivery === undefined) return undefined
  const assessed = await assessDelivery(delivery, chain)
  const whole = assessed.ok && assessed.value.missing.length === 0
  if (!whole) return undefined
  await takeDelivery(folder, assessed.value)
  return assessed.value.added.length > 0 ? assessed.value.chain : undefined
}
