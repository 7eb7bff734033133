import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  changesBetween,
  problemsIn,
  statusText,
} from '../../operator/commands/status/status-text.ts'
import type { Status } from '../../protocol/api/status.ts'
import { at, healthy, plain, row } from './status-samples.ts'

describe('what covey status calls a problem', () => {
  const alarm = (code: string, host: string | null = null): Status['alarms'][number] => ({
    code,
    message: 'm',
    host,
  })
  const own = (state: string, changes: Partial<Status> = {}): Status => ({
    ...healthy,
    state,
    hosts: [row('cloud01', { state }), row('b')],
    ...changes,
  })
  const pending = [{ name: 'peer_x', type: 'wireguard_peer', state: 'pending', reason: null }]
  const reason = 'stopped by hand: covey start web'
  const stopped = [{ name: 'web', type: 'runc_container', state: 'converged', reason }]
  const problems: readonly (readonly [string, Status, readonly string[]])[] = [
    ['none', healthy, []],
    [
      'an alarm',
      { ...healthy, alarms: [alarm('x'), alarm('y', 'b')] },
      ['alarm x', 'alarm y of b'],
    ],
    [
      'a host behind',
      { ...healthy, hosts: [row('cloud01'), row('b', { head: at(3) })] },
      ['b behind'],
    ],
    [
      'a silent host',
      { ...healthy, hosts: [row('cloud01'), row('b', { age_seconds: 999 })] },
      ['b silent'],
    ],
    [
      'a host that applies',
      { ...healthy, hosts: [row('cloud01'), row('b', { state: 'applying' })] },
      [],
    ],
    [
      'itself, not listed',
      { ...healthy, state: 'not-listed', hosts: [row('b')] },
      ['cloud01 not-listed'],
    ],
    ['itself, unappliable', own('unappliable'), ['cloud01 unappliable']],
    ['itself, with objects', own('degraded', { objects: pending }), ['peer_x pending']],
    [
      'itself, with objects and worse',
      own('unappliable', { objects: pending }),
      ['cloud01 unappliable', 'peer_x pending'],
    ],
    ['what was stopped by hand is none', own('in-sync', { objects: stopped }), []],
    [
      'a state that has an alarm, once',
      own('floor-unknown', { alarms: [alarm('floor-unknown')] }),
      ['alarm floor-unknown'],
    ],
    ['a failed config', { ...healthy, failed: { reason: 'r' } }, ['a config failed']],
  ]
  for (const [name, status, named] of problems) {
    it(`counts and names problems: ${name}`, () => assert.deepEqual(problemsIn(status), named))
  }

  it('shows itself on a host that the config does not list', () => {
    const status: Status = { ...healthy, state: 'not-listed', hosts: [row('cloud02')], peers: [] }
    const text = statusText(status, plain)
    const [first] = text.split('\n')
    assert.equal(first, 'home: version 4 on 1/1 host, 1 problem (cloud01 not-listed)')
    assert.match(text, /^cloud01 {2}not-listed {2}4 .* 1\/1 .* this host {2}0 s$/m)
    assert.match(text, /^cloud01 not-listed: .*covey host add .*covey enrol/m)
    assert.ok(changesBetween(healthy, status, plain).some((line) => line.includes('not-listed')))
  })

  it('says what to do where there is no config yet', () => {
    const none = { ...healthy, head: null, applied: null, state: 'not-listed', hosts: [] }
    assert.match(
      statusText(none, plain),
      /^cloud01 not-listed: it holds no config yet: covey apply/m,
    )
  })

  for (const state of [
    'applying',
    'trial',
    'degraded',
    'unappliable',
    'not-listed',
    'held',
    'floor-unknown',
    'unknown',
  ]) {
    it(`explains ${state} in one line`, () => {
      const status: Status = { ...healthy, hosts: [row('cloud01'), row('b', { state })] }
      const lines = statusText(status, plain).split('\n')
      const said = lines.filter((line) => line.startsWith(`b ${state}: `))
      assert.equal(said.length, 1)
      assert.ok(!said[0]?.includes('does not know'))
    })
  }

  it('is shown with its reason where it is stopped by hand', () => {
    const text = statusText(own('in-sync', { objects: stopped }), plain)
    assert.match(text, /no problems/)
    assert.match(text, /web +runc_container +converged +stopped by hand: covey start web\n/)
  })
})
