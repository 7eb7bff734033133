import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { temporaryFolder } from '../../../temporary.ts'
import { compareBatch, emptyTally } from './compare-batch.ts'
import { foundImages, refusedImages } from './found-layers.ts'
import { type RawEntry, rawTar } from './raw-tar.ts'
import { byCovey, byUmoci, countingDifferences } from './unpack-both.ts'

const file = (path: string): RawEntry => ({ type: '0', path, content: path })
const end = Buffer.alloc(1024)

describe('odd layers', () => {
  it('once found are unpacked as umoci does it', async (t) => {
    const tally = emptyTally()
    await compareBatch(await temporaryFolder(t), foundImages, tally)
    assert.deepEqual(tally.findings, [])
    assert.deepEqual([...tally.refused], [])
    assert.equal(tally.equal, foundImages.length)
  })

  for (const draw of refusedImages) {
    const image = draw('')
    it(`are refused as by umoci: ${image.name}`, async (t) => {
      const folder = await temporaryFolder(t)
      const layers = image.layers.map((layer) => rawTar(layer))
      const ours = await byCovey(join(folder, 'covey'), layers)
      assert.ok('refusal' in ours, 'it was taken')
      assert.equal(ours.refusal.code, 'layer-refused', ours.refusal.message)
      assert.ok('refusal' in (await byUmoci(join(folder, 'umoci'), layers)), 'umoci takes it')
    })
  }

  const roots: Readonly<Record<string, readonly Buffer[]>> = {
    'an opaque root': [
      rawTar([file('a/b'), file('c'), file('\xe4'), { type: '5', path: 'd' }]),
      rawTar([file('a/new'), file('d'), { type: '0', path: '.wh..wh..opq' }]),
    ],
    'a root with owner, mode and group': [
      rawTar([{ type: '5', path: './', mode: 0o2711, uid: 5, gid: 6 }, file('a/b')]),
      rawTar([file('c/d')]),
    ],
    'one block of zeros at the end': [rawTar([file('a')], Buffer.alloc(512))],
    'no end at all': [rawTar([file('a')], Buffer.alloc(0))],
    'zeros that fill no block': [rawTar([file('a')], Buffer.alloc(1024 + 100))],
    'many zeros': [rawTar([file('a')], Buffer.alloc(1024 * 50))],
    'nothing but an end': [rawTar([file('a')]), end],
  }
  for (const [name, layers] of Object.entries(roots)) {
    it(`are unpacked as umoci does it: ${name}`, async (t) => {
      const folder = await temporaryFolder(t)
      const startedSeconds = Math.floor(Date.now() / 1000)
      const ours = await byCovey(join(folder, 'covey'), layers)
      const theirs = await byUmoci(join(folder, 'umoci'), layers)
      assert.ok('tree' in ours, JSON.stringify(ours))
      assert.ok('tree' in theirs, JSON.stringify(theirs))
      assert.deepEqual(countingDifferences(ours, theirs, startedSeconds), [])
    })
  }

  it('with bytes behind their end are refused', async (t) => {
    const folder = await temporaryFolder(t)
    const layer = rawTar([file('a')], Buffer.concat([end, Buffer.from('behind'.repeat(200))]))
    const ours = await byCovey(join(folder, 'covey'), [layer])
    assert.ok('refusal' in ours)
    assert.match(ours.refusal.message, /garbage after the end/)
  })
})
