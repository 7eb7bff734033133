import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createReadStream } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { promisify } from 'node:util'
import { buildLayout } from '../../registry/image.ts'
import { temporaryFolder } from '../../temporary.ts'
import { writeRichLayers } from './rich-image.ts'
import { imagesIn } from './store-of.ts'
import { differences, type Listed, listTree } from './tree-listing.ts'

const run = promisify(execFile)

interface Built {
  readonly layout: string
  readonly reference: string
}

async function buildRich(work: string, unusual: boolean): Promise<Built> {
  const layers = await writeRichLayers(work, { unusual })
  const layout = join(work, 'layout')
  const digest = await buildLayout(layout, { layers })
  return { layout, reference: `test.example/rich@${digest}` }
}

/** Our layers, mounted as a container's are. */
async function ours(
  t: TestContext,
  { layout, reference }: Built,
): Promise<ReadonlyMap<string, Listed>> {
  const folder = await temporaryFolder(t)
  const images = await imagesIn(folder)
  const archive = join(folder, 'archive.tar')
  await run('tar', ['-C', layout, '-cf', archive, '.'])
  const signal = new AbortController().signal
  await images.load(createReadStream(archive), { signal, onImage() {} })
  const state = (await images.port.look([reference])).get(reference)
  assert.equal(state?.state, 'ready', JSON.stringify(state))
  const layers = state.state === 'ready' ? state.layers : []
  const mount = join(folder, 'mount')
  await mkdir(mount)
  const lower = [...layers].reverse().join(':')
  return await listTree('mount -t overlay overlay -o "lowerdir=$1" "$2"; TREE=$2', [lower, mount])
}

describe('an image of everything', () => {
  it('is unpacked as umoci does it', async (t) => {
    const work = await temporaryFolder(t)
    const built = await buildRich(work, true)
    await run('umoci', ['unpack', '--image', `${built.layout}:latest`, join(work, 'bundle')])
    const theirs = await listTree('TREE=$1', [join(work, 'bundle/rootfs')])
    assert.deepEqual(differences(await ours(t, built), theirs), [])
  })

  it('is unpacked as podman does it', async (t) => {
    const work = await temporaryFolder(t)
    const built = await buildRich(work, false)
    const script = `p="podman --root $1/root --runroot $1/run --storage-driver overlay"
      tar -C "$2" -cf "$1/archive.tar" .
      id=$($p load -q -i "$1/archive.tar" 2>"$1/said" || cat "$1/said" >&2)
      TREE=$($p image mount "$(echo "$id" | sed "s,.*: *,,")")`
    const theirs = await listTree(script, [work, built.layout])
    const mine = new Map(await ours(t, built))
    // The root of a mounted image is podman's own, not the image's.
    mine.delete('.')
    const rest = new Map([...theirs].filter(([path]) => path !== '.'))
    assert.deepEqual(differences(mine, rest), [])
  })

  it('would be seen to differ', async (t) => {
    const work = await temporaryFolder(t)
    const make = `mkdir "$1/$2"; cd "$1/$2"; echo a > a; ln a b; ln -s a c; mkdir d
      setfattr -n user.x -v 1 a; touch -d @1 a c d; TREE=.`
    const change =
      'rm b; cp a b; chmod 600 a; touch -h -d @2 c; chown 1 d; setfattr -x user.x a; echo > e'
    const before = await listTree(make, [work, 'before'])
    const after = await listTree(`${make}; ${change}; touch -h -d @1 a b`, [work, 'after'])
    const found = differences(before, after).map((line) => line.split(': ').slice(0, 2).join(' '))
    const expected = [
      './a attributes',
      './a mode',
      './b sameFileAs',
      './c time',
      './d owner',
      './e only in theirs',
    ]
    for (const each of expected) assert.ok(found.includes(each), `${each} in ${found.join(', ')}`)
  })
})
