import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodeBase64url, isCanonicalBase64url } from '../../protocol/documents/base64url.ts'
import { inspect, parseCanonicalJson } from '../../protocol/documents/canonical-json.ts'
import { bodyFaults, parseConfig } from '../../protocol/documents/config.ts'
import { headerText, parseEnvelope, parseHeader } from '../../protocol/documents/envelope.ts'
import { isSmallOrder, meetsThreshold, parseRoot } from '../../protocol/documents/root.ts'
import type { Checked } from '../../protocol/fault.ts'
import { payloadBytesMax } from '../../protocol/limits.ts'
import { configText, makeCluster, makeKey, signEnvelope } from './cluster.ts'

function codeOf(checked: Checked<unknown>): string {
  return checked.ok ? 'good' : checked.fault.code
}

const base64url = (text: string): string => Buffer.from(text).toString('base64url')

test('base64url: only the canonical spelling is taken (RFC 4648 section 3.5)', () => {
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

test('canonical JSON: what JSON.stringify writes is taken', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
      const text = JSON.stringify(value)
      const sound = !/"__proto__"|\d\.|[eE][+-]?\d/.test(text)
      if (sound) assert.deepEqual(parseCanonicalJson(text), { ok: true, value: JSON.parse(text) })
    }),
  )
})

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
  test(`canonical JSON: ${text.slice(0, 40)} is ${code}`, () => {
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
  test(`envelope: ${name} is ${code}`, () => assert.equal(codeOf(parseEnvelope(text)), code))
}

test('envelope: a member of a signature that stands twice is found', () => {
  const text =
    '{"payload":"e30","signatures":[{"protected":"e30","signature":"AA","signature":"AA"}]}'
  assert.equal(codeOf(parseEnvelope(text)), 'duplicate-member')
})

const kid = key.kid
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
  test(`header: ${header.slice(0, 70)} is ${code}`, () => {
    assert.equal(codeOf(parseHeader(base64url(header), 'config')), code)
  })
}

const cluster = makeCluster()
const digest = `sha256:${'0'.repeat(64)}`
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
  test(`claims: ${JSON.stringify(members).slice(0, 70)} is ${code}`, () => {
    assert.equal(codeOf(parseConfig(configText(cluster, 5, members))), code)
  })
}

test('claims: version 2^53+1 is refused before anyone could round it', () => {
  const text = configText(cluster, 5).replace('"version":5', '"version":9007199254740993')
  const parsed = parseConfig(text)
  assert.equal(codeOf(parsed), 'unsafe-integer')
  assert.equal(!parsed.ok && parsed.fault.path, 'version')
})

test('body: no hosts is a config that cannot be applied, not one that is refused', () => {
  for (const hosts of [undefined, null, [], 'x', 3]) {
    const parsed = parseConfig(configText(cluster, 5, { hosts }))
    assert.ok(parsed.ok)
    assert.equal(codeOf(parsed.value.body), 'body-hosts')
  }
})

test('body: every fault of form is named with its path', () => {
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

function rootText(change: (root: Record<string, unknown>) => void): string {
  const root = JSON.parse(Buffer.from(cluster.root.document.payload).toString())
  change(root)
  return JSON.stringify(root)
}

const [operator] = cluster.operators
const smallOrder = { kty: 'OKP', crv: 'Ed25519', x: Buffer.alloc(32).toString('base64url') }
const roots: readonly (readonly [
  name: string,
  change: (root: Record<string, unknown>) => void,
  code: string,
])[] = [
  ['as made', () => undefined, 'good'],
  ['epoch 0', (root) => Object.assign(root, { epoch: 0 }), 'root-epoch'],
  [
    'a first root with a previous',
    (root) => Object.assign(root, { previous: digest }),
    'root-previous',
  ],
  ['a second root without', (root) => Object.assign(root, { epoch: 2 }), 'root-previous'],
  ['a name with a slash', (root) => Object.assign(root, { cluster: '../x' }), 'root-cluster'],
  [
    'threshold 0',
    (root) => Object.assign(root, { config: { ...cluster.root.root.config, threshold: 0 } }),
    'root-threshold',
  ],
  [
    'threshold above the keys',
    (root) => Object.assign(root, { config: { ...cluster.root.root.config, threshold: 2 } }),
    'root-threshold',
  ],
  [
    'a private key',
    (root) => Object.assign(root, { config: roleOf({ ...operator?.jwk, d: 'AA' }) }),
    'root-key',
  ],
  [
    'a small-order key',
    (root) => Object.assign(root, { config: roleOf(smallOrder) }),
    'root-key-small-order',
  ],
  [
    'a key twice',
    (root) => Object.assign(root, { config: roleOf(operator?.jwk, operator?.jwk) }),
    'root-key-repeated',
  ],
]

function roleOf(...jwks: readonly (object | undefined)[]): object {
  const keys = Object.fromEntries(jwks.map((jwk, index) => [`k${index}`, { name: 'x', jwk }]))
  return { threshold: 1, keys }
}

for (const [name, change, code] of roots) {
  test(`root: ${name} is ${code}`, () => assert.equal(codeOf(parseRoot(rootText(change))), code))
}

test('root: distinct keys are counted, strangers are not', () => {
  const role = makeCluster(3, 2).root.root.config
  const [a, b] = Object.keys(role.keys)
  assert.ok(a !== undefined && b !== undefined)
  assert.equal(meetsThreshold(role, [a, b]), true)
  assert.equal(meetsThreshold(role, [a, a, a]), false)
  assert.equal(meetsThreshold(role, [a, 'stranger', 'toString']), false)
})

// Edwards25519 arithmetic in plain integers (RFC 8032 section 5.1), to check the list against its definition.
const p = 2n ** 255n - 19n
const mod = (a: bigint): bigint => ((a % p) + p) % p
function power(base: bigint, exponent: bigint): bigint {
  let result = 1n
  for (let e = exponent, b = mod(base); e > 0n; e >>= 1n, b = mod(b * b))
    if (e & 1n) result = mod(result * b)
  return result
}
const inverse = (a: bigint): bigint => power(a, p - 2n)
const d = mod(-121665n * inverse(121666n))

function pointAt(y: bigint): readonly [bigint, bigint] | null {
  const square = mod((y * y - 1n) * inverse(d * y * y + 1n))
  let x = power(square, (p + 3n) / 8n)
  if (mod(x * x) !== square) x = mod(x * power(2n, (p - 1n) / 4n))
  return mod(x * x) === square ? [x, mod(y)] : null
}

function double([x, y]: readonly [bigint, bigint]): readonly [bigint, bigint] {
  const t = mod(d * x * x * y * y)
  return [mod(2n * x * y * inverse(1n + t)), mod((y * y + x * x) * inverse(1n - t))]
}

test('root: a key is of small order exactly if eight times its point is the identity', () => {
  const little = (bytes: Uint8Array): bigint => {
    const copy = Uint8Array.from(bytes)
    copy[31] = (copy[31] ?? 0) & 0x7f
    return BigInt(`0x${Buffer.from(copy.reverse()).toString('hex')}`)
  }
  const listed = [
    '0100000000000000000000000000000000000000000000000000000000000000',
    '0000000000000000000000000000000000000000000000000000000000000080',
    'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85',
    'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
    'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
  ]
  for (const hex of [
    ...listed,
    ...Array.from({ length: 20 }, () => Buffer.from(makeKey().jwk.x, 'base64url').toString('hex')),
  ]) {
    const bytes = Buffer.from(hex, 'hex')
    const point = pointAt(little(bytes))
    assert.ok(point !== null, hex)
    const eight = double(double(double(point)))
    assert.equal(isSmallOrder(bytes), eight[0] === 0n && eight[1] === 1n, hex)
  }
})
