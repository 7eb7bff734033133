import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { promisify } from 'node:util'
import { CoveyError } from '../../../protocol/fault.ts'
import { temporaryFolder } from '../../temporary.ts'
import { pieces, plainLayer, savedArchive } from './archive-of.ts'
import { folder as folderEntry, tarOf } from './rich-image.ts'
import { stateOf } from './settled.ts'
import { imagesIn } from './store-of.ts'

const run = promisify(execFile)
const events = { signal: new AbortController().signal, onImage() {} }

/** An archive of about a megabyte that takes two in the store. */
function archiveOf(seed: number): Buffer {
  const content = Buffer.alloc(1_000_000, `${seed} `)
  return savedArchive([plainLayer(tarOf(folderEntry('./'), { path: 'file', content }))])
}

const named = (digest: string): string => `registry.example/web@${digest}`

describe('room for images', () => {
  it('is made by removing what was not needed for the longest time', async (t) => {
    let now = 1000
    const images = await imagesIn(await temporaryFolder(t), {
      budgetBytes: 7_000_000,
      now: () => now++,
    })
    const digests: string[] = []
    images.port.retain([])
    for (const seed of [1, 2, 3]) {
      const [loaded] = await images.load(pieces(archiveOf(seed)), events)
      digests.push(loaded?.digest ?? '')
    }
    images.port.retain([named(digests[0] ?? '')])
    await images.load(pieces(archiveOf(4)), events)
    const states = await Promise.all(digests.map((each) => stateOf(images, named(each))))
    assert.deepEqual(
      states.map(({ state }) => state),
      ['ready', 'absent', 'ready'],
    )
  })

  it('is refused where all that is there is needed, or may be', async (t) => {
    const folder = await temporaryFolder(t)
    const images = await imagesIn(folder, { budgetBytes: 3_000_000 })
    const [loaded] = await images.load(pieces(archiveOf(1)), events)
    const refused = {
      code: 'image-budget',
      message: 'the images of this host would take more than their budget of 0.0 GB',
    }
    // Before the first config is applied nobody knows what is needed.
    await assert.rejects(images.load(pieces(archiveOf(2)), events), refused)
    images.port.retain([named(loaded?.digest ?? '')])
    await assert.rejects(images.load(pieces(archiveOf(2)), events), refused)
    assert.equal((await images.list()).length, 1)
    assert.deepEqual(readdirSync(join(folder, 'state/images/work')), [])
    images.port.retain([])
    await images.load(pieces(archiveOf(2)), events)
    assert.equal((await images.list()).length, 1)
  })

  it('is left to the host', async (t) => {
    let free = 100_000_000
    const images = await imagesIn(await temporaryFolder(t), { freeBytes: async () => free })
    await images.load(pieces(archiveOf(1)), events)
    free = 60_000_000
    await assert.rejects(images.load(pieces(archiveOf(2)), events), (error) => {
      assert.ok(error instanceof CoveyError)
      assert.equal(error.code, 'disk-full')
      assert.match(error.message, /^the disk of .* is full: 60 MB are left$/)
      assert.match(error.hint ?? '', /covey image prune/)
      return true
    })
    assert.equal((await images.list()).length, 1)
  })

  it('ends on a disk that is really full, with a reason and nothing left half', async () => {
    const script = `d=$(mktemp -d); mount -t tmpfs -o size=6m tmpfs "$d"
      trap 'umount "$d"; rmdir "$d"' EXIT; "$@" "$d"`
    const main = join(import.meta.dirname, 'fill-disk.ts')
    const namespace = ['--mount', '--propagation', 'private', '--', 'sh', '-c', script, 'sh']
    const { stdout } = await run('unshare', [...namespace, process.execPath, main])
    const told = JSON.parse(stdout)
    assert.equal(told.code, 'disk-full')
    assert.match(told.message, /^the disk of .* is full: \d+ MB are left$/)
    assert.deepEqual(told.left, { work: [], layers: [], blobs: [] })
    assert.equal(told.after, 'loaded')
  })
})

describe('pruning images', () => {
  it('keeps what a config or a container needs', async (t) => {
    const folder = await temporaryFolder(t)
    const images = await imagesIn(folder)
    const loaded = []
    for (const seed of [1, 2, 3, 4]) {
      loaded.push(...(await images.load(pieces(archiveOf(seed)), events)))
    }
    await assert.rejects(images.prune(), { code: 'not-applied' })
    const [retained, recorded, mounted, unused] = loaded
    images.port.retain([named(retained?.digest ?? '')])
    const container = join(folder, 'state/containers/covey-db-0123456789ab')
    mkdirSync(container, { recursive: true })
    const image = named(recorded?.digest ?? '')
    writeFileSync(join(container, 'record.json'), JSON.stringify({ image }))
    const links = join(folder, 'run/containers/covey-old-web-ba9876543210/layers')
    mkdirSync(links, { recursive: true })
    const tree = mounted?.record.layers[0]?.name ?? ''
    symlinkSync(join(folder, 'state/images/layers', tree), join(links, '0'))
    const users = (await images.list()).map((row) => [row.digest, row.used_by.join()] as const)
    assert.deepEqual(
      new Map(users),
      new Map([
        [retained?.digest, 'config'],
        [recorded?.digest, 'db'],
        [mounted?.digest, ''],
        [unused?.digest, ''],
      ]),
    )
    const removed = await images.prune()
    assert.deepEqual(
      new Set(removed.images.map(({ manifest }) => manifest)),
      new Set([mounted?.digest, unused?.digest]),
    )
    assert.ok(removed.bytes > 1_900_000)
    // What a container is mounted on stays, though its image has gone.
    assert.ok(readdirSync(join(folder, 'state/images/layers')).includes(tree))
    assert.equal((await images.list()).length, 2)
    rmSync(links, { recursive: true })
    rmSync(container, { recursive: true })
    images.port.retain([])
    await images.prune()
    for (const each of ['layers', 'blobs', 'images', 'info', 'work']) {
      assert.deepEqual(readdirSync(join(folder, 'state/images', each)), [], each)
    }
  })
})
