import { execFile } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { plainEntry } from '../../../machine/images/layers/layer-transform.ts'
import type { TarEntry } from '../../../platform/tar/tar-entry.ts'
import { archiveEnd, entryHeaders, padding } from '../../../platform/tar/tar-writer.ts'

const run = promisify(execFile)

/** One entry of a tar archive, by what differs from an empty file of root's. */
export interface EntryOf extends Partial<TarEntry> {
  readonly path: string
  readonly content?: string | Buffer
}

/** A tar archive of these entries, exactly as they stand, however odd. */
export function tarOf(...entries: readonly EntryOf[]): Buffer {
  const parts = entries.flatMap(({ content = '', ...entry }) => {
    const data = Buffer.from(content as string)
    const whole = {
      ...plainEntry,
      kind: 'file',
      mode: 0o644,
      dataBytes: data.length,
      ...entry,
    } as const
    return [entryHeaders(whole), data, padding(data.length)]
  })
  return Buffer.concat([...parts, archiveEnd])
}

/** A folder entry. */
export function folder(path: string, members: Partial<TarEntry> = {}): EntryOf {
  return { path, kind: 'folder', mode: 0o755, ...members }
}

/** Makes in `$1` what an image may hold, and more. */
const makeTree = `set -e; cd "$1"
mkdir -p usr/lib usr/bin etc empty replaced/deep hidden/below sticky odd links opaque/old
mkdir 'name with spaces'
ln -s usr/lib lib
echo one > etc/one; echo two > etc/two; echo gone > etc/gone
echo old > replaced/deep/file; echo hidden > hidden/below/file; echo old > opaque/old/file
echo x > usr/lib/library; chmod 755 usr/lib/library
echo tool > usr/bin/tool; chmod 4755 usr/bin/tool; chown 1:2 usr/bin/tool; chmod u+s usr/bin/tool
echo caps > usr/bin/caps; chmod 755 usr/bin/caps; setcap cap_net_bind_service=+ep usr/bin/caps
chmod 1777 sticky; chmod 2750 odd; chown 123456:654321 odd
mknod odd/char c 5 1; mknod odd/block b 7 0; mkfifo odd/pipe; chmod 640 odd/block
echo l > links/a; ln links/a links/b; ln links/a 'name with spaces/c'; ln -s ../etc/one links/soft
ln -s /absolute/target links/absolute; ln -s nowhere links/dangling
long=$(printf 'n%.0s' $(seq 1 200)); mkdir -p "odd/$long/$long"; echo deep > "odd/$long/$long/$long"
ln -s "$long/$long/$long" odd/long-link
echo u > 'odd/ünïcode ☃'; printf latin > "$(printf 'odd/b\\344d')"
echo n > "$(printf 'odd/new\\nline')"
truncate -s 20M odd/sparse
echo middle | dd of=odd/sparse bs=1 seek=10000000 conv=notrunc status=none
truncate -s 5M odd/hole
setfattr -n user.mark -v value etc/one; setfattr -n user.mark -v folder empty
setfattr -n trusted.secret -v no etc/two
touch -d '2040-01-01T00:00:00.123456789Z' etc/two
touch -d '2001-02-03T04:05:06.5Z' usr/lib usr/bin etc replaced replaced/deep hidden opaque empty odd
chmod 0 etc/gone; chmod 700 empty; chown 7:8 empty; touch -d @1000000000 .
echo keep > replaced/keep; chmod 711 replaced; chown 3:4 replaced`

const second: readonly EntryOf[] = [
  { path: 'etc/.wh.gone' },
  folder('hidden', { mode: 0o701, uid: 9 }),
  { path: 'hidden/.wh.below' },
  { path: 'hidden/below', content: 'a file now' },
  folder('opaque'),
  { path: 'opaque/new', content: 'new' },
  { path: 'opaque/.wh..wh..opq' },
  { path: './/etc/./absolute', content: 'leading and double slashes' },
  { path: '/etc/rooted', content: 'leading slash' },
]

/** Entries that podman refuses, or treats differently from the specification and from umoci. */
const unusual: readonly EntryOf[] = [
  // A whiteout and what replaces it.
  { path: '.wh.replaced' },
  folder('replaced', { mode: 0o750 }),
  { path: 'replaced/new', content: 'new' },
  { path: 'etc/.wh.nothing-there' },
  { path: 'never/was/.wh.here' },
  { path: 'before-1970', time: { seconds: 3600, fraction: '5', isNegative: true } },
  // Nothing is said of the folders above these.
  { path: 'usr/bin/added', content: 'added', mode: 0o755 },
  { path: 'empty/added', content: 'added' },
  // Through a link of the layer below.
  { path: 'lib/added', content: 'in usr/lib' },
  // A second name for a file of the layer below.
  { path: 'usr/bin/tool-again', kind: 'hardlink', target: 'usr/bin/tool' },
  { path: 'twice', content: 'first' },
  { path: 'twice', content: 'second' },
  { path: 'becomes-folder', content: 'file' },
  folder('becomes-folder'),
  { path: 'becomes-folder/in', content: 'in it' },
]

const third: readonly EntryOf[] = [
  folder('etc', {
    mode: 0o711,
    uid: 5,
    gid: 6,
    time: { seconds: 77, fraction: '25', isNegative: false },
  }),
  { path: 'etc/two', kind: 'symlink', target: 'one' },
]

/** Writes the layers of an image that has all of it, as tar archives, the lowest first. */
export async function writeRichLayers(
  work: string,
  options: { readonly unusual: boolean },
): Promise<readonly string[]> {
  const tree = join(work, 'tree')
  await mkdir(tree)
  await run('sh', ['-c', makeTree, 'sh', tree])
  const attributes = ['--xattrs', '--xattrs-include=*', '--numeric-owner', '--sparse']
  const first = join(work, 'first.tar')
  const pax = ['--format=pax', '--pax-option=delete=atime,delete=ctime']
  await run('tar', ['-C', tree, ...attributes, ...pax, '-cf', first, '.'])
  const old = join(work, 'old.tar')
  await run('tar', ['-C', tree, '--format=gnu', '-cf', old, './odd', './links'])
  const paths = [first, old]
  const [upper, top] = options.unusual
    ? [
        [...second, ...unusual],
        [...third, { path: 'empty/.wh.added' }],
      ]
    : [second, third]
  for (const [name, entries] of Object.entries({ second: upper, third: top })) {
    const path = join(work, `${name}.tar`)
    await writeFile(path, tarOf(...entries))
    paths.push(path)
  }
  return paths
}
