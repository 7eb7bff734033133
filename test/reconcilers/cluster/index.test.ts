import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as z from 'zod'
import { clusterOf } from '../../../reconcilers/cluster/index.ts'
import { configOf, ideaExample } from '../configs.ts'

describe('the index of a config', () => {
  it('is made once for a config, each part when it is first asked for', () => {
    const config = structuredClone(ideaExample)
    const cluster = clusterOf(config)
    assert.equal(clusterOf(config), cluster)
    assert.notEqual(clusterOf(structuredClone(config)), cluster)
    for (const part of [
      ...(['listed', 'ranges', 'networks', 'clashes', 'places'] as const),
      ...(['names', 'publishes', 'invitations', 'connected'] as const),
    ]) {
      assert.equal(cluster[part], cluster[part], part)
    }
  })

  it('parses an object of a host once, however many ask for it', () => {
    let parsed = 0
    const schema = z.object({ type: z.string() }).superRefine(() => void parsed++)
    const cluster = clusterOf(configOf({ a: { x: { type: 't' } }, b: {} }))
    const first = cluster.host('a').parse('x', schema)
    assert.deepEqual(first, { value: { type: 't' }, faults: [] })
    assert.equal(cluster.host('a').parse('x', schema), first)
    assert.equal(parsed, 1)
  })

  it('resolves the links of a host once for all reconcilers', () => {
    const cluster = clusterOf(structuredClone(ideaExample))
    const { links, judgedLinks, attachments } = cluster.host('cloud01')
    assert.equal(cluster.host('cloud01').links, links)
    assert.equal(cluster.host('cloud01').judgedLinks, judgedLinks)
    assert.equal(cluster.host('cloud01').attachments, attachments)
  })

  it('has nothing of a host that is not listed', () => {
    const { section, links } = clusterOf(configOf({})).host('toString')
    assert.deepEqual(section, {})
    assert.deepEqual(links.spec.links, [])
  })
})
