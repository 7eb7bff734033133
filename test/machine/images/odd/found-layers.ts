import type { Draw } from './compare-batch.ts'
import type { RawEntry } from './raw-tar.ts'

type Make = (root: string) => RawEntry

const file =
  (path: string, more: Partial<RawEntry> = {}): Make =>
  (root) => ({ type: '0', content: path, ...more, path: `${root}${path}` })
const folder =
  (path: string, more: Partial<RawEntry> = {}): Make =>
  (root) => ({ type: '5', mode: 0o755, ...more, path: `${root}${path}` })
const link =
  (path: string, target: string): Make =>
  (root) => ({ type: '2', path: `${root}${path}`, target })
/** Its target is seen from the root of the image. */
const hard =
  (path: string, target: string): Make =>
  (root) => ({ type: '1', path: `${root}${path}`, target: `${root}${target}` })
/** A symbolic link from the root of the image. */
const rooted =
  (path: string, target: string): Make =>
  (root) => ({ type: '2', path: `${root}${path}`, target: `/${root}${target}` })
const gone = (path: string): Make => {
  const at = path.lastIndexOf('/') + 1
  return file(`${path.slice(0, at)}.wh.${path.slice(at)}`)
}
const opaque = (path: string): Make => file(`${path}/.wh..wh..opq`)

const lowerFolder = [folder('a', { mode: 0o711, uid: 3 }), file('a/a'), file('a/b')]
const lowerLink = [folder('b'), file('b/x'), link('a', 'b')]

/**
 * Images that were once unpacked otherwise than by umoci, or might be, the lowest layer first.
 */
const recipes: Readonly<Record<string, readonly (readonly Make[])[]>> = {
  'a whiteout in what becomes a link': [[gone('a/a'), folder('.'), link('a', 'b')]],
  'a whiteout in a folder below that becomes a link': [
    lowerFolder,
    [gone('a/a'), folder('.'), link('a', 'b')],
  ],
  'a mark in a folder below that becomes a file': [lowerFolder, [opaque('a'), file('a')]],
  'an opaque mark in what was removed': [lowerFolder, [gone('a'), opaque('a')]],
  'a whiteout of what is opaque': [lowerFolder, [opaque('a'), gone('a')]],
  'whiteouts of nothing, in the lowest layer': [
    [folder('a'), gone('a/x'), gone('a/y/z'), gone('q')],
  ],
  'a folder, then a file, then a folder again': [
    lowerFolder,
    [file('a'), folder('a'), file('a/c')],
  ],
  'a folder, then a link, then a folder again': [lowerFolder, [link('a', 'x'), folder('a')]],
  'an entry in a link below, then its whiteout': [lowerLink, [file('a/y'), gone('a'), file('a/z')]],
  'the whiteout of a link below, then an entry in it': [lowerLink, [gone('a'), file('a/y')]],
  'an entry in a link below, then a folder there': [lowerLink, [file('a/y'), folder('a')]],
  'a whiteout through a link below': [lowerLink, [gone('a/x')]],
  'an opaque mark through a link below': [lowerLink, [opaque('a'), file('a/new')]],
  'a whiteout through a link of the layer': [
    [folder('b'), file('b/x')],
    [link('l', 'b'), gone('l/x')],
  ],
  'an entry in a folder below, then its whiteout': [lowerFolder, [file('a/c'), gone('a')]],
  'a name for a file that is removed after': [lowerFolder, [hard('c', 'a/a'), gone('a/a')]],
  'names for a file that is replaced after': [
    lowerFolder,
    [hard('c', 'a/a'), file('a/a', { content: 'new' }), hard('d', 'c')],
  ],
  'a name for a file below that is replaced itself': [lowerFolder, [hard('c', 'a/a'), file('c')]],
  'a name for what becomes a folder that is copied': [
    [file('a'), file('d')],
    [hard('c', 'a'), folder('a', { mode: 0o700 }), hard('a/a', 'd')],
  ],
  'a name for a link, and a mark through it': [
    lowerFolder,
    [rooted('l', 'a'), hard('m', 'l'), opaque('m')],
  ],
  'a name of the layer for a file that comes anew': [[file('a'), hard('b', 'a'), file('a')]],
  'a name that ends in a slash': [[file('a/', { content: 'text' })]],
  'a folder of before ustar': [[file('a/', { type: '\0', content: '' }), file('a/b')]],
  'a folder that nobody describes, below one that hands its group on': [
    [folder('a', { mode: 0o2770, gid: 77 }), file('a/b/c/d')],
    [file('a/e/f')],
  ],
  'the same, where only the layer below knows the group': [
    [file('a/a/a'), folder('.', { mode: 0o2750, gid: 78 })],
    [opaque('.'), folder('a/a/a')],
  ],
  'a folder below that is hidden, in one that has a group to hand on now': [
    [folder('b/a', { mode: 0o600 }), file('b/a/x'), file('b/c/x')],
    [opaque('b/a'), gone('b/c/x'), folder('b', { mode: 0o7777, gid: 80 })],
  ],
  'a folder below that has no group of the one above it': [
    [file('a/b')],
    [folder('.', { mode: 0o2755, gid: 79 }), gone('a/b'), file('a/b/c/d')],
  ],
  'a mark through a link that went with its folder': [
    [file('a/b/x'), link('b/l', '../a')],
    [file('b'), opaque('b/l')],
  ],
  'a sparse file that ends in a hole': [
    [
      file('a', {
        content: 'x'.repeat(512),
        records: {
          'GNU.sparse.size': '9000',
          'GNU.sparse.numblocks': '1',
          'GNU.sparse.map': '512,512',
        },
      }),
    ],
  ],
  'names for a file of which a layer between made its own': [
    [file('a'), hard('b', 'a')],
    [hard('c', 'a')],
    [hard('d', 'b'), hard('e', 'a')],
  ],
  'a long name of GNU and one of pax': [
    [file('n'.repeat(150), { form: 'gnu' }), file('p'.repeat(150))],
  ],
}

/** The recipes as images. */
export const foundImages: readonly Draw[] = Object.entries(recipes).map(([name, layers]) => {
  return (root) => ({ name, layers: layers.map((layer) => layer.map((make) => make(root))) })
})

/** Layers that both refuse, as each finds no file to give a further name to, or no folder. */
const refused: Readonly<Record<string, readonly (readonly Make[])[]>> = {
  'a name for a file that was removed before': [lowerFolder, [gone('a/a'), hard('c', 'a/a')]],
  'a name for a file that comes after': [[hard('c', 'a'), file('a')]],
  'a name for itself': [lowerFolder, [hard('a/a', 'a/a')]],
  'a name for what its own place held': [lowerFolder, [hard('a', 'a/a')]],
  'a name for what is not there, replaced': [lowerFolder, [hard('c', 'nothing'), file('c')]],
  'a name through the link in whose place it comes': [lowerLink, [hard('a', 'a/x')]],
  'an entry below a file of a layer below': [[file('a')], [file('a/b')]],
}

/** Images that no tool unpacks. */
export const refusedImages: readonly Draw[] = Object.entries(refused).map(([name, layers]) => {
  return (root) => ({ name, layers: layers.map((layer) => layer.map((make) => make(root))) })
})
