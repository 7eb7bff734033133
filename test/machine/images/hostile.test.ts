import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { plainEntry } from '../../../machine/images/layers/layer-transform.ts'
import { blockBytes } from '../../../platform/tar/tar-header.ts'
import { archiveEnd, entryHeaders } from '../../../platform/tar/tar-writer.ts'
import { CoveyError } from '../../../protocol/fault.ts'
import { temporaryFolder } from '../../temporary.ts'
import { digestOf, type MadeLayer, pieces, plainLayer, savedArchive } from './archive-of.ts'
import { type EntryOf, folder as folderEntry, tarOf } from './rich-image.ts'
import { imagesIn } from './store-of.ts'
import { listTree } from './tree-listing.ts'

interface Hostile {
  readonly layers: readonly MadeLayer[]
  readonly code: string
  readonly says: RegExp
}

function entries(code: string, says: RegExp, ...list: readonly EntryOf[]): Hostile {
  return { layers: [plainLayer(tarOf(folderEntry('./'), ...list))], code, says }
}

function bytes(code: string, says: RegExp, packed: Buffer, diffId = digestOf(packed)): Hostile {
  return { layers: [{ packed, diffId }], code, says }
}

const link = (path: string, target: string): EntryOf => ({ path, kind: 'symlink', target })
const hard = (path: string, target: string): EntryOf => ({ path, kind: 'hardlink', target })
const sound = tarOf(folderEntry('./'), { path: 'file', content: 'x'.repeat(100_000) })

/** Writes over a field of the first header, and mends its checksum. */
function spoiled(tar: Buffer, at: number, field: Buffer): Buffer {
  const copy = Buffer.from(tar)
  field.copy(copy, at)
  copy.write(' '.repeat(8), 148, 'latin1')
  const sum = copy.subarray(0, blockBytes).reduce((total, byte) => total + byte, 0)
  copy.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  return copy
}

/** A pax header with this text, before a file. */
function withPax(text: string): Buffer {
  const file = tarOf({ path: 'file', content: text })
  const header = spoiled(file.subarray(0, file.length - archiveEnd.length), 156, Buffer.from('x'))
  return Buffer.concat([header, sound])
}

const megabyte = gzipSync(Buffer.alloc(1024 ** 2))
// Of a whiteout, whose data nobody writes.
const fuse = entryHeaders({
  ...plainEntry,
  kind: 'file',
  path: '.wh.a',
  dataBytes: 1200 * 1024 ** 2,
})
const bomb = Buffer.concat([gzipSync(fuse), ...Array.from({ length: 1100 }, () => megabyte)])
const packed = gzipSync(sound)
const bigNumber = Buffer.from([0x80, 0, 0, 0x7f, 255, 255, 255, 255, 255, 255, 255, 255])

const corpus: Readonly<Record<string, Hostile>> = {
  'a path upwards': entries('layer-refused', /leads out of the image: \.\.\/out/, {
    path: '../out',
  }),
  'a path upwards in the middle': entries('layer-refused', /leads out/, { path: 'a/../../out' }),
  'a hard link upwards': entries('layer-refused', /leads out/, hard('a', '../../etc/passwd')),
  'a hard link to the host': entries(
    'layer-refused',
    /hard link to a file that is not there: a to etc\/passwd/,
    hard('a', '/etc/passwd'),
  ),
  'a hard link to a folder': entries(
    'layer-refused',
    /hard link to a folder/,
    folderEntry('d'),
    hard('a', 'd'),
  ),
  'a whiteout of the folder above': entries('layer-refused', /whiteout/, { path: 'a/.wh...' }),
  'a whiteout of its own folder': entries('layer-refused', /whiteout/, { path: 'a/.wh..' }),
  'a whiteout of nothing': entries('layer-refused', /whiteout/, { path: '.wh.' }),
  'an entry below a whiteout': entries('layer-refused', /below a whiteout/, {
    path: '.wh.a/b',
  }),
  'the device of overlayfs': entries('layer-refused', /character device 0\/0: gone/, {
    path: 'gone',
    kind: 'character-device',
  }),
  'a circle of links': entries('layer-refused', /circle/, link('a', 'b'), link('b', 'a'), {
    path: 'a/file',
  }),
  'a link to itself': entries('layer-refused', /circle/, link('a', 'a'), { path: 'a/file' }),
  'a file below a file': entries(
    'layer-refused',
    /below a, which is not a folder/,
    { path: 'a' },
    {
      path: 'a/b',
    },
  ),
  'a file in place of a folder': entries('layer-refused', /a is a folder/, folderEntry('a/b'), {
    path: 'a',
  }),
  'a file for a root': entries('layer-refused', /root/, { path: '.', content: 'x' }),
  'a path too deep': entries('layer-refused', /300 folders deep/, {
    path: `${'a/'.repeat(299)}b`,
  }),
  'a name too long': entries('layer-refused', /name of 256 bytes/, { path: 'n'.repeat(256) }),
  'a path too long': entries('layer-refused', /path of/, {
    path: Array.from({ length: 50 }, () => 'n'.repeat(99)).join('/'),
  }),
  'a link to nothing': entries('layer-refused', /nowhere/, link('a', '')),
  'a sparse file of a petabyte': entries('layer-too-large', /64 GiB/, {
    path: 'hole',
    sparse: { realBytes: 2 ** 50, pieces: [] },
  }),
  'a sparse map that overlaps': entries('layer-invalid', /sparse/, {
    path: 'hole',
    content: 'aabb',
    sparse: {
      realBytes: 100,
      pieces: [
        { offset: 10, bytes: 2 },
        { offset: 5, bytes: 2 },
      ],
    },
  }),
  'no tar': bytes('layer-invalid', /checksum/, Buffer.alloc(2048, 'x')),
  'a damaged header': bytes(
    'layer-invalid',
    /checksum/,
    Buffer.concat([sound.subarray(1), Buffer.of(0)]),
  ),
  'an end too early': bytes('layer-invalid', /ends in the middle/, sound.subarray(0, 50_000)),
  'garbage after the end': bytes(
    'layer-invalid',
    /garbage after the end/,
    Buffer.concat([sound, Buffer.alloc(512, 'x')]),
  ),
  'an unknown type': bytes('layer-invalid', /type "Z"/, spoiled(sound, 156, Buffer.from('Z'))),
  'a size beyond all': bytes(
    'layer-invalid',
    /size of an entry is too large/,
    spoiled(sound, 124, bigNumber),
  ),
  'a negative size': bytes(
    'layer-invalid',
    /size of an entry is negative/,
    spoiled(sound, 124, Buffer.alloc(12, 255)),
  ),
  'a size that is no number': bytes(
    'layer-invalid',
    /size of an entry is not a number/,
    spoiled(sound, 124, Buffer.from('0000000009 ')),
  ),
  'a negative owner': bytes('layer-invalid', /owner/, spoiled(sound, 108, Buffer.alloc(8, 255))),
  'a damaged pax header': bytes('layer-invalid', /pax/, withPax('99 path=x\n')),
  'a pax size beyond all': bytes(
    'layer-invalid',
    /size/,
    withPax('29 size=99999999999999999999\n'),
  ),
  'a pax path upwards': bytes('layer-refused', /leads out/, withPax('16 path=../../x\n')),
  'a pax path with a NUL': bytes('layer-refused', /NUL/, withPax('12 path=a\0b\n')),
  'a pax time that is none': bytes('layer-invalid', /time/, withPax('15 mtime=never\n')),
  'a pax header too large': bytes(
    'layer-too-large',
    /1048576 at most/,
    withPax('x'.repeat(1024 ** 2 + 1)),
  ),
  'a bomb': bytes('layer-ratio', /400 times/, bomb),
  'a bomb of nothing': bytes(
    'layer-invalid',
    /endless zeros/,
    bomb.subarray(gzipSync(fuse).length),
  ),
  'another diffID': bytes('diff-id', /unpacks to sha256/, packed, digestOf(Buffer.from('x'))),
  'gzip that ends early': bytes(
    'layer-invalid',
    /compressed/,
    packed.subarray(0, -20),
    digestOf(sound),
  ),
  'gzip with garbage behind it': bytes(
    'layer-invalid',
    /compressed/,
    Buffer.concat([packed, Buffer.from('garbage')]),
    digestOf(sound),
  ),
  'gzip with a wrong check sum': bytes(
    'layer-invalid',
    /compressed/,
    Buffer.concat([packed.subarray(0, -8), Buffer.alloc(8, 1)]),
    digestOf(sound),
  ),
  'zstd that ends early': bytes(
    'layer-invalid',
    /compressed/,
    zstdCompressSync(sound).subarray(0, -20),
    digestOf(sound),
  ),
}

/** A folder whose surroundings are watched. */
async function watched(
  t: TestContext,
): Promise<{ readonly folder: string; outside(): Promise<string> }> {
  const folder = await temporaryFolder(t)
  mkdirSync(join(folder, 'outside'))
  writeFileSync(join(folder, 'outside/file'), 'untouched')
  const outside = async (): Promise<string> => {
    const listed = await listTree('TREE=$1; rm -f "$1/nothing"', [join(folder, 'outside')])
    return JSON.stringify([...listed])
  }
  return { folder, outside }
}

const events = { signal: new AbortController().signal, onImage() {} }

describe('hostile layers', () => {
  for (const [name, { layers, code, says }] of Object.entries(corpus)) {
    it(`${name} is refused, and nothing of it stays`, async (t) => {
      const { folder } = await watched(t)
      const images = await imagesIn(folder)
      const before = readdirSync(folder).sort()
      const archive = savedArchive(layers)
      const error = await images.load(pieces(archive), events).then(
        () => assert.fail('it was taken'),
        (reason: unknown) => reason,
      )
      assert.ok(error instanceof CoveyError, String(error))
      assert.equal(error.code, code, error.message)
      assert.match(error.message, says)
      assert.equal(error.message.includes('\n'), false)
      await images.close()
      const store = join(folder, 'state/images')
      for (const each of ['layers', 'images', 'work', 'blobs']) {
        assert.deepEqual(readdirSync(join(store, each)), [], each)
      }
      assert.deepEqual(readdirSync(folder).sort(), before)
    })
  }

  it('leads no entry out by links', async (t) => {
    const { folder, outside } = await watched(t)
    const target = join(folder, 'outside')
    const up = '../'.repeat(20)
    const tar = tarOf(
      link('absolute', target),
      { path: 'absolute/file', content: 'pwned' },
      link('relative', `${up}${target.slice(1)}`),
      { path: 'relative/other', content: 'pwned' },
      link('direct', `${target}/file`),
      { path: 'direct', content: 'replaced' },
      link('source', `${target}/file`),
      hard('second', 'source'),
      { path: 'second', content: 'replaced' },
      folderEntry('chain'),
      link('chain/a', '..'),
      link('chain/b', 'a/absolute'),
      { path: 'chain/b/third', content: 'pwned' },
    )
    const before = await outside()
    const images = await imagesIn(folder)
    const [loaded] = await images.load(pieces(savedArchive([plainLayer(tar)])), events)
    assert.equal(await outside(), before)
    const state = [...(await images.port.look([`x/y@${loaded?.digest}`])).values()][0]
    assert.equal(state?.state, 'ready')
    const tree = state.state === 'ready' ? (state.layers[0] ?? '') : ''
    const listed = await listTree('TREE=$1', [tree])
    for (const name of ['file', 'other', 'third']) assert.ok(listed.has(`.${target}/${name}`), name)
    assert.equal(listed.get('./direct')?.['link'], undefined)
  })

  it('keeps no attribute that steers the host', async (t) => {
    const { folder } = await watched(t)
    const images = await imagesIn(folder)
    const xattrs = new Map([
      ['trusted.overlay.opaque', 'y'],
      ['trusted.overlay.redirect', '/etc'],
      ['security.selinux', 'system_u'],
      ['user.kept', '1'],
    ])
    const tar = tarOf({ ...folderEntry('d'), xattrs }, { path: 'd/f', xattrs })
    const [loaded] = await images.load(pieces(savedArchive([plainLayer(tar)])), events)
    const name = loaded?.record.layers[0]?.name ?? ''
    const tree = join(folder, 'state/images/layers', name)
    const said = execFileSync('getfattr', ['-R', '-d', '-m', '-', tree], { encoding: 'utf8' })
    assert.deepEqual(said.match(/^[a-z].*$/gm), ['user.kept="1"', 'user.kept="1"'])
  })
})
