import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { gzipSync } from 'node:zlib'
import { plainEntry } from '../../../machine/images/layers/layer-transform.ts'
import { withMappedIds } from '../../../machine/images/layers/map-ids.ts'
import { mappedIdBase } from '../../../reconcilers/images/mapped-ids.ts'
import { temporaryFolder } from '../../temporary.ts'
import { digestOf, type MadeLayer } from './archive-of.ts'
import { memoryRegistry, putImage } from './memory-registry.ts'
import { type EntryOf, folder, tarOf } from './rich-image.ts'
import { imagesIn } from './store-of.ts'
import { differences, type Listed, listTree } from './tree-listing.ts'

const base = mappedIdBase
const bytes = (hex: string): string => {
  return Buffer.from(hex.replaceAll(' ', ''), 'hex').toString('latin1')
}

function mappedAttribute(name: string, hex: string): string {
  const entry = { ...plainEntry, kind: 'file', path: 'f', xattrs: new Map([[name, bytes(hex)]]) }
  const value = withMappedIds(entry as typeof plainEntry).xattrs.get(name) ?? ''
  return Buffer.from(value, 'latin1').toString('hex')
}

describe('owners for user namespaces', () => {
  it('are those of the image, from the base on', () => {
    const entry = { ...plainEntry, path: 'f', uid: 0, gid: 65535 }
    const { uid, gid } = withMappedIds(entry)
    assert.deepEqual([uid, gid], [1996488704, 1996488704 + 65535])
  })

  it('end where the range ends', () => {
    for (const owner of [{ uid: 65536 }, { gid: 4294967294 }]) {
      const message = `a user namespace has the ids 0 to 65535, but a/f belongs to ${Object.values(owner)[0]}`
      assert.throws(() => withMappedIds({ ...plainEntry, path: 'a/f', ...owner }), {
        ...{ code: 'layer-refused', message },
      })
    }
  })

  /**
   * Capabilities of a file, as the kernel keeps them (linux/capability.h), and as they are to be.
   */
  const capabilities: readonly (readonly [string, string, string])[] = [
    [
      'version 2, effective: net_bind_service, and setfcap above the first 32 none',
      '01000002 00040000 00000000 00000000 00000000',
      '01000003 00040000 00000000 00000000 00000000 00000077',
    ],
    [
      'version 2, both words and both sets',
      '00000002 01020304 05060708 090a0b0c 0d0e0f10',
      '00000003 01020304 05060708 090a0b0c 0d0e0f10 00000077',
    ],
    [
      'version 1: one word of each set',
      '01000001 00040000 00200000',
      '01000003 00040000 00200000 00000000 00000000 00000077',
    ],
    [
      'version 3, of a namespace in the image',
      '01000003 00040000 00000000 00000000 00000000 e8030000',
      '01000003 00040000 00000000 00000000 00000000 e8030077',
    ],
  ]
  for (const [what, before, after] of capabilities) {
    it(`hold for capabilities of files: ${what}`, () => {
      const found = mappedAttribute('security.capability', before)
      assert.equal(found, after.replaceAll(' ', ''))
    })
  }

  it('hold for those whom an access control list names, and for them alone', () => {
    const list = '02000000 0100 0700 ffffffff 0200 0500 e8030000 0400 0500 ffffffff'
    const rest = '0800 0500 05000000 1000 0500 ffffffff 2000 0000 ffffffff'
    const found = mappedAttribute('system.posix_acl_access', `${list} ${rest}`)
    const after = `${list} ${rest}`.replace('e8030000', 'e8030077').replace('05000000', '05000077')
    assert.equal(found, after.replaceAll(' ', ''))
  })
})

function layer(...entries: readonly EntryOf[]): MadeLayer {
  const tar = tarOf(folder('./', { uid: 3, gid: 4 }), ...entries)
  return { packed: gzipSync(tar), diffId: digestOf(tar) }
}

const capability = bytes('01000002 00040000 00000000 00000000 00000000')
const long = 'n'.repeat(200)

const lower = layer(
  folder('bin'),
  { path: 'bin/tool', content: 'tool', mode: 0o4755, uid: 1, gid: 2 },
  { path: 'bin/again', kind: 'hardlink', target: 'bin/tool' },
  { path: 'bin/serve', content: 'serve', xattrs: new Map([['security.capability', capability]]) },
  { path: 'bin/soft', kind: 'symlink', target: './tool', uid: 7 },
  { path: 'marked', content: 'm', xattrs: new Map([['user.mark', 'x']]), gid: 65535 },
  folder(long),
  { path: `${long}/${long}`, content: 'deep', mode: 0 },
  folder('hidden', { uid: 9 }),
  { path: 'hidden/old', content: 'old' },
  { path: 'gone', content: 'gone' },
  { path: 'pipe', kind: 'fifo', uid: 5 },
)
const upper = layer(
  folder('hidden', { mode: 0o701, uid: 10 }),
  { path: 'hidden/.wh..wh..opq' },
  { path: 'hidden/new', content: 'new' },
  { path: '.wh.gone' },
  { path: 'bin/once-more', kind: 'hardlink', target: 'bin/tool' },
)

/** The layers of an image, mounted as a container's are. */
async function mounted(
  t: TestContext,
  layers: readonly string[],
): Promise<ReadonlyMap<string, Listed>> {
  const mount = join(await temporaryFolder(t), 'mount')
  await mkdir(mount)
  const lowest = [...layers].reverse().join(':')
  return await listTree('mount -t overlay overlay -o "lowerdir=$1" "$2"; TREE=$2', [lowest, mount])
}

function shifted([path, listed]: readonly [string, Listed]): readonly [string, Listed] {
  const [uid, gid] = (listed['owner'] ?? '').split(':').map((id) => Number(id) + base)
  const attributes = listed['attributes']?.replace(
    '=0x0100000200040000000000000000000000000000',
    '=0x010000030004000000000000000000000000000000000077',
  )
  return [path, { ...listed, owner: `${uid}:${gid}`, ...(attributes && { attributes }) }]
}

describe('an image for user namespaces', () => {
  it('is the same image with other owners, and is made without a registry', async (t) => {
    const home = await temporaryFolder(t)
    const registry = memoryRegistry()
    const reference = `registry.example/web@${putImage(registry, [lower, upper])}`
    const ends: string[] = []
    const onChange = (reason: string): void => void ends.push(reason)
    const first = await imagesIn(home, { registries: registry, onChange })
    t.after(() => first.close())
    first.port.retain([reference])
    assert.equal((await first.port.lookMapped([reference])).get(reference)?.state, 'absent')
    first.port.pull(reference)
    while (ends.length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
    assert.equal((await first.port.lookMapped([reference])).get(reference)?.state, 'absent')
    await first.close()

    // None of the registries answers this one.
    const images = await imagesIn(home, { onChange })
    t.after(() => images.close())
    images.port.retain([reference])
    images.port.pullMapped(reference)
    while (ends.length === 1) await new Promise((resolve) => setTimeout(resolve, 5))
    const plain = (await images.port.look([reference])).get(reference)
    const mapped = (await images.port.lookMapped([reference])).get(reference)
    assert.ok(plain?.state === 'ready' && mapped?.state === 'ready', JSON.stringify(mapped))
    const expected = new Map([...(await mounted(t, plain.layers))].map(shifted))
    assert.deepEqual(differences(await mounted(t, mapped.layers), expected), [])
    assert.ok(expected.has('./bin/once-more') && !expected.has('./hidden/old'))

    // An agent that starts anew trusts what the record names, and makes nothing again.
    await images.close()
    const again = await imagesIn(home)
    t.after(() => again.close())
    assert.deepEqual((await again.port.lookMapped([reference])).get(reference), mapped)
    again.port.retain([])
    await again.prune()
    assert.deepEqual(readdirSync(join(home, 'state/images/layers')), [])
  })
})
