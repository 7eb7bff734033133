import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { checkSchema } from '../../../reconcilers/cluster/parse.ts'
import { containerSchema } from '../../../reconcilers/runc/spec.ts'
import { containerObject } from './objects.ts'

function faults(http: object, more: object = {}): readonly string[] {
  const object = containerObject({ health: { http: { port: 80, path: '/', ...http } }, ...more })
  return checkSchema(containerSchema, 'c', object).faults.map(
    ({ path, message }) => `${path?.replace('c.health.http.', '')}: ${message}`,
  )
}

const sound: readonly object[] = [
  {},
  { host: 'web.example.com' },
  { host: 'web.example.com:8443', https: true },
  { host: '192.0.2.1' },
  { host: '[2001:db8::1]:80' },
  { host: 'my_web.' },
  { headers: {} },
  { headers: { Accept: 'text/html; q=0.5', 'X-Probe': '' } },
  { headers: { Host: 'web', Authorization: 'Basic eDp5' } },
  { https: false },
]

const refused: readonly (readonly [object, string])[] = [
  [{ host: '' }, 'host: must be a name or an address, optionally followed by a port'],
  [{ host: 'a b' }, 'host: must be a name or an address, optionally followed by a port'],
  [{ host: 'a\r\nX: y' }, 'host: must be a name or an address, optionally followed by a port'],
  [{ host: 'http://a' }, 'host: must be a name or an address, optionally followed by a port'],
  [{ host: 'a:0' }, 'host: must be a name or an address, optionally followed by a port'],
  [{ headers: { 'A B': 'x' } }, 'headers.A B: is not a valid header name'],
  [{ headers: { '': 'x' } }, 'headers.: is not a valid header name'],
  [{ headers: { A: 'x\r\nB: y' } }, 'headers.A: must be printable ASCII, in one line'],
  [{ headers: { A: 'ü' } }, 'headers.A: must be printable ASCII, in one line'],
  [{ headers: { A: 'x', a: 'y' } }, 'headers.a: duplicate header'],
  [{ headers: { 'Content-Length': '5' } }, 'headers.Content-Length: is set by covey'],
  [{ headers: { connection: 'upgrade' } }, 'headers.connection: is set by covey'],
  [{ headers: { A: 'x'.repeat(4096) } }, 'headers.A: is longer than 4096 characters'],
  [{ host: 'a', headers: { HOST: 'b' } }, 'headers.HOST: is already set by host'],
  [{ tls: true }, 'tls: unknown field'],
]

describe('how a page is asked for', () => {
  for (const http of sound) {
    it(`may be ${JSON.stringify(http)}`, () => assert.deepEqual(faults(http), []))
  }
  for (const [http, fault] of refused) {
    it(`is refused: ${JSON.stringify(http).slice(0, 60)}`, () => {
      const found = faults(http)
      assert.equal(found.length, 1)
      assert.match(found[0] ?? '', /^(host|headers|tls)/)
      if (!fault.startsWith('tls')) assert.equal(found[0], fault)
    })
  }

  it('has few headers', () => {
    const names = Array.from({ length: 33 }, (_, index) => [`A${index}`, 'x'])
    assert.deepEqual(faults({ headers: Object.fromEntries(names) }), [
      'headers: has 33 headers, and at most 32 are allowed',
    ])
  })
})

describe('shared memory of a container', () => {
  it('has a size that is one', () => {
    for (const shm_bytes of [65_536, 268_435_456]) assert.deepEqual(faults({}, { shm_bytes }), [])
    for (const shm_bytes of [0, -1, 4096, 1.5, 2 ** 41, '64m']) {
      assert.equal(faults({}, { shm_bytes }).length, 1, String(shm_bytes))
    }
  })

  it('is either the runtime’s or a mount', () => {
    const clashes = [{ tmpfs: ['/dev/shm'] }, { mounts: [{ volume: 'v', path: '/dev/shm' }] }]
    for (const more of clashes) {
      assert.deepEqual(faults({}, { shm_bytes: 65_536, ...more }), [
        'c.shm_bytes: cannot be set with a mount at /dev/shm',
      ])
    }
  })
})
