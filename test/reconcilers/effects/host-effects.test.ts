import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { hostEffects } from '../../../reconcilers/effects/host-effects.ts'
import { configOf } from '../configs.ts'
import { containerObject, imageDigest, networkObjects, sealedText } from '../runc/objects.ts'

const otherDigest = `sha256:${'d'.repeat(64)}`
const sealed = sealedText({ name: 'password' })

function section(web: object, others: object = {}): object {
  const password = { type: 'secret', jwe: sealed }
  return { ...networkObjects(), data: { type: 'volume' }, password, web, ...others }
}

/** The effect on the container `web`, as `replace, gap`. */
function effectOf(from: object, to: object, object = 'web'): string {
  const found = hostEffects(configOf({ a: from }), configOf({ a: to }), 'a').get(object)
  return found === undefined ? 'nothing said' : `${found.effect}${found.gap ? ', gap' : ''}`
}

const cases: readonly (readonly [string, object, object, string])[] = [
  ['nothing', {}, {}, 'none'],
  ['what was the default', {}, { restart: 'always', env: {} }, 'none'],
  ['another tag of one digest', {}, { image: `r.example/web:2@${imageDigest}` }, 'none'],
  ['another digest', {}, { image: `registry.example/web@${otherDigest}` }, 'replace, gap'],
  ['a variable', {}, { env: { A: '1' } }, 'replace, gap'],
  ['its memory', {}, { resources: { memory_bytes: 8_388_608 } }, 'replace, gap'],
  ['its address', {}, { address: '10.69.1.6' }, 'replace, gap'],
  ['when it starts again', {}, { restart: 'on-failure' }, 'live'],
  ['its check', {}, { health: { http: { port: 80, path: '/' } } }, 'live'],
  ['its labels', { labels: { a: 'b' } }, { labels: { a: 'c' } }, 'live'],
  ['how long it may take to stop', {}, { stop_grace_seconds: 3 }, 'live'],
]

describe('what a change does to a container that runs', () => {
  for (const [name, from, to, expected] of cases) {
    it(`is "${expected}" for ${name}`, () => {
      const [old, next] = [section(containerObject(from)), section(containerObject(to))]
      assert.equal(effectOf(old, next), expected)
    })
  }

  it('follows a secret that is sealed anew, though its own object is the same', () => {
    const web = containerObject({ secrets: [{ secret: 'password', env: 'P' }] })
    const other = { password: { type: 'secret', jwe: sealed.replace(/AAAA$/, 'BBBB') } }
    assert.equal(effectOf(section(web), section(web, other)), 'replace, gap')
    assert.equal(effectOf(section(containerObject()), section(containerObject(), other)), 'none')
  })

  it('restarts who shares its network, unless that must run once', () => {
    const { network: _network, address: _address, ...shared } = containerObject()
    const beside = { side: { ...shared, network_of: 'web' } }
    const old = section(containerObject(), beside)
    const next = section(containerObject({ env: { A: '1' } }), beside)
    assert.equal(effectOf(old, next, 'side'), 'restart, gap')
    assert.equal(
      effectOf(old, section(containerObject({ labels: { a: 'b' } }), beside), 'side'),
      'none',
    )
    const once = { side: { ...beside.side, restart: 'never' } }
    const changed = section(containerObject({ env: { A: '1' } }), once)
    assert.equal(effectOf(section(containerObject(), once), changed, 'side'), 'none')
  })

  it('is known of one that waits for others, and of names', () => {
    const other = { db: containerObject({ address: '10.69.1.7' }) }
    const after = [{ container: 'db', condition: 'started' }]
    const [old, next] = [
      section(containerObject(), other),
      section(containerObject({ after }), other),
    ]
    assert.equal(effectOf(old, next), 'live')
    const named = section(containerObject({ aliases: ['a.b'], groups: { s: ['c'] } }), other)
    assert.equal(effectOf(old, named), 'live')
  })

  it('says nothing of one that is faulty', () => {
    const faulty = containerObject({ mounts: [{ volume: 'none', path: '/x' }] })
    assert.equal(effectOf(section(containerObject()), section(faulty)), 'nothing said')
  })
})

describe('what a change does to a link', () => {
  const wg = (more: object): object => ({
    wg: { type: 'wireguard_network', link_name: 'wg0', address: '10.69.0.1/16', ...more },
  })
  it('is that it is made anew where it gets another name', () => {
    assert.equal(effectOf(wg({}), wg({ link_name: 'wg1' }), 'wg'), 'restart, gap')
  })
  it('is nothing that would be felt for its port, address, mtu or key', () => {
    const key = Buffer.alloc(32, 1).toString('base64')
    const others = [{ listen_port: 9 }, { address: '10.69.0.2/16' }, { mtu: 1300 }]
    for (const more of [...others, { public_key: key }]) {
      assert.equal(effectOf(wg({}), wg(more), 'wg'), 'nothing said', JSON.stringify(more))
    }
  })
})
