import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { grantedFolder } from '../attack/granted-folder.ts'

describe('a container that writes in a granted folder', () => {
  it('gets nothing of its host by links there in 20 s', { timeout: 300_000 }, async () => {
    const { held, seen } = await grantedFolder.run()
    assert.ok(held, seen)
  })
})
