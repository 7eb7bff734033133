import assert from 'node:assert/strict'
import { isIP } from 'node:net'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  addressText,
  type Cidr,
  cidrText,
  compareNetworks,
  contains,
  networkOf,
  overlaps,
  parseAddress,
  parseCidr,
  parseEndpoint,
} from '../../reconcilers/addresses.ts'

const ipv4 = fc.bigInt({ min: 0n, max: 2n ** 32n - 1n })
// Groups of zero are common, so that `::` is met in every place.
const ipv6 = fc
  .array(fc.oneof(fc.constant(0n), fc.bigInt({ min: 0n, max: 0xffffn })), {
    minLength: 8,
    maxLength: 8,
  })
  .map((groups) => groups.reduce((bits, group) => (bits << 16n) | group, 0n))
const cidr: fc.Arbitrary<Cidr> = fc.oneof(
  fc.tuple(ipv4, fc.nat(32)).map(([bits, length]) => ({ family: 4 as const, bits, length })),
  fc.tuple(ipv6, fc.nat(128)).map(([bits, length]) => ({ family: 6 as const, bits, length })),
)

describe('addresses', () => {
  const cases: readonly (readonly [string, string | undefined])[] = [
    ['10.69.0.1', '10.69.0.1'],
    ['010.69.0.1', undefined],
    ['10.69.0', undefined],
    ['10.69.0.256', undefined],
    ['10.69.0.1 ', undefined],
    ['2001:DB8::1', '2001:db8::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['0:0:0:0:0:0:0:0', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    ['::ffff:192.0.2.1', '::ffff:c000:201'],
    ['1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7:8'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
    ['1:2:3:4:5:6:7:8::', undefined],
    ['1::2::3', undefined],
    [':1', undefined],
    ['1:', undefined],
    ['10::0:10', '10::10'],
    ['fe80::1%eth0', undefined],
    ['', undefined],
  ]
  for (const [text, wanted] of cases) {
    it(`reads ${JSON.stringify(text)} as ${wanted}`, () => {
      const address = parseAddress(text)
      assert.equal(address && addressText(address), wanted)
    })
  }

  it('writes what it reads, and reads what it writes', () => {
    fc.assert(
      fc.property(cidr, (each) => {
        assert.equal(isIP(addressText(each)), each.family)
        assert.deepEqual(parseCidr(cidrText(each)), each)
      }),
    )
  })

  it('accepts nothing that Node does not', () => {
    const text = fc.oneof(fc.string(), fc.stringMatching(/^[0-9a-f:.]{0,24}$/))
    fc.assert(
      fc.property(text, (each) => {
        if (parseAddress(each) !== undefined) assert.notEqual(isIP(each), 0)
      }),
      { numRuns: 2000 },
    )
  })

  it('knows which networks hold each other', () => {
    fc.assert(
      fc.property(cidr, cidr, (a, b) => {
        const wide = networkOf(a)
        assert.ok(contains(wide, { ...a, length: a.family === 4 ? 32 : 128 }))
        assert.equal(overlaps(a, b), overlaps(b, a))
        if (contains(networkOf(a), networkOf(b))) {
          assert.ok(compareNetworks(networkOf(a), networkOf(b)) <= 0)
        }
      }),
    )
  })
})

describe('endpoints', () => {
  const cases: readonly (readonly [string, string | undefined])[] = [
    ['cloud01.example.com:51820', 'cloud01.example.com'],
    ['Cloud01:1', 'cloud01'],
    ['192.0.2.1:65535', '192.0.2.1'],
    ['[2001:DB8::1]:51820', '2001:db8::1'],
    ['2001:db8::1:51820', undefined],
    ['[192.0.2.1]:1', undefined],
    ['192.0.2.256:1', undefined],
    ['192.0.2.1', undefined],
    ['192.0.2.1:0', undefined],
    ['192.0.2.1:65536', undefined],
    ['192.0.2.1:051820', undefined],
    ['-o:1', undefined],
    ['a b:1', undefined],
    ['a\n:1', undefined],
    [':1', undefined],
    ['a..b:1', undefined],
  ]
  for (const [text, wanted] of cases) {
    it(`reads ${JSON.stringify(text)} as ${wanted}`, () => {
      assert.equal(parseEndpoint(text)?.host, wanted)
    })
  }
})
