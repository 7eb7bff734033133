import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { promisify } from 'node:util'
import fc from 'fast-check'
import { createLayerTransform } from '../../../machine/images/layers/layer-transform.ts'
import { createSandbox } from '../../../machine/images/unpack/sandbox.ts'
import { unpackLayer } from '../../../machine/images/unpack/unpack-layer.ts'
import { endPaddingBytesMax } from '../../../platform/tar/limits.ts'
import type { TarEntry } from '../../../platform/tar/tar-entry.ts'
import { createTarReader, type TarReader } from '../../../platform/tar/tar-reader.ts'
import { archiveEnd, entryHeaders, padding } from '../../../platform/tar/tar-writer.ts'
import { CoveyError } from '../../../protocol/fault.ts'
import { temporaryFolder } from '../../temporary.ts'
import { digestOf, pieces } from './archive-of.ts'
import { folder as folderEntry, tarOf } from './rich-image.ts'
import { differences, listTree } from './tree-listing.ts'

const run = promisify(execFile)

interface ReadEntry {
  readonly entry: TarEntry
  readonly data: Buffer
}

function readAll(tar: Buffer, size = tar.length): readonly ReadEntry[] {
  const found: { entry: TarEntry; parts: Buffer[] }[] = []
  const reader = createTarReader({
    entry: (entry) => void found.push({ entry, parts: [] }),
    data: (part) => void found.at(-1)?.parts.push(part),
  })
  for (let at = 0; at < tar.length; at += size) reader.push(tar.subarray(at, at + size))
  reader.end()
  return found.map(({ entry, parts }) => ({ entry, data: Buffer.concat(parts) }))
}

describe('zeros after the end of an archive', () => {
  const reader = (): TarReader => createTarReader({ entry() {}, data() {} })

  it('fill up a record, of whatever size', () => {
    const one = reader()
    one.push(Buffer.alloc(endPaddingBytesMax))
    one.end()
  })

  it('are refused without end', () => {
    const one = reader()
    const zeros = Buffer.alloc(endPaddingBytesMax / 4)
    for (let part = 0; part < 4; part++) one.push(zeros)
    assert.throws(() => one.push(zeros), /endless zeros/)
  })
})

const bytesOf = (characters: number): fc.Arbitrary<string> => {
  return fc
    .uint8Array({ minLength: 1, maxLength: characters })
    .map((bytes) => Buffer.from(bytes.map((byte) => byte || 1)).toString('latin1'))
}

/** Any entry that a tar archive can hold. */
const anyEntry: fc.Arbitrary<ReadEntry> = fc
  .record({
    kind: fc.constantFrom('file', 'folder', 'symlink', 'hardlink', 'fifo', 'block-device'),
    path: bytesOf(300),
    target: bytesOf(300),
    mode: fc.integer({ min: 0, max: 0o7777 }),
    uid: fc.integer({ min: 0, max: 2 ** 32 - 2 }),
    gid: fc.integer({ min: 0, max: 2 ** 32 - 2 }),
    seconds: fc.integer({ min: 0, max: 2 ** 39 }),
    fraction: fc.constantFrom('', '5', '123456789', '000000001'),
    isNegative: fc.boolean(),
    xattrs: fc.dictionary(fc.stringMatching(/^user\.[a-z]{1,20}$/), bytesOf(50)),
    data: fc.uint8Array({ maxLength: 2000 }),
  })
  .map(({ data, seconds, fraction, isNegative, xattrs, ...rest }) => {
    const kind = rest.kind as TarEntry['kind']
    const isFile = kind === 'file'
    const isDevice = kind === 'block-device'
    return {
      entry: {
        ...rest,
        kind,
        path: isFile ? rest.path.replace(/\/+$/, '') || 'x' : rest.path,
        target: kind.endsWith('link') ? rest.target : '',
        time: { seconds, fraction, isNegative: isNegative && seconds > 0 },
        dataBytes: isFile ? data.length : 0,
        major: isDevice ? 7 : 0,
        minor: isDevice ? 300 : 0,
        xattrs: new Map(Object.entries(xattrs)),
        sparse: null,
      },
      data: isFile ? Buffer.from(data) : Buffer.alloc(0),
    }
  })

describe('tar', () => {
  it('is read as it was written, in pieces of any size', () => {
    fc.assert(
      fc.property(
        fc.array(anyEntry, { maxLength: 6 }),
        fc.integer({ min: 1, max: 1500 }),
        (list, size) => {
          const parts = list.flatMap(({ entry, data }) => [
            entryHeaders(entry),
            data,
            padding(data.length),
          ])
          const tar = Buffer.concat([...parts, archiveEnd])
          assert.deepEqual(readAll(tar, size), list)
          assert.deepEqual(readAll(Buffer.concat(parts), size), list, 'without an end')
        },
      ),
      { numRuns: 300 },
    )
  })

  it('that is damaged anywhere is refused with a fault, or read', () => {
    const sound = tarOf(
      folderEntry('d'.repeat(150), { time: { seconds: 1, fraction: '5', isNegative: false } }),
      { path: 'file', content: 'content' },
      {
        path: 'hole',
        content: 'ab',
        sparse: { realBytes: 9000, pieces: [{ offset: 5000, bytes: 2 }] },
      },
      { path: 'link', kind: 'symlink', target: 't'.repeat(150) },
    )
    const flips = fc.array(fc.tuple(fc.nat(sound.length - 1), fc.nat(255)), { maxLength: 4 })
    fc.assert(
      fc.property(flips, fc.nat(sound.length), (changes, end) => {
        const bytes = Buffer.from(sound.subarray(0, end))
        for (const [at, value] of changes) if (at < end) bytes[at] = value
        const transform = createLayerTransform()
        try {
          transform.push(bytes)
          transform.end()
        } catch (error) {
          assert.ok(error instanceof CoveyError, String(error))
          assert.match(error.code, /^layer-/)
        }
      }),
      { numRuns: 3000 },
    )
  })

  it('has no more entries and bytes than a layer may', () => {
    const tar = tarOf({ path: 'a' }, { path: 'b' }, { path: 'c', content: 'x'.repeat(5000) })
    const push = (init: object) => () => createLayerTransform(init).push(tar)
    assert.throws(push({ entriesMax: 2 }), {
      code: 'layer-too-large',
      message: /more than 2 entries/,
    })
    assert.throws(push({ bytesMax: 5000 }), { code: 'layer-too-large' })
    assert.doesNotThrow(push({ entriesMax: 3, bytesMax: 10_000 }))
  })

  const written: Readonly<Record<string, readonly string[]>> = {
    v7: ['--format=v7'],
    ustar: ['--format=ustar'],
    gnu: ['--format=gnu'],
    'gnu, sparse': ['--format=gnu', '--sparse'],
    'oldgnu, sparse': ['--format=oldgnu', '--sparse'],
    pax: ['--format=pax'],
    'pax, sparse 0.0': ['--format=pax', '--sparse', '--sparse-version=0.0'],
    'pax, sparse 0.1': ['--format=pax', '--sparse', '--sparse-version=0.1'],
    'pax, sparse 1.0': ['--format=pax', '--sparse', '--sparse-version=1.0'],
    'pax with a global header': ['--format=pax', '--pax-option=globexthdr.name=g,comment=x'],
  }
  for (const [name, format] of Object.entries(written)) {
    it(`as GNU tar writes it is unpacked: ${name}`, async (t) => {
      const work = await temporaryFolder(t)
      const [source, target] = [join(work, 'source'), join(work, 'target')]
      const isOld = name === 'v7'
      const make = `mkdir -p "$1/dir/$(printf 'n%.0s' $(seq 60))"; cd "$1"; echo a > dir/a; ln dir/a b
        ln -s dir/a c; chmod 6755 b; touch -d @1234567 b dir dir/n* .; truncate -s 3M hole
        for i in $(seq 0 30); do
          echo piece | dd of=many bs=1 seek=$((i*100000)) conv=notrunc status=none; done
        touch -d @1 hole many .; touch -h -d @1 c`
      await run('sh', ['-c', make, 'sh', source])
      const archive = join(work, 'archive.tar')
      await run('tar', ['-C', source, ...format, '-cf', archive, '.'])
      const bytes = readFileSync(archive)
      await mkdir(target)
      await unpackLayer(await createSandbox(join(work, 'sandbox')), {
        packed: pieces(bytes, 1000),
        diffId: digestOf(bytes),
        target,
        lowerLinks: new Map(),
        onBytes() {},
        signal: new AbortController().signal,
      })
      const [before, after] = [
        await listTree('TREE=$1', [source]),
        await listTree('TREE=$1', [target]),
      ]
      assert.deepEqual(differences(after, before), [])
      if (!format.includes('--sparse') || isOld) return
      const { stdout } = await run('du', ['-k', join(target, 'hole')])
      assert.match(stdout, /^0\t/, 'the hole was filled')
    })
  }
})

describe('the sandbox', () => {
  it('shows and takes nothing but its target', async (t) => {
    const work = await temporaryFolder(t)
    const target = join(work, 'target')
    await mkdir(target)
    await run('mknod', [join(target, 'disk'), 'c', '1', '3'])
    const sandbox = await createSandbox(join(work, 'sandbox'))
    const script = `exec 2>&-
      for path in /new /usr/new /old/new /proc/new; do echo x > $path && echo wrote $path; done
      for path in /etc /home /root /tmp /var /dev /sys /proc/1 /old/etc; do
        ls -d $path/* && echo sees; done
      cat /target/disk && echo opened; echo x > /target/disk && echo opened
      mount -t tmpfs tmpfs /target && echo mounted; kill -0 2 && echo signalled
      echo '#!/bin/sh' > /target/run
      chmod 755 /target/run; /target/run && echo ran
      echo x > /target/file && echo target
      echo end`
    const child = sandbox.start({
      target,
      access: 'write',
      mayMarkOverlay: false,
      command: ['sh', '-c', script],
    })
    let said = ''
    child.process.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString()
    })
    await child.ended.catch(() => undefined)
    assert.equal(said, 'target\nend\n')
  })

  it('kills what takes too long or is not wanted any more, with all that it started', async (t) => {
    const work = await temporaryFolder(t)
    const target = join(work, 'target')
    await mkdir(target)
    const sandbox = await createSandbox(join(work, 'sandbox'))
    const seconds = String(1e6 + process.pid + Math.random())
    const child = sandbox.start({
      target,
      access: 'read',
      mayMarkOverlay: false,
      command: ['sh', '-c', `echo begun; sleep ${seconds}; echo over`],
    })
    await new Promise((resolve) => child.process.stdout.once('data', resolve))
    child.kill()
    await assert.rejects(child.ended, { code: 'unpack', message: /sh failed: SIGKILL/ })
    const isAlive = async (): Promise<boolean> => {
      const { stdout } = await run('ps', ['-e', '-o', 'args='])
      return stdout.includes(`sleep ${seconds}`)
    }
    for (const end = Date.now() + 20_000; await isAlive(); ) assert.ok(Date.now() < end, 'it lives')
  })
})
