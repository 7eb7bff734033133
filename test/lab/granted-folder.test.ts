import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { raceForFolder } from '../attack/granted-folder.ts'
import { sizeOf } from '../sizes.ts'

const seconds = sizeOf('COVEY_RACE_SECONDS', 6, 60)
const timeout = 300_000

describe('a container that writes in a granted folder', () => {
  it(`gets nothing of its host by links there in ${seconds} s`, { timeout }, async () => {
    const { held, seen } = await raceForFolder(seconds)
    assert.ok(held, seen)
  })
})
