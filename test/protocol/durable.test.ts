import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { durableOrder, durableParts } from '../../protocol/node/durable.ts'
import { makeCluster } from './cluster.ts'

const protocolText = readFileSync(join(import.meta.dirname, '../../docs/PROTOCOL.md'), 'utf8')

describe('the order of durable parts (D2)', () => {
  it('is the one that the protocol names', () => {
    const rule = /\| D2 \|[^|]*in this order[^:]*: ([a-z, ]+)\./.exec(protocolText)
    assert.deepEqual(durableOrder, rule?.[1]?.split(', '))
  })

  it('is that of the parts of a change, whatever order they are given in', () => {
    const { root, id } = makeCluster()
    const floor = { epoch: 1, version: 1, digest: id }
    const parts = durableParts({ floor, rivals: [root, root], roots: [root] })
    assert.deepEqual(
      parts.map(({ name }) => name),
      ['roots', 'rivals', 'rivals', 'floor'],
    )
    assert.deepEqual(durableParts({}), [])
  })
})
