import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createReadStream } from 'node:fs'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { promisify } from 'node:util'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import type { Images } from '../../../agent/images/images.ts'
import { CoveyError } from '../../../protocol/fault.ts'
import { buildLayout } from '../../registry/image.ts'
import { temporaryFolder } from '../temporary.ts'
import { pieces, plainLayer, savedArchive } from './archive-of.ts'
import { folder as folderEntry, tarOf } from './rich-image.ts'
import { stateOf } from './settled.ts'
import { imagesIn } from './store-of.ts'

const run = promisify(execFile)
const events = { signal: new AbortController().signal, onImage() {} }
const layers = [
  plainLayer(tarOf(folderEntry('./'), { path: 'a', content: 'a' })),
  plainLayer(tarOf(folderEntry('./'), { path: 'b', content: 'b'.repeat(200_000) })),
]

async function collected(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = []
  for await (const chunk of chunks) parts.push(chunk)
  return Buffer.concat(parts)
}

async function layoutArchive(
  work: string,
  ...variants: readonly string[]
): Promise<{
  readonly archive: string
  readonly digest: string
}> {
  const sources = variants.map((architecture) => ({ architecture, layers: [join(work, 'tree')] }))
  const layout = await mkdtemp(join(work, 'layout-'))
  const digest = await buildLayout(layout, ...sources)
  const archive = `${layout}.tar`
  await run('tar', ['-C', layout, '-cf', archive, '.'])
  return { archive, digest }
}

const mine = process.arch === 'x64' ? 'amd64' : process.arch

async function workWithTree(t: Parameters<typeof temporaryFolder>[0]): Promise<string> {
  const work = await temporaryFolder(t)
  await run('sh', ['-c', 'mkdir -p "$1/tree/etc"; echo text > "$1/tree/etc/file"', 'sh', work])
  return work
}

async function isReady(images: Images, digest: string): Promise<boolean> {
  return (await stateOf(images, `any.example/name@${digest}`)).state === 'ready'
}

describe('archives of images', () => {
  it('of docker save get the same digest on every host, however they are packed', async (t) => {
    const archive = savedArchive(layers, ['web:1.4', 'registry.example/team/web:1.4'])
    const digests = new Set<string>()
    for (const bytes of [archive, gzipSync(archive), zstdCompressSync(archive)]) {
      const images = await imagesIn(await temporaryFolder(t))
      const [loaded, ...others] = await images.load(pieces(bytes), events)
      assert.deepEqual(others, [])
      digests.add(loaded?.digest ?? '')
      assert.deepEqual(loaded?.references, [
        `docker.io/library/web:1.4@${loaded?.digest}`,
        `registry.example/team/web:1.4@${loaded?.digest}`,
      ])
      for (const reference of loaded?.references ?? []) {
        assert.equal((await stateOf(images, reference)).state, 'ready')
      }
      assert.ok(await isReady(images, loaded?.digest ?? ''))
    }
    assert.equal(digests.size, 1)
  })

  it('of podman and skopeo are taken', async (t) => {
    const work = await workWithTree(t)
    const { archive, digest } = await layoutArchive(work, mine)
    const docker = join(work, 'docker.tar')
    const source = archive.replace(/\.tar$/, ':latest')
    const target = `docker-archive:${docker}:test.example/web:2`
    await run('skopeo', ['--insecure-policy', 'copy', '-q', `oci:${source}`, target])
    const images = await imagesIn(await temporaryFolder(t))
    const [oci] = await images.load(createReadStream(archive), events)
    assert.equal(oci?.digest, digest)
    const [saved] = await images.load(createReadStream(docker), events)
    assert.match(saved?.references[0] ?? '', /^test\.example\/web:2@sha256:/)
    const rows = await images.list()
    assert.equal(rows.length, 2)
  })

  it('of an index satisfy the digest of the index and of the manifest', async (t) => {
    const work = await workWithTree(t)
    const other = mine === 'arm64' ? 'amd64' : 'arm64'
    const { archive, digest } = await layoutArchive(work, other, mine)
    const images = await imagesIn(await temporaryFolder(t))
    const [loaded] = await images.load(createReadStream(archive), events)
    assert.equal(loaded?.digest, digest)
    assert.ok(await isReady(images, digest))
    assert.ok(await isReady(images, loaded.record.manifest))
    const second = await imagesIn(await temporaryFolder(t))
    const [again] = await second.load(await images.save(digest), events)
    assert.equal(again?.digest, digest)
    assert.ok(await isReady(second, loaded.record.manifest))
  })

  it('that were saved are what other tools read, with the same digest', async (t) => {
    const work = await workWithTree(t)
    const { archive, digest } = await layoutArchive(work, mine)
    const images = await imagesIn(await temporaryFolder(t))
    await images.load(createReadStream(archive), events)
    const saved = join(work, 'saved.tar')
    await writeFile(saved, await collected(await images.save(digest)))
    const inspect = ['--insecure-policy', 'inspect', `oci-archive:${saved}`]
    const { stdout } = await run('skopeo', inspect)
    assert.equal(JSON.parse(stdout).Digest, digest)
    const again = await collected(await images.save(digest))
    const bytes = await collected(createReadStream(saved))
    assert.ok(again.equals(bytes), 'saving twice gives other bytes')
  })

  it('name what is wrong with them, and leave nothing behind', async (t) => {
    const folder = await temporaryFolder(t)
    const images = await imagesIn(folder)
    const json = (value: unknown): string => JSON.stringify(value)
    const index = { manifests: [{ digest: `sha256:${'1'.repeat(64)}` }] }
    const cases: readonly (readonly [Buffer, string, RegExp])[] = [
      [Buffer.from('no archive at all'.repeat(100)), 'archive-invalid', /no archive of images/],
      [Buffer.from('fd377a585a000004e6d6', 'hex'), 'archive-invalid', /packed with xz/],
      [
        Buffer.from('BZh91AY&SY..', 'latin1'),
        'archive-invalid',
        /packed with bzip2, and only gzip/,
      ],
      [Buffer.alloc(0), 'archive-invalid', /neither an index\.json/],
      [tarOf({ path: 'other', content: 'x' }), 'archive-invalid', /neither an index\.json/],
      [tarOf({ path: 'index.json', content: '{' }), 'archive-invalid', /index\.json is not JSON/],
      [tarOf({ path: 'index.json', content: '{}' }), 'archive-invalid', /not valid at manifests/],
      [
        tarOf({ path: 'index.json', content: json({ manifests: [] }) }),
        'archive-invalid',
        /no image/,
      ],
      [
        tarOf({ path: 'index.json', content: json(index) }),
        'archive-incomplete',
        /lacks sha256:111/,
      ],
      [
        tarOf({ path: 'manifest.json', content: json([{ Config: 'c.json', Layers: ['l'] }]) }),
        'archive-invalid',
        /names l, which is not in it/,
      ],
      [savedArchive(layers).subarray(0, 100_000), 'archive-invalid', /ends in the middle/],
    ]
    for (const [bytes, code, says] of cases) {
      await assert.rejects(images.load(pieces(bytes), events), (error) => {
        assert.ok(error instanceof CoveyError, String(error))
        assert.equal(error.code, code, error.message)
        assert.match(error.message, says)
        return true
      })
      assert.deepEqual(await images.list(), [])
      const { stdout } = await run('find', [join(folder, 'state/images'), '-path', '*/blobs/*'])
      assert.equal(stdout, '')
    }
  })

  it('say so where an image is not on the host', async (t) => {
    const images = await imagesIn(await temporaryFolder(t))
    const absent = `sha256:${'2'.repeat(64)}`
    await assert.rejects(images.save(absent), { code: 'image-absent' })
  })
})
