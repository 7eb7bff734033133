import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { objectName } from '../../../operator/layout/services/object-names.ts'
import { isName } from '../../../protocol/names.ts'
import { clusterOf, compiled, faultTexts } from './world.ts'

describe('names of objects', () => {
  const cases: readonly (readonly [stack: string, part: string, name: string])[] = [
    ['shop', 'web', 'shop-web'],
    ['', 'web', 'web'],
    ['my_shop', 'Web.API', 'my-shop-web-api'],
    ['', '2048', 's2048'],
    ['', 'web_', 'web-s'],
    ['', '_', 's-s'],
  ]
  for (const [stack, part, name] of cases) {
    it(`make ${name} of ${stack}/${part}`, () => assert.equal(objectName(stack, part), name))
  }

  it('are cut at 40 characters and told apart', () => {
    const long = 'a'.repeat(60)
    assert.match(objectName('shop', long), /^shop-a{26}-[0-9a-f]{8}$/)
    assert.notEqual(objectName('shop', long), objectName('shop', `${long}b`))
    assert.notEqual(objectName('shop', long, '_v'), objectName('shop', long))
    for (const end of ['', '_v', '_80t', '_2_p'] as const) {
      assert.ok(isName(objectName('shop', long, end)))
    }
    assert.equal(objectName('', 'a'.repeat(40)).length, 40)
    assert.equal(objectName('', 'a'.repeat(40)), 'a'.repeat(40))
  })

  it('of two things are a fault that names both', async () => {
    const result = await compiled(
      clusterOf(['pi'], {
        a: 'services:\n  b-c: { image: a }\n  b_c: { image: a }\n',
        'a-b': 'services:\n  c: { image: a }\n',
      }),
    )
    assert.deepEqual(faultTexts(result), [
      'a.yaml:3:3: the service a/b_c and the service a/b-c (a.yaml:2:3) are both named a-b-c: rename one of them',
      'a-b.yaml:2:3: the service a-b/c and the service a/b-c (a.yaml:2:3) are both named a-b-c: rename one of them',
    ])
  })

  it("are not covey's own, nor those of objects of the layout", async () => {
    const layout =
      'cluster: home\nhosts: { pi: { objects: { db: { type: volume } } } }\n' +
      'services:\n  agent: { image: a }\n  db: { image: a }\n'
    const faults = faultTexts(await compiled({ 'cluster.yaml': layout }))
    const named = faults.filter((fault) => fault.includes('both named'))
    assert.deepEqual(named, [
      "cluster.yaml:4:3: the service agent and covey's own are both named agent: " +
        'rename one of them',
      'cluster.yaml:5:3: the service db and hosts.pi.objects.db are both named db: rename one of them',
    ])
  })
})
