import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { RegistryError } from '../../../../machine/images/registry/transport/errors.ts'
import { createAccess } from '../../../../machine/images/registry/trust/access.ts'
import { readEndpoints } from '../../../../machine/images/registry/trust/endpoints.ts'
import type { RegistrySettings } from '../../../../machine/images/registry/trust/settings.ts'
import { CoveyError } from '../../../../protocol/fault.ts'

type Settings = Readonly<Record<string, RegistrySettings>>

function accessOf(registry: string, settings: Settings = {}) {
  const endpoints = readEndpoints(settings)
  const endpoint = endpoints.sourcesOf(registry).at(-1)
  assert.ok(endpoint !== undefined)
  return createAccess(endpoint, endpoints)
}

function isRefused(run: () => unknown): boolean {
  try {
    run()
    return false
  } catch (error) {
    if (error instanceof RegistryError) return true
    throw error
  }
}

const inner = ['127.0.0.1', '10.0.0.1', '169.254.169.254', 'fd00::1', '192.0.2.1', 'nonsense']

describe('where a registry may lead', () => {
  it('is outwards, for one that agent.json does not name, wherever it is itself', () => {
    const access = accessOf('registry.example')
    const own = new URL('https://registry.example/v2/')
    assert.deepEqual(access.admit(own, ['10.0.0.1']), ['10.0.0.1'])
    const other = new URL('https://storage.example/')
    for (const address of inner)
      assert.ok(
        isRefused(() => access.admit(other, [address])),
        address,
      )
    assert.ok(isRefused(() => access.admit(other, [])))
    assert.deepEqual(access.admit(other, ['10.0.0.1', '1.1.1.1']), ['1.1.1.1'])
  })

  it('is to its own class of addresses, for one that agent.json names', () => {
    const access = accessOf('registry.lan', { 'registry.lan': {} })
    const other = new URL('https://storage.lan/')
    assert.ok(isRefused(() => access.admit(other, ['10.0.0.2'])))
    access.admit(new URL('https://registry.lan/v2/'), ['10.0.0.1'])
    assert.deepEqual(access.admit(other, ['10.0.0.2']), ['10.0.0.2'])
    assert.ok(isRefused(() => access.admit(other, ['127.0.0.1'])))
    assert.ok(isRefused(() => access.admit(other, ['169.254.169.254'])))
  })

  it('is its own name on its own port only, and what agent.json names', () => {
    const settings = { 'storage.lan:9000': {}, 'a.example': { realm_hosts: ['auth.lan'] } }
    const access = accessOf('a.example', settings)
    const may = (url: string): boolean => !isRefused(() => access.admit(new URL(url), ['10.0.0.1']))
    assert.ok(may('https://storage.lan:9000/'))
    assert.ok(may('https://auth.lan/'))
    assert.ok(!may('https://storage.lan/'))
    assert.ok(!may('https://auth.lan:8443/'))
    assert.ok(!may('https://a.example:8443/'))
    assert.ok(may('https://a.example/'))
    // Now it is known at which class of addresses it lies itself.
    assert.ok(may('https://a.example:8443/'))
  })

  it('is never from https to http, and for tokens to http only where it is insecure', () => {
    const [secure, plain] = [new URL('https://a.example/'), new URL('http://a.example/')]
    const access = accessOf('a.example')
    assert.ok(isRefused(() => access.checkUrl(secure, plain, 'redirect')))
    assert.ok(!isRefused(() => access.checkUrl(plain, plain, 'redirect')))
    assert.ok(isRefused(() => access.checkUrl(plain, plain, 'realm')))
    const insecure = accessOf('a.example', { 'a.example': { insecure: true } })
    assert.ok(!isRefused(() => insecure.checkUrl(plain, plain, 'realm')))
    assert.ok(isRefused(() => insecure.checkUrl(secure, plain, 'redirect')))
    assert.ok(isRefused(() => insecure.checkUrl(secure, plain, 'realm')))
  })

  it('is not to localhost by name, which a proxy would take for itself', () => {
    const access = accessOf('a.example')
    const [from, to] = [new URL('https://a.example/'), new URL('https://x.localhost/')]
    assert.ok(isRefused(() => access.checkUrl(from, to, 'redirect')))
  })

  const realms: readonly (readonly [registry: string, realm: string, may: boolean])[] = [
    ['a.example', 'https://a.example/token', true],
    ['a.example', 'https://a.example:443/token', true],
    ['a.example:5000', 'https://a.example:5000/token', true],
    ['a.example:5000', 'https://a.example:5001/token', false],
    ['a.example:5000', 'https://a.example/token', false],
    ['a.example', 'https://a.example:8443/token', false],
    ['a.example', 'http://a.example/token', false],
    ['a.example:5000', 'http://a.example:5000/token', false],
    ['a.example:80', 'http://a.example/token', false],
    ['x.registry.example', 'https://registry.example/jwt', false],
    ['registry.gitlab.example', 'https://gitlab.example/jwt/auth', false],
    ['a.example', 'https://auth.a.example/', false],
    ['a.example', 'https://b.example/', false],
    ['a.example', 'https://xa.example/', false],
    ['a.example', 'https://example/', false],
    ['a.example', 'https://a.example./token', false],
    ['docker.io', 'https://auth.docker.io/token', true],
    ['docker.io', 'https://auth.docker.io:8443/token', false],
    ['docker.io', 'http://auth.docker.io/token', false],
    ['docker.io', 'https://auth.docker.io.evil.example/token', false],
    ['a.example', 'https://auth.docker.io/token', false],
    ['registry.gitlab.com', 'https://gitlab.com/jwt/auth', true],
    ['a.example', 'https://gitlab.com/jwt/auth', false],
    ['x.azurecr.io', 'https://x.azurecr.io/oauth2/token', true],
    ['x.azurecr.io', 'https://azurecr.io/oauth2/token', false],
    ['[fd00::1]:5000', 'https://[fd00::1]:5000/token', true],
  ]
  for (const [registry, realm, may] of realms) {
    it(`${realm} ${may ? 'may' : 'must not'} be told the password for ${registry}`, () => {
      const asked = new URL(`https://${registry}/v2/`)
      assert.equal(accessOf(registry).mayHoldCredentials(asked, new URL(realm)), may)
    })
  }

  it('takes the password over http only where the registry itself speaks it', () => {
    const name = 'a.example:5000'
    const access = accessOf(name, { [name]: { insecure: true, realm_hosts: ['b.example:81'] } })
    const may = (asked: string, realm: string): boolean =>
      access.mayHoldCredentials(new URL(asked), new URL(realm))
    assert.ok(may('http://a.example:5000/v2/', 'http://a.example:5000/token'))
    assert.ok(may('http://a.example:5000/v2/', 'http://b.example:81/token'))
    assert.ok(!may('http://a.example:5000/v2/', 'http://a.example:5001/token'))
    assert.ok(!may('https://a.example:5000/v2/', 'http://a.example:5000/token'))
    assert.ok(!may('https://a.example:5000/v2/', 'http://b.example:81/token'))
    assert.ok(may('https://a.example:5000/v2/', 'https://b.example:81/token'))
    assert.ok(!may('https://a.example:5000/v2/', 'https://b.example/token'))
  })

  it('is unproven only where agent.json says so', () => {
    const access = accessOf('a.example:5000', {
      'a.example:5000': { insecure: true },
      'b.example': { insecure: true },
    })
    const isInsecure = (url: string): boolean => access.isInsecure(new URL(url))
    assert.ok(isInsecure('https://a.example:5000/'))
    assert.ok(isInsecure('https://a.example:5001/'))
    assert.ok(isInsecure('https://b.example/'))
    assert.ok(!isInsecure('https://c.example/'))
    assert.ok(!accessOf('c.example').isInsecure(new URL('https://c.example/')))
  })
})

describe('registries of agent.json', () => {
  const bad: readonly (readonly [Settings, RegExp])[] = [
    [{ 'https://a.example': {} }, /registries.https:\/\/a.example: .* does not name a registry/],
    [{ 'a.example': {}, 'A.example:443': {} }, /listed twice: both keys mean a.example/],
    [{ 'a.example': { username: 'x' } }, /given together/],
    [{ 'a.example': { password_file: '/x' } }, /given together/],
    [
      { 'a.example': { username: 'a:b', password_file: '/x' } },
      /a.example.username: must contain no/,
    ],
    [{ 'a.example': { username: 'a', password_file: 'x' } }, /password_file: must be an absolute/],
    [{ 'a.example': { ca_file: 'x' } }, /ca_file: must be an absolute/],
    [{ 'a.example': { mirror_of: 'a.example' } }, /cannot mirror itself/],
    [{ 'a.example': { mirror_of: '/' } }, /mirror_of: .* does not name a registry/],
    [{ 'a.example': { realm_hosts: [''] } }, /realm_hosts: .* does not name a registry/],
  ]
  for (const [settings, message] of bad) {
    it(`${JSON.stringify(settings)} is refused`, () => {
      assert.throws(
        () => readEndpoints(settings),
        (error) =>
          error instanceof CoveyError && error.code === 'settings' && message.test(error.message),
      )
    })
  }

  it('give mirrors first, in their order', () => {
    const endpoints = readEndpoints({
      'm1.example': { mirror_of: 'docker.io' },
      'm2.example': { mirror_of: 'index.docker.io' },
      'm3.example': { mirror_of: 'a.example' },
    })
    const names = endpoints.sourcesOf('docker.io').map(({ name }) => name)
    assert.deepEqual(names, ['m1.example', 'm2.example', 'docker.io'])
    assert.equal(endpoints.sourcesOf('docker.io').at(-1)?.authority, 'registry-1.docker.io')
  })
})
