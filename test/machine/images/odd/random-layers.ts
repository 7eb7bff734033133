import type { Form, RawEntry } from './raw-tar.ts'

/** One image of odd layers, the lowest first. */
export interface OddImage {
  /** The seed that it was drawn from, or its name. */
  readonly name: string
  readonly layers: readonly (readonly RawEntry[])[]
}

/** Draws numbers from a seed (mulberry32, a public-domain generator). */
export class Dice {
  private state: number

  constructor(seed: number) {
    this.state = seed >>> 0
  }

  /** From 0 up to but not including 1. */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0
    let mixed = this.state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  /** From `low` to `high`, both included. */
  between(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1))
  }

  chance(share: number): boolean {
    return this.next() < share
  }

  of<T>(list: readonly T[]): T {
    const found = list[Math.floor(this.next() * list.length)]
    if (found === undefined) throw new Error('nothing to draw from')
    return found
  }
}

/** Few names, so that entries meet; some that are odd. */
const names: readonly string[] = ['a', 'a', 'a', 'b', 'b', 'c', 'd']
const oddNames: readonly string[] = [
  '\xe4\xff',
  'with space',
  'new\nline',
  '-rf',
  '.hidden',
  '...',
  'wh.a',
  'n'.repeat(120),
  'm'.repeat(255),
]

function nameOf(dice: Dice): string {
  return dice.chance(0.06) ? dice.of(oddNames) : dice.of(names)
}

function pathOf(dice: Dice, deepest: number): string {
  const parts = Array.from({ length: dice.between(1, deepest) }, () => nameOf(dice))
  return parts.join('/')
}

/** The same path as other programs spell it. */
function spelled(dice: Dice, path: string): string {
  if (!dice.chance(0.25)) return path
  const ways: readonly ((text: string) => string)[] = [
    (text) => `./${text}`,
    (text) => `/${text}`,
    (text) => `.//${text}`,
    (text) => text.replace('/', '//'),
    (text) => text.replace('/', '/./'),
    (text) => `${text}/.`,
    (text) => `${text}/`,
  ]
  return dice.of(ways)(path)
}

function targetOf(dice: Dice, root: string, path: string): string {
  const depth = path.split('/').length - 1
  const up = '../'.repeat(dice.between(0, depth))
  const ways: readonly (() => string)[] = [
    () => `${up}${pathOf(dice, 2)}`,
    () => `${up}${nameOf(dice)}`,
    () => `/${root}${pathOf(dice, 2)}`,
    () => `/${root}`,
    () => '.',
    () => `./${nameOf(dice)}/../${nameOf(dice)}`,
    () => `nowhere/${'t'.repeat(dice.of([3, 130]))}`,
  ]
  return dice.of(ways)()
}

const forms: readonly Form[] = ['ustar', 'ustar', 'gnu', 'pax', 'v7']

type Member = Partial<RawEntry> & { readonly type: string }

/** A file with a hole, in the forms of GNU tar. */
function sparse(dice: Dice): Member {
  const [offset, realBytes, data] = [512 * dice.between(1, 9), 9000, 'data'.repeat(128)]
  const map = `${offset},512`
  if (dice.chance(0.5)) {
    const records = { 'GNU.sparse.size': `${realBytes}`, 'GNU.sparse.numblocks': '1' }
    return { type: '0', content: data, records: { ...records, 'GNU.sparse.map': map } }
  }
  const records = { 'GNU.sparse.major': '1', 'GNU.sparse.minor': '0' }
  const lines = `1\n${map.replace(',', '\n')}\n`.padEnd(512, '\0')
  const size = { 'GNU.sparse.realsize': `${realBytes}` }
  return { type: '0', content: `${lines}${data}`, records: { ...records, ...size } }
}

function attributes(dice: Dice): Partial<RawEntry> {
  return {
    form: dice.of(forms),
    ...(dice.chance(0.3) ? { mode: dice.of([0, 0o4755, 0o2750, 0o1777, 0o600, 0o7777]) } : {}),
    ...(dice.chance(0.3) ? { uid: dice.between(0, 70_000), gid: dice.between(0, 70_000) } : {}),
    seconds: dice.between(0, 2 ** 31),
    ...(dice.chance(0.1) ? { fraction: dice.of(['5', '123456789', '000000001']) } : {}),
  }
}

type Known = 'folder' | 'link' | 'other'

/**
 * Draws the layers of one image. It knows roughly what is where, so that most of what it draws can
 * be unpacked; now and then it does not look.
 */
class Drawing {
  private readonly dice: Dice
  private readonly root: string
  /** Of the layer under way, and of all so far, by path. */
  private own = new Map<string, Known>()
  private readonly all = new Map<string, Known>()

  constructor(dice: Dice, root: string) {
    this.dice = dice
    this.root = root
  }

  layer(isLowest: boolean): readonly RawEntry[] {
    this.own = new Map()
    const entries = Array.from({ length: this.dice.between(1, 9) }, () => {
      return this.dice.chance(isLowest ? 0.04 : 0.25) ? this.mark() : this.entry()
    })
    return entries
  }

  private mark(): RawEntry {
    const { dice, root } = this
    const known = [...this.all.keys()]
    const path = known.length > 0 && dice.chance(0.7) ? dice.of(known) : pathOf(dice, 3)
    const parts = path.split('/')
    const last = parts.pop() ?? ''
    const isOpaque = dice.chance(0.3)
    if (isOpaque && dice.chance(0.6)) parts.push(last)
    const mark = isOpaque ? '.wh..wh..opq' : `.wh.${last.slice(0, 250)}`
    const type = dice.of(['0', '0', '0', '\0', '5', '2'])
    const marked = spelled(dice, `${root}${[...parts, mark].join('/')}`)
    return { type, path: marked, target: type === '2' ? 'x' : '' }
  }

  private entry(): RawEntry {
    const { dice, root } = this
    if (dice.chance(0.03)) return { ...attributes(dice), type: '5', path: `${root}./` }
    const place = this.place()
    const member = this.member(place.kind, place.path)
    const isPlain = member.type === '0' && member.records === undefined
    const path = spelled(dice, `${root}${place.path}`)
    // Of before ustar: such a name is that of a folder, which has no content.
    const isOldFolder = member.type === '\0' && path.endsWith('/')
    const takesXattrs = (isPlain || member.type === '5') && dice.chance(0.1)
    return {
      ...attributes(dice),
      path,
      ...(takesXattrs ? { xattrs: { 'user.mark': `${dice.between(0, 99)}` } } : {}),
      ...member,
      ...(isOldFolder ? { content: '' } : {}),
    }
  }

  /** A path, and what is to be there, that mostly fit the entries before. */
  private place(): { readonly path: string; readonly kind: Known } {
    const { dice } = this
    for (let left = dice.chance(0.02) ? 1 : 50; ; left--) {
      const path = pathOf(dice, 3)
      const kind = dice.of(['other', 'other', 'folder', 'folder', 'link'] as const)
      const above = path.split('/').slice(0, -1)
      const folders = above.map((_, index) => above.slice(0, index + 1).join('/'))
      const isBelowFile = folders.some((each) => {
        return (this.own.get(each) ?? this.all.get(each)) === 'other'
      })
      const turns = this.own.get(path) === 'folder' && kind !== 'folder'
      if ((isBelowFile || turns) && left > 1) continue
      for (const each of folders) {
        if (this.all.get(each) !== 'link') this.record(each, 'folder')
      }
      this.record(path, kind)
      return { path, kind }
    }
  }

  private record(path: string, kind: Known): void {
    this.own.set(path, kind)
    this.all.set(path, kind)
  }

  private member(kind: Known, path: string): Member {
    const { dice, root } = this
    if (kind === 'folder') return { type: '5' }
    if (kind === 'link') return { type: '2', target: targetOf(dice, root, path) }
    const files = [...this.all].filter(([each, known]) => known !== 'folder' && each !== path)
    if (files.length > 0 && dice.chance(0.25)) {
      const target = dice.chance(0.95) ? dice.of(files)[0] : pathOf(dice, 2)
      return { type: '1', target: spelled(dice, `${root}${target}`) }
    }
    if (dice.chance(0.1)) return { type: '6' }
    if (dice.chance(0.1)) {
      const [major, minor] = [dice.between(1, 9), dice.between(0, 300)]
      return { type: dice.of(['3', '4']), major, minor, form: 'ustar' }
    }
    if (dice.chance(0.06)) return sparse(dice)
    const content = dice.chance(0.2) ? '' : `${dice.between(0, 99_999)}`
    return { type: dice.chance(0.1) ? '\0' : '0', content }
  }
}

/** An image that the seed stands for, in a folder `root` of its own (ends in a slash, or empty). */
export function oddImage(seed: number, root: string): OddImage {
  const dice = new Dice(Math.imul(seed, 0x9e3779b1))
  const drawing = new Drawing(dice, root)
  const layers = Array.from({ length: dice.between(1, 4) }, (_, index) =>
    drawing.layer(index === 0),
  )
  return { name: `seed ${seed}`, layers }
}
