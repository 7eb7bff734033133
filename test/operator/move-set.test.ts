import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { moveSetOf } from '../../operator/commands/volumes/move-set.ts'
import { withPlace } from '../../operator/layout/edit-place.ts'
import type { Config } from '../../protocol/documents/config.ts'

function container(service: string, members: object): object {
  return { type: 'runc_container', labels: { 'covey.service': service }, ...members }
}

const hosts = {
  cloud01: {
    data_v: { type: 'volume' },
    more_v: { type: 'volume' },
    db: container('shop/db', { mounts: [{ volume: 'data_v', path: '/data' }] }),
    reader: container('shop/reader', {
      mounts: [
        { volume: 'data_v', path: '/seen' },
        { volume: 'more_v', path: '/more' },
      ],
    }),
    beside: container('shop/beside', { network_of: 'db' }),
    web: container('shop/web', { mounts: [{ host_path: '/etc', path: '/e', read_only: true }] }),
    writer: container('shop/writer', { mounts: [{ host_path: '/srv', path: '/srv' }] }),
    old: { type: 'runc_container', mounts: [{ volume: 'old_v', path: '/old' }] },
  },
  cloud02: {},
} as unknown as Config['hosts']

suite('what moves together', () => {
  for (const word of ['data_v', 'shop/reader', 'db', 'shop/beside']) {
    test(`for ${word}: all that share a volume or a network`, () => {
      const { from, services, volumes } = moveSetOf(hosts, word)
      assert.equal(from, 'cloud01')
      assert.deepEqual(services, ['shop/beside', 'shop/db', 'shop/reader'])
      assert.deepEqual(volumes, ['data_v', 'more_v'])
    })
  }
  const refused = [
    ['shop/web', 'no-such-volume'],
    ['shop/writer', 'move-path'],
    ['old', 'move-not-service'],
    ['nothing', 'no-such-volume'],
  ] as const
  for (const [word, code] of refused) {
    test(`refuses ${word}: ${code}`, () => assert.throws(() => moveSetOf(hosts, word), { code }))
  }

  test('refuses a volume that its host would delete', () => {
    const { cloud01 = {} } = hosts
    const deleted = { cloud01: { ...cloud01, more_v: { type: 'volume', on_remove: 'delete' } } }
    assert.throws(() => moveSetOf(deleted, 'shop/db'), { code: 'move-delete' })
  })
})

suite('another place in a layout', () => {
  const cases = [
    ['stacks:\n  shop: { file: a, host: one } # kept\n', ['two'], '{ file: a, host: two } # kept'],
    ['stacks:\n  shop: { host: one, file: a }\n', ['one', 'two'], '{ hosts: [one, two], file: a }'],
    ['stacks:\n  shop:\n    host: "one" # why\n    file: a\n', ['two'], 'host: two # why'],
    ['stacks:\n  shop:\n    hosts:\n      - one\n      - two\n    file: a\n', ['two'], 'host: two'],
  ] as const
  for (const [text, places, wanted] of cases) {
    test(JSON.stringify(text), () => {
      const edited = withPlace({ file: 'cluster.yaml', text }, ['stacks', 'shop'], places)
      assert.ok(edited.includes(wanted), edited)
      assert.match(edited, /file: a/)
    })
  }
})
