import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ContainerOrders } from '../../../reconcilers/container-orders.ts'
import { withClosedVolumes } from '../../../reconcilers/runc/orders/closed-volumes.ts'
import type { ContainerSpec } from '../../../reconcilers/runc/spec.ts'

function specOf(object: string, volume: string): ContainerSpec {
  return { object, container: { mounts: [{ volume }] } } as unknown as ContainerSpec
}

const closing = { owner: 'move', reason: 'waits for its data from cloud01' }
const specs = [specOf('db', 'data'), specOf('web', 'other')]

test('containers are held whose volume nobody may use, and no others', () => {
  const order = { kind: 'run', revision: 'r', atMs: 1 } as const
  const known = new Map<string, ContainerOrders>([['db', { order, holds: [] }]])
  const all = withClosedVolumes(known, specs, new Map([['data', closing]]))
  assert.deepEqual([...all.keys()], ['db'])
  assert.equal(all.get('db')?.order, order, 'what was asked for stays')
  assert.match(all.get('db')?.holds[0]?.reason ?? '', /^its volume data waits for its data/)
})

test('a hold that is there already says why', () => {
  const holds = [{ owner: 'backup data', reason: 'its volume is saved', atMs: 1, isDurable: false }]
  const known = new Map<string, ContainerOrders>([['db', { order: null, holds }]])
  const all = withClosedVolumes(known, specs, new Map([['data', closing]]))
  assert.deepEqual(all.get('db')?.holds, holds)
})
