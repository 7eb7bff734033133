import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { parseChallenges } from '../../../../machine/images/formats/challenge.ts'
import {
  parseContentLength,
  parseContentRange,
  parseRetryAfter,
} from '../../../../machine/images/formats/response-headers.ts'

type Plain = readonly (readonly [string, Readonly<Record<string, string>>])[]

function plain(...values: readonly string[]): Plain {
  return parseChallenges(values).map(({ scheme, parameters }) => {
    return [scheme, Object.fromEntries(parameters)] as const
  })
}

describe('WWW-Authenticate (RFC 9110 section 11.6.1)', () => {
  const cases: readonly (readonly [string, Plain])[] = [
    ['', []],
    ['Basic', [['basic', {}]]],
    ['Basic realm="x"', [['basic', { realm: 'x' }]]],
    ['BEARER Realm=x', [['bearer', { realm: 'x' }]]],
    [
      'Bearer realm="https://a/t",service="s",scope="repository:a/b:pull,push"',
      [['bearer', { realm: 'https://a/t', service: 's', scope: 'repository:a/b:pull,push' }]],
    ],
    [
      'Basic realm="a, b=\\"c\\"" , Bearer realm = "d" ,service=e',
      [
        ['basic', { realm: 'a, b="c"' }],
        ['bearer', { realm: 'd', service: 'e' }],
      ],
    ],
    [
      'Negotiate, Bearer realm="x"',
      [
        ['negotiate', {}],
        ['bearer', { realm: 'x' }],
      ],
    ],
    [
      'Negotiate dG9rZW4=, Basic realm="x"',
      [
        ['negotiate', {}],
        ['basic', { realm: 'x' }],
      ],
    ],
    [', ,Basic realm="x",, a=b,', [['basic', { realm: 'x', a: 'b' }]]],
    ['Bearer realm="a",realm="b", Basic realm="x"', [['basic', { realm: 'x' }]]],
    ['Bearer realm="a", Realm="b"', []],
    ['Bearer realm="unended', [['bearer', {}]]],
    ['Basic realm="x" Bearer realm="y"', [['basic', {}]]],
    ['="x"', []],
  ]
  for (const [value, wanted] of cases) {
    it(JSON.stringify(value), () => assert.deepEqual(plain(value), wanted))
  }

  it('may stand there several times', () => {
    assert.deepEqual(plain('Basic realm="a"', 'Bearer realm="b"'), [
      ['basic', { realm: 'a' }],
      ['bearer', { realm: 'b' }],
    ])
  })

  it('is bounded', () => {
    assert.deepEqual(plain(`Bearer realm="${'x'.repeat(10_000)}"`), [])
    assert.ok(plain('Basic, '.repeat(1000)).length <= 16)
  })

  it('is never thrown at, and any parameters come back', () => {
    const noise = fc.string({ unit: fc.constantFrom(...'aB=", \t\\;') })
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.string(), noise)), (values) => {
        parseChallenges(values)
      }),
      { numRuns: 3000 },
    )
    const quoted = fc.string({ unit: fc.constantFrom(...'a ,="\\:/') })
    fc.assert(
      fc.property(quoted, quoted, (realm, service) => {
        const quote = (text: string): string => `"${text.replace(/["\\]/g, '\\$&')}"`
        const value = `Basic realm=${quote(service)}, Bearer realm=${quote(realm)}, service=${quote(service)}`
        assert.deepEqual(plain(value), [
          ['basic', { realm: service }],
          ['bearer', { realm, service }],
        ])
      }),
    )
  })
})

describe('headers of an answer', () => {
  it('Content-Range (RFC 9110 section 14.4)', () => {
    const range = { firstByte: 5, lastByte: 9, totalBytes: 10 }
    assert.deepEqual(parseContentRange('bytes 5-9/10'), range)
    assert.deepEqual(parseContentRange('bytes 5-9/*'), { ...range, totalBytes: null })
    for (const text of [
      '',
      'bytes 9-5/10',
      'bytes 5-10/10',
      'bytes */10',
      'lines 1-2/3',
      '5-9/10',
    ]) {
      assert.equal(parseContentRange(text), undefined, text)
    }
    assert.equal(parseContentRange('bytes 1-9999999999999999/*'), undefined)
  })

  it('Content-Length', () => {
    assert.equal(parseContentLength('0'), 0)
    for (const text of [undefined, '', '-1', '1, 1', '9999999999999999', '1e3', ' 1']) {
      assert.equal(parseContentLength(text), undefined)
    }
  })

  it('Retry-After (RFC 9110 section 10.2.3)', () => {
    const nowMs = Date.UTC(2026, 0, 1)
    assert.equal(parseRetryAfter('120', nowMs), 120_000)
    assert.equal(parseRetryAfter('Thu, 01 Jan 2026 00:01:00 GMT', nowMs), 60_000)
    assert.equal(parseRetryAfter('Wed, 31 Dec 2025 00:01:00 GMT', nowMs), 0)
    for (const text of [undefined, '', '-1', 'soon', '1.5', 'Xyz, nonsense nonsense']) {
      assert.equal(parseRetryAfter(text, nowMs), null)
    }
  })

  it('are never thrown at', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.date().map(String)), (text) => {
        parseContentRange(text)
        parseContentLength(text)
        parseRetryAfter(text, 0)
      }),
    )
  })
})
