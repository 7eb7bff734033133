import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodeBase64url, isCanonicalBase64url } from '../../protocol/documents/base64url.ts'
import { inspect, parseCanonicalJson } from '../../protocol/documents/canonical-json.ts'
import { bodyFaults, parseConfig } from '../../protocol/documents/config.ts'
import { headerText, parseEnvelope, parseHeader } from '../../protocol/documents/envelope.ts'
import type { Checked } from '../../protocol/fault.ts'
import { payloadBytesMax } from '../../protocol/limits.ts'
import { configText, makeCluster, makeKey, signEnvelope } from './cluster.ts'

function codeOf(checked: Checked<unknown>): string {
  return checked.ok ? 'good' : checked.fault.code
}

const base64url = (text: string): string => Buffer.from(text).toString('base64url')

test('E4: only the canonical base64url spelling is taken (RFC 4648 section 3.5)', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
      const text = Buffer.from(bytes).toString('base64url')
      assert.deepEqual(decodeBase64url(text), bytes)
    }),
  )
  for (const text of ['A', 'AB', 'AAB', 'AA==', 'A A', 'AA+A', 'AA/A', 'AAAAA']) {
    assert.equal(isCanonicalBase64url(text), false, text)
  }
})

test('base64url: every text that decodes encodes to itself', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'ABab01-_='), maxLength: 9 }), (text) => {
      const bytes = decodeBase64url(text)
      if (bytes !== undefined) assert.equal(Buffer.from(bytes).toString('base64url'), text)
    }),
  )
})

test('J7: what JSON.stringify writes is taken', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
      const text = JSON.stringify(value)
      const sound = !/"__proto__"|\d\.|[eE][+-]?\d|\d{16}/.test(text)
      if (sound) assert.deepEqual(parseCanonicalJson(text), { ok: true, value: JSON.parse(text) })
    }),
  )
})

const jsonRules: Readonly<Record<string, string>> = {
  'too-deep': 'J2:',
  'not-json': 'J3:',
  'duplicate-member': 'J4:',
  'forbidden-member': 'J5:',
  'unsafe-integer': 'J6:',
  'not-canonical': 'J7:',
}

const jsonFaults: readonly (readonly [text: string, code: string, path?: string])[] = [
  ['{"a":1,"a":2}', 'duplicate-member', 'a'],
  ['{"x":{"b":[{"a":1,"a":1}]}}', 'duplicate-member', 'x.b.0.a'],
  ['{"a":1,"\\u0061":2}', 'duplicate-member', 'a'],
  ['{"version":9007199254740993}', 'unsafe-integer', 'version'],
  ['{"a":0.5}', 'unsafe-integer', 'a'],
  ['[1,-1e400]', 'unsafe-integer', '1'],
  ['{"__proto__":1}', 'forbidden-member', '__proto__'],
  ['{"a":1e3}', 'not-canonical'],
  ['{"a":-0}', 'not-canonical'],
  ['{ "a":1}', 'not-canonical'],
  ['{"2":1,"1":1}', 'not-canonical'],
  ['"\\u0041"', 'not-canonical'],
  ['{"a":', 'not-json'],
  ['', 'not-json'],
  [`${'['.repeat(33)}${']'.repeat(33)}`, 'too-deep'],
  [`${'['.repeat(100_000)}`, 'too-deep'],
]

for (const [text, code, path] of jsonFaults) {
  test(`${jsonRules[code]} ${text.slice(0, 40)} is ${code}`, () => {
    const parsed = parseCanonicalJson(text)
    assert.equal(codeOf(parsed), code)
    if (!parsed.ok && path !== undefined) assert.equal(parsed.fault.path, path)
  })
}

test('canonical JSON: brackets inside strings are no nesting, long strings are no trouble', () => {
  const text = JSON.stringify({ a: `${'['.repeat(50)}\\"`, b: 'x'.repeat(2_000_000) })
  assert.equal(codeOf(parseCanonicalJson(text)), 'good')
  assert.equal(inspect(text), undefined)
})

const key = makeKey()
const sound = signEnvelope('{}', [key])
const [signature] = sound.signatures

const envelopeRules: Readonly<Record<string, string>> = {
  good: 'E1:',
  'envelope-not-json': 'E1:',
  'envelope-shape': 'E2:',
  'duplicate-member': 'E3:',
  'base64url-not-canonical': 'E4:',
  'no-signatures': 'E5:',
  'too-many-signatures': 'E5:',
  'payload-too-large': 'E6:',
}

const envelopes: readonly (readonly [name: string, text: string, code: string])[] = [
  ['the JSON form', JSON.stringify(sound), 'good'],
  ['white space', JSON.stringify(sound, null, 2), 'good'],
  [
    'the compact form',
    ` ${signature?.protected}.${sound.payload}.${signature?.signature}\n`,
    'good',
  ],
  ['truncated JSON', JSON.stringify(sound).slice(0, -9), 'envelope-not-json'],
  ['nothing', '', 'envelope-not-json'],
  ['an array', '[]', 'envelope-shape'],
  ['null', 'null', 'envelope-shape'],
  ['another member', JSON.stringify({ ...sound, header: {} }), 'envelope-shape'],
  ['a detached payload', JSON.stringify({ signatures: sound.signatures }), 'envelope-shape'],
  ['flattened JSON', JSON.stringify({ payload: sound.payload, ...signature }), 'envelope-shape'],
  ['an unprotected header', envelopeWith({ header: { kid: 'x' } }), 'envelope-shape'],
  [
    'a payload member twice',
    `{"payload":"e30","payload":"e30","signatures":[]}`,
    'duplicate-member',
  ],
  ['a member __proto__ (E3)', '{"payload":"e30","__proto__":1,"signatures":[]}', 'envelope-shape'],
  [
    'a signature of 1,028 characters (E6)',
    envelopeWith({ signature: 'A'.repeat(1028) }),
    'base64url-not-canonical',
  ],
  ['no signatures', JSON.stringify({ payload: 'e30', signatures: [] }), 'no-signatures'],
  ['padding', JSON.stringify({ ...sound, payload: 'e30=' }), 'base64url-not-canonical'],
  ['trailing bits', JSON.stringify({ ...sound, payload: 'e31' }), 'base64url-not-canonical'],
  [
    'too many signatures',
    JSON.stringify({ payload: 'e30', signatures: Array(33).fill(signature) }),
    'too-many-signatures',
  ],
  [
    'a payload over 4 MiB',
    JSON.stringify({ ...sound, payload: 'A'.repeat(Math.ceil(((payloadBytesMax + 3) * 4) / 3)) }),
    'payload-too-large',
  ],
  [
    'a 5 MB body',
    JSON.stringify({ ...sound, payload: 'A'.repeat(6_666_668) }),
    'payload-too-large',
  ],
]

function envelopeWith(member: object): string {
  return JSON.stringify({ payload: 'e30', signatures: [{ ...signature, ...member }] })
}

for (const [name, text, code] of envelopes) {
  test(`${envelopeRules[code]} ${name} is ${code}`, () =>
    assert.equal(codeOf(parseEnvelope(text)), code))
}

test('E3: a member of a signature that stands twice is found', () => {
  const text =
    '{"payload":"e30","signatures":[{"protected":"e30","signature":"AA","signature":"AA"}]}'
  assert.equal(codeOf(parseEnvelope(text)), 'duplicate-member')
})

const kid = key.kid
const headerRules: Readonly<Record<string, string>> = {
  good: 'S1:',
  'header-not-json': 'S1:',
  'header-member': 'S1:',
  'header-algorithm': 'S2:',
  'header-type': 'S3:',
  'header-kid': 'S4:',
}

const headers: readonly (readonly [header: string, code: string])[] = [
  [headerText('config', kid), 'good'],
  [JSON.stringify({ kid, typ: 'covey-config+jwt', alg: 'Ed25519' }), 'good'],
  [JSON.stringify({ alg: 'EdDSA', typ: 'covey-config+jwt', kid }), 'header-algorithm'],
  [JSON.stringify({ alg: 'none', typ: 'covey-config+jwt', kid }), 'header-algorithm'],
  [JSON.stringify({ alg: 'HS256', typ: 'covey-config+jwt', kid }), 'header-algorithm'],
  [headerText('root', kid), 'header-type'],
  [JSON.stringify({ alg: 'Ed25519', kid }), 'header-type'],
  [JSON.stringify({ alg: 'Ed25519', typ: 'covey-config+jwt' }), 'header-kid'],
  [JSON.stringify({ alg: 'Ed25519', typ: 'covey-config+jwt', kid: '__proto__' }), 'header-kid'],
  [JSON.stringify({ ...JSON.parse(headerText('config', kid)), crit: ['b64'] }), 'header-member'],
  [JSON.stringify({ ...JSON.parse(headerText('config', kid)), b64: false }), 'header-member'],
  [JSON.stringify({ ...JSON.parse(headerText('config', kid)), jwk: key.jwk }), 'header-member'],
  ['{"alg":"Ed25519","alg":"Ed25519"}', 'header-not-json'],
  ['[]', 'header-not-json'],
  ['x', 'header-not-json'],
]

for (const [header, code] of headers) {
  test(`${headerRules[code]} ${header.slice(0, 70)} is ${code}`, () => {
    assert.equal(codeOf(parseHeader(base64url(header), 'config')), code)
  })
}

const cluster = makeCluster()
const digest = `sha256:${'0'.repeat(64)}`
const claimRules: Readonly<Record<string, string>> = {
  good: 'C2 to C5:',
  'claim-aud': 'C2:',
  'claim-epoch': 'C3:',
  'claim-version': 'C4:',
  'version-out-of-range': 'C4:',
  'claim-ancestors': 'C5:',
}

const claims: readonly (readonly [members: object, code: string])[] = [
  [{}, 'good'],
  [{ future: { a: [1] } }, 'good'],
  [{ aud: 'home' }, 'claim-aud'],
  [{ aud: undefined }, 'claim-aud'],
  [{ epoch: 0 }, 'claim-epoch'],
  [{ epoch: '1' }, 'claim-epoch'],
  [{ version: 0 }, 'claim-version'],
  [{ version: -1 }, 'claim-version'],
  [{ version: '1' }, 'claim-version'],
  [{ version: 2 ** 32 - 1 }, 'good'],
  [{ version: 2 ** 32 }, 'version-out-of-range'],
  [{ ancestors: null }, 'claim-ancestors'],
  [{ ancestors: [[1, 4]] }, 'claim-ancestors'],
  [{ ancestors: [[1, 5, digest]] }, 'claim-ancestors'],
  [{ ancestors: [[1, 6, digest]] }, 'claim-ancestors'],
  [
    {
      ancestors: [
        [1, 3, digest],
        [1, 4, digest],
      ],
    },
    'claim-ancestors',
  ],
  [{ ancestors: [[1, 4, digest, 1]] }, 'claim-ancestors'],
  [
    {
      ancestors: [
        [1, 4, digest],
        [1, 2, digest],
      ],
    },
    'good',
  ],
  [
    { ancestors: Array.from({ length: 17 }, (_, index) => [1, 4 - index, digest]) },
    'claim-ancestors',
  ],
]

for (const [members, code] of claims) {
  test(`${claimRules[code]} ${JSON.stringify(members).slice(0, 70)} is ${code}`, () => {
    assert.equal(codeOf(parseConfig(configText(cluster, 5, members))), code)
  })
}

test('C1: a payload that is no object is no config', () => {
  for (const text of ['[]', 'null', '7', '"x"']) {
    assert.equal(codeOf(parseConfig(text)), 'claims-shape', text)
  }
})

test('J6: version 2^53+1 is refused before anyone could round it', () => {
  const text = configText(cluster, 5).replace('"version":5', '"version":9007199254740993')
  const parsed = parseConfig(text)
  assert.equal(codeOf(parsed), 'unsafe-integer')
  assert.equal(!parsed.ok && parsed.fault.path, 'version')
})

test('C6, C7: no hosts is a config that cannot be applied, not one that is refused', () => {
  for (const hosts of [undefined, null, [], 'x', 3]) {
    const parsed = parseConfig(configText(cluster, 5, { hosts }))
    assert.ok(parsed.ok)
    assert.equal(codeOf(parsed.value.body), 'body-hosts')
  }
})

test('N1: every fault of form is named with its path', () => {
  const hosts = {
    Cloud: {},
    ok: { good: { type: 'x' }, 'bad name': { type: 'x' }, none: {}, list: [], number: 3 },
    list: [],
  }
  const parsed = parseConfig(configText(cluster, 5, { hosts }))
  assert.ok(parsed.ok && parsed.value.body.ok)
  const found = bodyFaults(parsed.value.body.value).map((fault) => `${fault.path} ${fault.code}`)
  assert.deepEqual(found, [
    'hosts.Cloud name',
    'hosts.ok.bad name name',
    'hosts.ok.none.type object-type',
    'hosts.ok.list object-shape',
    'hosts.ok.number object-shape',
    'hosts.list section-shape',
  ])
})
