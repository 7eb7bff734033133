import assert from 'node:assert/strict'
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import { CoveyError } from '../../../protocol/fault.ts'
import { parseReference } from '../../../reconcilers/images/reference.ts'
import { temporaryFolder } from '../../temporary.ts'
import { digestOf, type MadeLayer } from './archive-of.ts'
import { type MemoryRegistry, memoryRegistry, putImage } from './memory-registry.ts'
import { type EntryOf, folder as folderEntry, tarOf } from './rich-image.ts'
import { settled, stateOf } from './settled.ts'
import { imagesIn } from './store-of.ts'

function layer(...entries: readonly EntryOf[]): MadeLayer {
  const tar = tarOf(folderEntry('./'), ...entries)
  return { packed: gzipSync(tar), diffId: digestOf(tar) }
}

const base = layer(
  folderEntry('etc'),
  { path: 'etc/passwd', content: 'root:x:0:0::/root:/bin/sh\n' },
  { path: 'etc/group', kind: 'symlink', target: '../data/group' },
  {
    path: 'noise',
    content: Buffer.from(Array.from({ length: 300_000 }, (_, at) => (at * 7919) % 251)),
  },
)
const upper = layer(folderEntry('data'), { path: 'data/group', content: 'root:x:0:\n' })
const other = layer({ path: 'other', content: 'other' })

const named = (digest: string): string => `registry.example/team/web@${digest}`

function parsed(text: string): Parameters<Awaited<ReturnType<typeof imagesIn>>['pull']>[0] {
  const reference = parseReference(text)
  assert.ok(reference.ok)
  return reference.value
}

/** Lets nothing through until it is opened. */
function closedGate(registry: MemoryRegistry): () => void {
  let open = (): void => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  registry.gate = () => opened
  return () => open()
}

describe('pulling images', () => {
  it('makes an image whole, with what its config and its files say', async (t) => {
    const registries = memoryRegistry()
    const config = { Entrypoint: ['/e'], Cmd: ['c'], Env: ['A=1'], User: 'app', WorkingDir: '/w' }
    const reference = named(putImage(registries, [base, upper], config))
    const changes: string[] = []
    const images = await imagesIn(await temporaryFolder(t), {
      registries,
      onChange: (reason) => changes.push(reason),
    })
    assert.deepEqual(await stateOf(images, reference), { state: 'absent' })
    images.port.pull(reference)
    const state = await settled(images, reference)
    assert.ok(state.state === 'ready', JSON.stringify(state))
    assert.equal(state.layers.length, 2)
    assert.deepEqual(state.config.entrypoint, ['/e'])
    assert.equal(state.config.user, 'app')
    assert.equal(state.passwd, 'root:x:0:0::/root:/bin/sh\n')
    assert.equal(state.group, 'root:x:0:\n')
    assert.equal(changes.length, 1)
  })

  it('fetches a layer that several images want once, also at the same time', async (t) => {
    const registries = memoryRegistry()
    const references = [[base, upper], [base, other], [base]].map((layers) => {
      return named(putImage(registries, layers))
    })
    const images = await imagesIn(await temporaryFolder(t), { registries })
    for (const each of references) images.port.pull(each)
    for (const each of references) assert.equal((await settled(images, each)).state, 'ready')
    const fetched = registries.asked.filter((digest) => digest === digestOf(base.packed))
    assert.equal(fetched.length, 1)
  })

  it('gives a layer corrected after the layers below it to no other image', async (t) => {
    const registries = memoryRegistry()
    const tar = tarOf({ path: 'dir/file', content: 'x' })
    const implying = { packed: gzipSync(tar), diffId: digestOf(tar) }
    const owned = (uid: number): MadeLayer => layer(folderEntry('dir', { uid }))
    const folder = await temporaryFolder(t)
    const images = await imagesIn(folder, { registries })
    for (const uid of [11, 22]) {
      const reference = named(putImage(registries, [owned(uid), implying]))
      images.port.pull(reference)
      const state = await settled(images, reference)
      assert.ok(state.state === 'ready')
      assert.equal(statSync(join(state.layers[1] ?? '', 'dir')).uid, uid)
    }
  })

  it('tells how far it is', async (t) => {
    const registries = memoryRegistry()
    const reference = named(putImage(registries, [base, upper]))
    const open = closedGate(registries)
    const images = await imagesIn(await temporaryFolder(t), { registries })
    images.port.pull(reference)
    registries.gate = async () => {
      if (registries.asked.length > 2) await new Promise((resolve) => setTimeout(resolve, 5))
    }
    open()
    const seen = new Set<string>()
    for (;;) {
      const state = await stateOf(images, reference)
      if (state.state === 'ready') break
      assert.ok(state.state === 'pulling', JSON.stringify(state))
      seen.add(state.progress)
    }
    const known = /^(asking for its manifest|layer [12] of 2, [\d.]+ of [\d.]+ MB)$/
    for (const text of seen) assert.match(text, known)
  })

  it('ends when nobody wants it any more, and goes on while somebody does', async (t) => {
    const registries = memoryRegistry()
    const reference = named(putImage(registries, [base]))
    const images = await imagesIn(await temporaryFolder(t), { registries })
    const open = closedGate(registries)
    const [first, second] = [new AbortController(), new AbortController()]
    const pulls = [first, second].map(({ signal }) => images.pull(parsed(reference), signal))
    const outcomes = Promise.allSettled(pulls)
    first.abort(new Error('gone'))
    await assert.rejects(pulls[0] ?? Promise.resolve(), /gone/)
    assert.notEqual(images.progress(parsed(reference)), null)
    images.port.retain([reference])
    images.port.pull(reference)
    second.abort(new Error('gone'))
    await outcomes
    assert.notEqual(images.progress(parsed(reference)), null)
    images.port.retain([])
    open()
    const last = images.pull(parsed(reference), new AbortController().signal)
    assert.ok((await last).layers.length === 1)
    await images.close()
  })

  it('waits longer after each failure, up to a bound, and says when it tries again', async (t) => {
    const registries = memoryRegistry()
    const reference = named(putImage(registries, [other]))
    registries.failure = new CoveyError('registry-unreachable', 'the registry is down', {
      hint: 'start it',
    })
    let now = 1_000_000
    const init = { registries, now: () => now, random: () => 0 }
    const images = await imagesIn(await temporaryFolder(t), init)
    const waits: number[] = []
    for (let count = 0; count < 10; count++) {
      images.port.pull(reference)
      const state = await settled(images, reference)
      assert.ok(state.state === 'failed')
      assert.equal(state.reason, 'the registry is down; start it')
      waits.push(state.retryAtMs - now)
      const asked = registries.asked.length
      images.port.pull(reference)
      assert.equal(registries.asked.length, asked, 'it was tried too early')
      now = state.retryAtMs
    }
    assert.deepEqual(waits.slice(0, 4), [5_000, 10_000, 20_000, 40_000])
    assert.deepEqual(waits.slice(-2), [600_000, 600_000])
    images.port.pull(reference)
    await settled(images, reference)
    registries.failure = null
    // Somebody asks for it: that ends the wait.
    images.hurry(reference)
    images.port.pull(reference)
    const again = await stateOf(images, reference)
    assert.ok(again.state === 'pulling' && again.failure === 'the registry is down; start it')
    for (;;) if ((await stateOf(images, reference)).state === 'ready') break
  })

  it('says which layer is faulty, and keeps the others for the next attempt', async (t) => {
    const registries = memoryRegistry()
    const bad = { ...upper, diffId: digestOf(Buffer.from('x')) }
    const reference = named(putImage(registries, [base, bad]))
    const folder = await temporaryFolder(t)
    const images = await imagesIn(folder, { registries })
    images.port.pull(reference)
    const state = await settled(images, reference)
    assert.ok(state.state === 'failed')
    assert.match(
      state.reason,
      /^layer 2 of 2: the layer unpacks to sha256:.*build and push it again/,
    )
    await images.close()
  })
})

describe('the store of images', () => {
  it('knows what is whole after a restart, and nothing else', async (t) => {
    const registries = memoryRegistry()
    const reference = named(putImage(registries, [base, upper]))
    const folder = await temporaryFolder(t)
    const first = await imagesIn(folder, { registries })
    first.port.pull(reference)
    await settled(first, reference)
    await first.close()
    const store = join(folder, 'state/images')
    const half = 'f'.repeat(64)
    await mkdir(join(store, 'layers', half, 'etc'), { recursive: true })
    await mkdir(join(store, 'work/w-left/tree'), { recursive: true })
    writeFileSync(join(store, `images/${half}.json`), '{"manifest":')
    writeFileSync(join(store, `info/${half}.json`), '{}')
    const warnings: string[] = []
    const log = {
      debug() {},
      info() {},
      error() {},
      warn: (_: object, text: string) => warnings.push(text),
    }
    const second = await imagesIn(folder, { log })
    assert.equal((await stateOf(second, reference)).state, 'ready')
    assert.equal(readdirSync(join(store, 'layers')).includes(half), false)
    assert.equal(readdirSync(join(store, 'images')).length, 1)
    assert.match(warnings.join('\n'), /images\/f+\.json is damaged/)
    await second.close()
  })

  it('mends what somebody deleted without asking a registry', async (t) => {
    const registries = memoryRegistry()
    const reference = named(putImage(registries, [base, upper]))
    const folder = await temporaryFolder(t)
    const images = await imagesIn(folder, { registries })
    images.port.pull(reference)
    const state = await settled(images, reference)
    assert.ok(state.state === 'ready')
    rmSync(state.layers[0] ?? '', { recursive: true })
    assert.equal((await stateOf(images, reference)).state, 'absent')
    const asked = registries.asked.length
    images.port.pull(reference)
    assert.equal((await settled(images, reference)).state, 'ready')
    assert.deepEqual(registries.asked.slice(asked), [], 'a blob was fetched again')
    await images.close()
  })

  it('fetches anew what is damaged on the disk', async (t) => {
    const registries = memoryRegistry()
    const reference = named(putImage(registries, [base]))
    const folder = await temporaryFolder(t)
    const images = await imagesIn(folder, { registries })
    images.port.pull(reference)
    const state = await settled(images, reference)
    assert.ok(state.state === 'ready')
    rmSync(state.layers[0] ?? '', { recursive: true })
    const path = join(folder, 'state/images/blobs', digestOf(base.packed).slice(7))
    const bytes = readFileSync(path)
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1
    writeFileSync(path, bytes)
    images.port.pull(reference)
    assert.equal((await settled(images, reference)).state, 'ready')
    assert.deepEqual(readFileSync(path), base.packed)
    await images.close()
  })

  it('takes an account file whose links lead nowhere as none', async (t) => {
    const registries = memoryRegistry()
    const circle = layer(
      folderEntry('etc'),
      { path: 'etc/passwd', kind: 'symlink', target: '/etc/../../etc/passwd' },
      { path: 'etc/group', kind: 'symlink', target: 'n'.repeat(300) },
    )
    const reference = named(putImage(registries, [circle]))
    const images = await imagesIn(await temporaryFolder(t), { registries })
    images.port.pull(reference)
    const state = await settled(images, reference)
    assert.ok(state.state === 'ready')
    assert.deepEqual([state.passwd, state.group], [null, null])
    await images.close()
  })

  it('looks at others where one cannot be read', async (t) => {
    const registries = memoryRegistry()
    const both = [base, other].map((each) => named(putImage(registries, [each])))
    const [faulty = '', sound = ''] = both
    const folder = await temporaryFolder(t)
    const images = await imagesIn(folder, { registries })
    const { config } = await images.pull(parsed(faulty), new AbortController().signal)
    await images.pull(parsed(sound), new AbortController().signal)
    const path = join(folder, 'state/images/blobs', config.slice(7))
    rmSync(path)
    await mkdir(path)
    const found = await images.port.look(both)
    assert.deepEqual([found.get(faulty)?.state, found.get(sound)?.state], ['failed', 'ready'])
    await images.close()
  })
})
