import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type RawEntry, rawTar } from '../machine/images/odd/raw-tar.ts'
import { byCovey, byUmoci, countingDifferences } from '../machine/images/odd/unpack-both.ts'
import { listTree } from '../machine/images/tree-listing.ts'
import type { Attack, AttackEnd } from './attack.ts'

const file = (path: string, content = 'attacker'): RawEntry => ({ type: '0', path, content })
const folder = (path: string): RawEntry => ({ type: '5', path, mode: 0o755 })
const link = (path: string, target: string): RawEntry => ({ type: '2', path, target })
const hard = (path: string, target: string): RawEntry => ({ type: '1', path, target })

/** Layers, the lowest first, that reach for `outside`, a folder of the host. */
function hostileImages(outside: string): readonly (readonly (readonly RawEntry[])[])[] {
  const up = `${'../'.repeat(30)}${outside.slice(1)}`
  const start = [folder('a'), file('a/a'), file('a/b'), link('out', outside), link('up', up)]
  return [
    // Marks and what becomes of the folders that they are in.
    [[file('a/.wh.a'), folder('./'), link('a', 'b')]],
    [start, [file('a/.wh.a'), folder('./'), link('a', outside)]],
    [start, [file('a/.wh.a'), link('a', outside), file('a/.wh.file'), file('a/.wh..wh..opq')]],
    // Whiteouts and opaque marks through links, of the layer and of the one below.
    [start, [file('out/.wh.file'), file('up/.wh.file')]],
    [start, [file('out/.wh..wh..opq'), file('up/.wh..wh..opq'), file('up/new')]],
    [[link('in', outside), file('in/.wh.file'), file('in/file')]],
    // Links that come after what went through their place, and the other way round.
    [start, [file('out/new'), folder('out'), file('out/file')]],
    [start, [file('.wh.out'), file('out/file'), link('up', outside), file('up/file')]],
    // Further names for what lies outside, and writing through them.
    [start, [hard('name', 'out'), file('name/.wh.file'), hard('out', 'a/a'), file('out')]],
    [start, [hard('c', 'a/a'), file('a/.wh.a'), file('c', 'again'), hard('d', 'a/b')]],
    [start, [file('.wh..wh..opq'), link('a', outside), file('a/file')]],
  ]
}

async function listing(folderPath: string): Promise<string> {
  return JSON.stringify([...(await listTree('TREE=$1', [folderPath]))])
}

async function run(): Promise<AttackEnd> {
  const work = await mkdtemp(join(tmpdir(), 'covey-attack-'))
  try {
    const outside = join(work, 'outside')
    await mkdir(outside)
    await writeFile(join(outside, 'file'), 'untouched')
    const before = await listing(outside)
    let [equal, refused] = [0, 0]
    const got: string[] = []
    for (const [index, image] of hostileImages(outside).entries()) {
      const startedSeconds = Math.floor(Date.now() / 1000)
      const layers = image.map((layer) => rawTar(layer))
      const place = join(work, String(index))
      await mkdir(place)
      const ours = await byCovey(join(place, 'covey'), layers)
      const isTouched = (await listing(outside)) !== before
      const theirs = await byUmoci(join(place, 'umoci'), layers)
      if (isTouched) got.push(`image ${index} changed the host`)
      else if ('refusal' in ours) refused++
      else if ('refusal' in theirs) got.push(`image ${index} is refused by umoci alone`)
      else {
        const found = countingDifferences(ours, theirs, startedSeconds)
        if (found[0] === undefined) equal++
        else got.push(`image ${index} hides something: ${found[0]}`)
      }
    }
    const sums = `${equal} trees equal umoci's, ${refused} images refused, the host as before`
    return { held: got.length === 0, seen: got[0] ?? sums }
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

/** Layers whose entries come in an order that makes two programs see two images. */
export const oddLayers: Attack = {
  name: 'odd-layers',
  from: 'who builds an image',
  wants: 'to write outside the tree of the image, or that a scanner sees another image than covey',
  run,
}
