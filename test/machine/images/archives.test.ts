import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createReadStream } from 'node:fs'
import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { promisify } from 'node:util'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import type { Images } from '../../../machine/images/images.ts'
import { CoveyError } from '../../../protocol/fault.ts'
import { buildLayout } from '../../registry/image.ts'
import { temporaryFolder } from '../../temporary.ts'
import { digestOf, pieces, plainLayer, savedArchive, savedConfig } from './archive-of.ts'
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

/** Puts a document into a layout; gives its digest. */
async function addBlob(layout: string, text: string): Promise<string> {
  const digest = digestOf(Buffer.from(text))
  await writeFile(join(layout, 'blobs/sha256', digest.slice(7)), text)
  return digest
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
      [Buffer.from('no archive at all'.repeat(100)), 'archive-invalid', /not an image archive/],
      [Buffer.from('fd377a585a000004e6d6', 'hex'), 'archive-invalid', /packed with xz/],
      [
        Buffer.from('BZh91AY&SY..', 'latin1'),
        'archive-invalid',
        /packed with bzip2, but covey unpacks only gzip/,
      ],
      [Buffer.alloc(0), 'archive-invalid', /neither an index\.json/],
      [tarOf({ path: 'other', content: 'x' }), 'archive-invalid', /neither an index\.json/],
      [
        tarOf({ path: 'index.json', content: '{' }),
        'archive-invalid',
        /^the archive is invalid: its index\.json is not JSON/,
      ],
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
        'archive-incomplete',
        /the archive lacks c\.json, which its manifest\.json names/,
      ],
      [
        savedArchive(layers).subarray(0, 100_000),
        'archive-invalid',
        /^the archive is damaged: .*ends/,
      ],
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

  it('of good archives say what is odd in an image', async (t) => {
    const images = await imagesIn(await temporaryFolder(t))
    const archive = savedArchive(layers, [], { config: { User: {} } })
    await assert.rejects(images.load(pieces(archive), events), {
      code: 'image-config',
      message: 'the image config is not valid at config.User: must be a string',
    })
  })

  it('of docker save name their files in many ways', async (t) => {
    const images = await imagesIn(await temporaryFolder(t))
    const [config, layer] = ['sha256:0a', 'layer.tar.gz']
    const document = savedConfig(layers.slice(0, 1))
    const link = { kind: 'symlink', target: './two' } as const
    const manifest = [{ Config: `./${config}`, RepoTags: null, Layers: ['one'] }]
    const archive = tarOf(
      { ...link, path: 'one' },
      { ...link, path: 'two', target: `/${layer}` },
      { path: `./${layer}`, content: gzipSync(layers[0]?.packed ?? '') },
      { path: config, content: document },
      { path: 'repositories', content: '{}' },
      { path: 'manifest.json', content: JSON.stringify(manifest) },
    )
    const [loaded, ...others] = await images.load(pieces(archive), events)
    assert.deepEqual(others, [])
    assert.deepEqual(loaded?.references, [])
    assert.ok(await isReady(images, loaded?.digest ?? ''))
  })

  it('of several platforms give what is for this host', async (t) => {
    const work = await workWithTree(t)
    const other = mine === 'arm64' ? 'amd64' : 'arm64'
    const [first, second] = [await layoutArchive(work, other), await layoutArchive(work, mine)]
    const folder = (archive: string): string => archive.replace(/\.tar$/, '')
    const entry = (digest: string, more: object): object => ({ digest, size: 1, ...more })
    const type = { mediaType: 'application/vnd.oci.image.manifest.v1+json' }
    const both = join(work, 'both')
    await run('cp', ['-a', folder(first.archive), both])
    await run('cp', ['-a', `${folder(second.archive)}/blobs`, both])
    const absent = `sha256:${'3'.repeat(64)}`
    const found = async (...manifests: readonly unknown[]): Promise<readonly string[]> => {
      await writeFile(join(both, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests }))
      await run('tar', ['-C', both, '-cf', `${both}.tar`, '.'])
      const images = await imagesIn(await temporaryFolder(t))
      const loaded = await images.load(createReadStream(`${both}.tar`), events)
      return loaded.map(({ digest }) => digest)
    }
    const platform = (architecture: string): object => ({ platform: { os: 'linux', architecture } })
    const attestation = { platform: { os: 'unknown', architecture: 'unknown' } }
    const foreign = entry(first.digest, { ...type, ...platform(other) })
    const own = entry(second.digest, { ...type, ...platform(mine) })
    assert.deepEqual(await found(foreign, own), [second.digest])
    // Without a platform it is the config that says so.
    assert.deepEqual(await found(entry(first.digest, type), own), [second.digest])
    assert.deepEqual(await found(entry(absent, { ...type, ...attestation }), own), [second.digest])
    assert.deepEqual(await found('odd', { digest: 7 }, null, own), [second.digest])
    const signature = { mediaType: 'application/vnd.example.signature' }
    assert.deepEqual(await found(entry(absent, signature), own), [second.digest])
    await assert.rejects(found(foreign), { code: 'image-platform' })
    const nested = { schemaVersion: 2, manifests: [entry(absent, foreign), own] }
    const digest = await addBlob(both, JSON.stringify(nested))
    const index = { mediaType: 'application/vnd.oci.image.index.v1+json' }
    assert.deepEqual(await found(entry(digest, index)), [digest])
  })

  it('that lack the best of several images give the next', async (t) => {
    const work = await workWithTree(t)
    const { archive, digest } = await layoutArchive(work, mine)
    const layout = archive.replace(/\.tar$/, '')
    const saved = JSON.parse(await readFile(join(layout, 'index.json'), 'utf8'))
    const { size } = saved.manifests[0]
    const type = { mediaType: 'application/vnd.oci.image.manifest.v1+json', size }
    const platform = { os: 'linux', architecture: mine }
    const best = { ...type, digest: `sha256:${'4'.repeat(64)}`, platform }
    const nested = { schemaVersion: 2, manifests: [best, { ...type, digest, platform }] }
    const top = await addBlob(layout, JSON.stringify(nested))
    const index = { mediaType: 'application/vnd.oci.image.index.v1+json', digest: top, size: 1 }
    await writeFile(join(layout, 'index.json'), JSON.stringify({ manifests: [index] }))
    await run('tar', ['-C', layout, '-cf', archive, '.'])
    const images = await imagesIn(await temporaryFolder(t))
    const [loaded] = await images.load(createReadStream(archive), events)
    assert.equal(loaded?.record.manifest, digest)
  })

  it('say so where an image is not on the host', async (t) => {
    const images = await imagesIn(await temporaryFolder(t))
    const absent = `sha256:${'2'.repeat(64)}`
    await assert.rejects(images.save(absent), { code: 'image-absent' })
  })
})
