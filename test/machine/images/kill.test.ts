import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { temporaryFolder } from '../../temporary.ts'
import { stateOf } from './settled.ts'
import { imagesIn } from './store-of.ts'
import { listTree } from './tree-listing.ts'

const main = join(import.meta.dirname, 'load-for-ever.ts')

/** Kills it once it has told of `count` images and written for `moreMs` after that. */
function killAfter(child: ChildProcess, count: number, moreMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let told = 0
    child.on('error', reject)
    child.on('exit', (code) => (code === null ? resolve() : reject(new Error(`it ended: ${code}`))))
    child.stdout?.on('data', (chunk: Buffer) => {
      told += chunk.toString().split('\n').length - 1
      if (told >= count) setTimeout(() => child.kill('SIGKILL'), moreMs)
    })
  })
}

describe('a killed agent', () => {
  it('leaves only images that are whole', async (t) => {
    const folder = await temporaryFolder(t)
    const store = join(folder, 'state/images')
    for (let round = 0; round < 5; round++) {
      const stdio = ['ignore', 'pipe', 'inherit'] as const
      const child = spawn(process.execPath, [main, folder], { stdio: [...stdio] })
      await killAfter(child, 1 + (round % 3), round * 17)
      const images = await imagesIn(folder)
      for (const { digest } of await images.list()) {
        const state = await stateOf(images, `any.example/name@${digest}`)
        assert.ok(state.state === 'ready', JSON.stringify(state))
        assert.equal(state.layers.length, 2)
        const listed = await listTree('TREE=$1', [state.layers[0] ?? ''])
        assert.equal(listed.size, 202)
      }
      const named = (await images.list()).flatMap(({ layers }) => layers).length * 2
      assert.equal(readdirSync(join(store, 'layers')).length, named)
      images.port.retain([])
      await images.prune()
      assert.deepEqual(readdirSync(join(store, 'layers')), [])
      assert.deepEqual(readdirSync(join(store, 'blobs')), [])
      await images.close()
    }
  })
})
