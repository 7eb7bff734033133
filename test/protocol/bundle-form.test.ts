import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseBundle } from '../../protocol/documents/bundle.ts'
import { makeCluster } from './cluster.ts'

const cluster = makeCluster()
const roots = [cluster.rootEnvelope]
const bundle = { host: 'h0', root_digest: cluster.id, roots, floor: null, config: null }
const text = JSON.stringify(bundle, null, 2)

describe('a bundle', () => {
  const odd: readonly (readonly [name: string, text: string])[] = [
    ['has a member twice', text.replace('{', '{"host":"h1",')],
    ['has a member twice further in', text.replace('"payload"', '"payload":"x","payload"')],
    ['goes on behind its end', `${text}\nhello`],
    ['is cut off', text.slice(0, -3)],
    ['is a list', '[]'],
    ['is nothing', 'null'],
    ['is deep', '['.repeat(3_000_000)],
  ]
  for (const [name, content] of odd) {
    it(`is no bundle where it ${name}`, () => {
      const parsed = parseBundle(content)
      assert.equal(parsed.ok, false)
      if (!parsed.ok) assert.equal(parsed.fault.code, 'bundle-shape')
    })
  }
})
