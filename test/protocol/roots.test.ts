import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isSmallOrder, meetsThreshold, parseRoot } from '../../protocol/documents/root.ts'
import type { Checked } from '../../protocol/fault.ts'
import { makeCluster, makeKey } from './cluster.ts'

const cluster = makeCluster()
const digest = `sha256:${'0'.repeat(64)}`

function codeOf(checked: Checked<unknown>): string {
  return checked.ok ? 'good' : checked.fault.code
}

function rootText(change: (root: Record<string, unknown>) => void): string {
  const root = JSON.parse(Buffer.from(cluster.root.document.payload).toString())
  change(root)
  return JSON.stringify(root)
}

const [operator] = cluster.operators
const smallOrder = { kty: 'OKP', crv: 'Ed25519', x: Buffer.alloc(32).toString('base64url') }
const rules: Readonly<Record<string, string>> = {
  good: 'R1:',
  'root-shape': 'R1:',
  'root-epoch': 'R2:',
  'root-previous': 'R3:',
  'root-threshold': 'R4:',
  'root-key': 'R5:',
  'root-key-small-order': 'R6:',
  'root-key-repeated': 'R7:',
  'root-cluster': 'N1:',
}

const roots: readonly (readonly [
  name: string,
  change: (root: Record<string, unknown>) => void,
  code: string,
])[] = [
  ['as made', () => undefined, 'good'],
  ['without a role', (root) => Object.assign(root, { config: undefined }), 'root-shape'],
  ['a role that is a list', (root) => Object.assign(root, { root: [] }), 'root-shape'],
  ['epoch 4097', (root) => Object.assign(root, { epoch: 4097, previous: digest }), 'root-epoch'],
  ['33 keys (R4)', (root) => Object.assign(root, { root: manyKeys(33) }), 'root-key'],
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

function manyKeys(count: number): object {
  return roleOf(...Array.from({ length: count }, () => operator?.jwk))
}

for (const [name, change, code] of roots) {
  test(`${rules[code]} ${name} is ${code}`, () =>
    assert.equal(codeOf(parseRoot(rootText(change))), code))
}

test('S9: distinct keys are counted, strangers are not', () => {
  const role = makeCluster(3, 2).root.root.config
  const [a, b] = Object.keys(role.keys)
  assert.ok(a !== undefined && b !== undefined)
  assert.equal(meetsThreshold(role, [a, b]), true)
  assert.equal(meetsThreshold(role, [a, a, a]), false)
  assert.equal(meetsThreshold(role, [a, 'stranger', 'toString']), false)
})

// Edwards25519 arithmetic in plain integers (RFC 8032 section 5.1), to check the list against its
// definition.
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

test('R6: a key is of small order exactly if eight times its point is the identity', () => {
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
