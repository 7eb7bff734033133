import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { createLayerTransform } from '../../../../machine/images/layers/layer-transform.ts'
import { CoveyError } from '../../../../protocol/fault.ts'
import type { OddImage } from './random-layers.ts'
import { rawEntry, rawTar } from './raw-tar.ts'
import { byCovey, byUmoci, countingDifferences, forget, type Tree } from './unpack-both.ts'

/** The result for many images. */
export interface Tally {
  /** Images that both have made the same of. */
  equal: number
  /** Images that covey refuses, by what it says. */
  readonly refused: Map<string, number>
  /** Findings, one text for each image. */
  readonly findings: string[]
}

/** An empty tally. */
export function emptyTally(): Tally {
  return { equal: 0, refused: new Map(), findings: [] }
}

/** Reasons for which covey refuses odd layers, as docs/IMAGES.md has them. */
const reasons: readonly RegExp[] = [
  /is a folder, and then something else/,
  /an entry below .*, which is not a folder/,
  /a hard link to a folder/,
  /a hard link to a file that is not there/,
  /a circle of symbolic links/,
  /a path of \d+ bytes/,
  /a name of \d+ bytes/,
  /an entry below a whiteout/,
]

/** Each image is in a folder of its own, so that many can be unpacked at once. */
const rootOf = (index: number): string => `c${index}/`

/** Draws one image in a folder `root` of its own. */
export type Draw = (root: string) => OddImage

/**
 * Unpacks images by covey and by umoci, all at once, and compares what comes of each. An image that
 * one of them refuses is taken out, and the others are tried again.
 */
export async function compareBatch(
  work: string,
  draws: readonly Draw[],
  tally: Tally,
): Promise<void> {
  const images = new Map(draws.map((draw, index) => [index, draw(rootOf(index))]))
  for (const [index, image] of images) {
    const refusal = refusalOf(image)
    if (refusal === null) continue
    images.delete(index)
    noteRefusal(tally, image, refusal)
  }
  for (let round = 0; images.size > 0; round++) {
    const folder = join(work, `round-${round}`)
    await mkdir(folder, { recursive: true })
    const isDone = await compareImages(folder, images, tally)
    await forget(folder)
    if (isDone) return
  }
}

/** Compares once; false where an image had to be taken out. */
async function compareImages(
  folder: string,
  images: Map<number, OddImage>,
  tally: Tally,
): Promise<boolean> {
  const startedSeconds = Math.floor(Date.now() / 1000)
  const layers = joinedLayers([...images.values()])
  const ours = await byCovey(join(folder, 'covey'), layers)
  if ('refusal' in ours) {
    noteRefusal(tally, takeOut(images, ours.refusal.message), ours.refusal.message)
    return false
  }
  const theirs = await byUmoci(join(folder, 'umoci'), layers)
  if ('refusal' in theirs) {
    const said = theirs.refusal.message
    tally.findings.push(`${takeOut(images, said).name}: umoci only: ${said.trim()}`)
    return false
  }
  judge(tally, images, ours, theirs, startedSeconds)
  return true
}

/** Takes out the image that a refusal is about. */
function takeOut(images: Map<number, OddImage>, said: string): OddImage {
  const index = Number(/\bc(\d+)\b/.exec(said)?.[1] ?? Number.NaN)
  const image = images.get(index)
  if (image === undefined) throw new Error(said)
  images.delete(index)
  return image
}

/** The reason for which a single layer of an image is refused, or null. */
function refusalOf(image: OddImage): string | null {
  try {
    for (const layer of image.layers) {
      const transform = createLayerTransform()
      transform.push(rawTar(layer))
      transform.end()
    }
    return null
  } catch (error) {
    if (!(error instanceof CoveyError)) throw error
    return error.message
  }
}

function noteRefusal(tally: Tally, image: OddImage, message: string): void {
  const reason = reasons.find((each) => each.test(message))
  if (reason === undefined) tally.findings.push(`${image.name}: covey: ${message}`)
  else tally.refused.set(reason.source, (tally.refused.get(reason.source) ?? 0) + 1)
}

/** Layer by layer, what all the images have. */
function joinedLayers(images: readonly OddImage[]): readonly Buffer[] {
  const count = Math.max(...images.map(({ layers }) => layers.length))
  return Array.from({ length: count }, (_, at) => {
    const entries = images.flatMap(({ layers }) => layers[at] ?? [])
    return Buffer.concat([...entries.map(rawEntry), Buffer.alloc(1024)])
  })
}

function judge(
  tally: Tally,
  images: ReadonlyMap<number, OddImage>,
  ours: Tree,
  theirs: Tree,
  startedSeconds: number,
): void {
  const found = new Map<number, string[]>()
  for (const line of countingDifferences(ours, theirs, startedSeconds)) {
    const index = Number(/^\.\/c(\d+)[/:]/.exec(line)?.[1] ?? -1)
    found.set(index, [...(found.get(index) ?? []), line])
  }
  for (const [index, lines] of found) {
    tally.findings.push(`${images.get(index)?.name ?? 'outside'}: ${lines.join('; ')}`)
  }
  tally.equal += images.size - found.size
}
