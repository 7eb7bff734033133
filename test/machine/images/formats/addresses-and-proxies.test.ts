import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { classifyAddress } from '../../../../machine/images/formats/address-class.ts'
import { proxyFor } from '../../../../machine/images/formats/proxy.ts'
import { parseAddress } from '../../../../reconcilers/addresses.ts'

describe('the class of an address', () => {
  const cases: Readonly<Record<string, string>> = {
    '1.1.1.1': 'public',
    '9.255.255.255': 'public',
    '172.15.255.255': 'public',
    '172.32.0.0': 'public',
    '2606:4700::1111': 'public',
    '0.0.0.0': 'loopback',
    '127.0.0.1': 'loopback',
    '127.255.255.254': 'loopback',
    '::': 'loopback',
    '::1': 'loopback',
    '10.0.0.1': 'private',
    '100.64.0.1': 'private',
    '172.16.0.1': 'private',
    '172.31.255.255': 'private',
    '192.168.1.1': 'private',
    'fd00::1': 'private',
    'fec0::1': 'private',
    '169.254.169.254': 'link-local',
    'fe80::1': 'link-local',
    '192.0.2.1': 'reserved',
    '224.0.0.1': 'reserved',
    '255.255.255.255': 'reserved',
    'ff02::1': 'reserved',
    '::ffff:127.0.0.1': 'loopback',
    '::ffff:10.0.0.1': 'private',
    '::ffff:1.1.1.1': 'public',
    '::127.0.0.1': 'loopback',
    '64:ff9b::169.254.169.254': 'link-local',
    '64:ff9b::1.1.1.1': 'public',
    '64:ff9b:1::1': 'private',
    '2002:7f00:1::': 'loopback',
    '2002:101:101::': 'public',
  }
  for (const [text, wanted] of Object.entries(cases)) {
    it(`${text} is ${wanted}`, () => {
      const address = parseAddress(text)
      assert.ok(address !== undefined)
      assert.equal(classifyAddress(address), wanted)
    })
  }
})

describe('the proxy for a URL', () => {
  const proxies = { HTTPS_PROXY: 'http://s:1', HTTP_PROXY: 'http://p:1' }
  const cases: readonly (readonly [url: string, noProxy: string, proxied: boolean])[] = [
    ['https://a.example/', '', true],
    ['https://a.example/', '*', false],
    ['https://a.example/', 'b.example, a.example', false],
    ['https://a.example/', 'b.example c.example', true],
    ['https://x.a.example/', 'a.example', false],
    ['https://xa.example/', 'a.example', true],
    ['https://x.a.example/', '.a.example', false],
    ['https://a.example/', '.a.example', true],
    ['https://x.a.example/', '*.a.example', false],
    ['https://a.example/', 'A.EXAMPLE', false],
    ['https://a.example:5000/', 'a.example:5000', false],
    ['https://a.example:5001/', 'a.example:5000', true],
    ['https://a.example/', 'a.example:443', false],
    ['https://10.1.2.3/', '10.0.0.0/8', false],
    ['https://11.1.2.3/', '10.0.0.0/8', true],
    ['https://10.1.2.3/', '10.1.2.3', false],
    ['https://[fd00::1]/', 'fd00::/8', false],
    ['https://[fd00::1]/', 'fd00:0::1', false],
    ['https://[fd00::1]:5000/', '[fd00::1]:5000', false],
    ['https://[fd00::1]:5001/', '[fd00::1]:5000', true],
    ['https://localhost:5000/', '', false],
    ['https://127.0.0.1/', '', false],
    ['https://[::1]/', '', false],
  ]
  for (const [url, noProxy, proxied] of cases) {
    it(`${url} with NO_PROXY=${JSON.stringify(noProxy)}: ${proxied ? 'proxy' : 'none'}`, () => {
      const found = proxyFor(new URL(url), { ...proxies, NO_PROXY: noProxy })
      assert.equal(found, proxied ? 'http://s:1' : null)
    })
  }

  it('is one for each scheme; lower case wins; an empty one is none', () => {
    const url = new URL('http://a.example/')
    assert.equal(proxyFor(url, proxies), 'http://p:1')
    assert.equal(proxyFor(url, { HTTPS_PROXY: 'http://s:1' }), null)
    assert.equal(proxyFor(url, { ...proxies, http_proxy: 'http://q:1' }), 'http://q:1')
    assert.equal(proxyFor(url, { HTTP_PROXY: '' }), null)
    assert.equal(proxyFor(url, { ...proxies, REQUEST_METHOD: 'GET' }), null)
  })

  it('is never thrown at', () => {
    const entry = fc.oneof(fc.string(), fc.domain(), fc.ipV4(), fc.ipV6())
    fc.assert(
      fc.property(fc.webUrl(), fc.array(entry), (url, entries) => {
        proxyFor(new URL(url), { ...proxies, NO_PROXY: entries.join(',') })
      }),
    )
  })
})
