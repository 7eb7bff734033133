import assert from 'node:assert/strict'
import { sign } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { documentOf } from '../../agent/state/documents.ts'
import { checkConfig, checkRoot } from '../../agent/state/store.ts'
import { verifyRoot } from '../../agent/state/verify-root.ts'
import { parseEnvelope } from '../../protocol/documents/envelope.ts'
import type { HeldRoot } from '../../protocol/node/durable.ts'
import { digestOf, documentIn, makeKey, signEnvelope, type TestKey } from '../protocol/cluster.ts'
import { sizeOf } from '../sizes.ts'
import { jsonChange, spellingChange } from './mutations.ts'
import { type PlainRoot, takesConfig, takesRoot } from './verifier.ts'

const numRuns = sizeOf('COVEY_FUZZ', 700, 5000)

const keys = Array.from({ length: 6 }, makeKey)
const [a, b, c, e, f, stranger] = keys as [TestKey, TestKey, TestKey, TestKey, TestKey, TestKey]
/** Its kid is that of a key that is known, its signatures are its own. */
const impostor: TestKey = { ...makeKey(), kid: a.kid }
const signers = [a, b, c, e, f, stranger, impostor]

function role(threshold: number, of: readonly TestKey[]): object {
  return {
    threshold,
    keys: Object.fromEntries(of.map((key, at) => [key.kid, { name: `op${at}`, jwk: key.jwk }])),
  }
}

const rootHeader = { alg: 'Ed25519', typ: 'covey-root+jwt' }
const text1 = JSON.stringify({
  epoch: 1,
  previous: null,
  cluster: 'home',
  root: role(2, [a, b, c]),
  config: role(2, [b, c, e]),
})
const clusterId = digestOf(text1)
const text2 = JSON.stringify({
  epoch: 2,
  previous: clusterId,
  cluster: 'home',
  root: role(1, [c, f]),
  config: role(1, [f]),
})

async function held(text: string, by: readonly TestKey[], chain: HeldRoot[]): Promise<HeldRoot> {
  const checked = await verifyRoot(documentIn(signEnvelope(text, by, rootHeader)), chain)
  assert.ok(checked.ok)
  return checked.value
}

const root1 = await held(text1, [a, b], [])
const root2 = await held(text2, [a, b, c], [root1])
const plain = [root1, root2].map(({ digest, document }): PlainRoot => {
  return { ...JSON.parse(Buffer.from(document.payload).toString()), digest }
})

/** Who signs how: a key, what becomes of the header, and of what stands in the envelope. */
const signature = fc.record({
  key: fc.oneof({ weight: 12, arbitrary: fc.nat(4) }, fc.nat(signers.length - 1)),
  header: jsonChange,
  typ: fc.oneof({ weight: 20, arbitrary: fc.constant(null) }, fc.constantFrom('JWT', '', 'swap')),
  crit: fc.oneof({ weight: 20, arbitrary: fc.constant(false) }, fc.constant(true)),
  protectedSpelling: spellingChange,
  signatureSpelling: spellingChange,
  /** Another's signature in its place. */
  swap: fc.oneof({ weight: 20, arbitrary: fc.constant(false) }, fc.constant(true)),
})
type Signing = typeof signature extends fc.Arbitrary<infer T> ? T : never

/** Mostly few changes, so that many documents are good or almost. */
const shape = fc.record({
  body: jsonChange,
  envelope: jsonChange,
  payloadSpelling: spellingChange,
  signings: fc.array(signature, { minLength: 1, maxLength: 4 }),
  /** Only the payload and who signs it may be wrong. */
  calm: fc.boolean(),
  /** Whoever may sign has signed as well. */
  complete: fc.boolean(),
  compact: fc.boolean(),
  spaced: fc.boolean(),
})

const same = (text: string): string => text
const plainly: Signing = {
  key: 0,
  header: same,
  typ: null,
  crit: false,
  protectedSpelling: same,
  signatureSpelling: same,
  swap: false,
}

function enveloped(
  body: string,
  kind: string,
  how: typeof shape extends fc.Arbitrary<infer T> ? T : never,
): string {
  const bytes = Buffer.from(how.body(body))
  const payload = bytes.toString('base64url')
  const signOne = (one: Signing): { protected: string; signature: string } => {
    const key = signers[one.key] ?? stranger
    const other = kind === 'covey-root+jwt' ? 'covey-config+jwt' : 'covey-root+jwt'
    const typ = one.typ === null || how.calm ? kind : one.typ === 'swap' ? other : one.typ
    const header = { alg: 'Ed25519', typ, kid: key.kid, ...(one.crit ? { crit: ['b64'] } : {}) }
    const text = how.calm
      ? JSON.stringify({ alg: 'Ed25519', typ, kid: key.kid })
      : one.header(JSON.stringify(header))
    const shown = Buffer.from(text).toString('base64url')
    const made = sign(null, Buffer.from(`${shown}.${payload}`), key.privateKey).toString(
      'base64url',
    )
    if (how.calm) return { protected: shown, signature: made }
    return { protected: one.protectedSpelling(shown), signature: one.signatureSpelling(made) }
  }
  const rest = !how.complete ? [] : [0, 1, 2, 3, 4].map((key) => ({ ...plainly, key }))
  const signings = [...how.signings, ...rest]
  const signatures = signings.map(signOne)
  for (const [index, one] of signings.entries()) {
    const next = signatures[index + 1]
    const here = signatures[index]
    if (one.swap && !how.calm && next && here)
      [next.signature, here.signature] = [here.signature, next.signature]
  }
  const spelled = how.calm ? payload : how.payloadSpelling(payload)
  const [first] = signatures
  if (how.compact && signatures.length === 1 && first) {
    return `${how.spaced ? ' \n' : ''}${first.protected}.${spelled}.${first.signature}\n`
  }
  const text = JSON.stringify({ payload: spelled, signatures }, null, how.spaced ? 2 : 0)
  return how.calm ? text : how.envelope(text)
}

/** Both judges on many documents; each answer must have been given often. */
async function compare<T>(
  arbitrary: fc.Arbitrary<T>,
  judges: (given: T) => Promise<{ text: string; ours: boolean; theirs: boolean; fault: string }>,
): Promise<void> {
  const answers = { taken: 0, refused: 0 }
  await fc.assert(
    fc.asyncProperty(arbitrary, async (given) => {
      const { text, ours, theirs, fault } = await judges(given)
      answers[theirs ? 'taken' : 'refused'] += 1
      assert.equal(ours, theirs, `${fault}\n${text}`)
    }),
    { numRuns },
  )
  assert.ok(answers.taken > 30 && answers.refused > 30, JSON.stringify(answers))
}

const digestLike = fc.constantFrom(clusterId, root2.digest, digestOf('x'), 'sha256:0', null)
const ancestor = fc.tuple(fc.constantFrom(0, 1, 1, 2), fc.nat(9), digestLike)
const rarely = <T>(usual: T, ...others: readonly T[]): fc.Arbitrary<T> =>
  fc.oneof({ weight: 8, arbitrary: fc.constant(usual) }, fc.constantFrom(...others))
const claims = fc.record({
  aud: rarely<unknown>(clusterId, digestOf('x'), 'home', 7),
  epoch: fc.constantFrom<unknown[]>(1, 1, 1, 2, 2, 2, 0, 3, 4097, '1'),
  version: rarely<unknown>(9, 1, 2 ** 32 - 1, 2 ** 32, 0, -1, '9', null),
  ancestors: fc.oneof(
    { weight: 3, arbitrary: fc.constant([] as unknown) },
    fc.array(ancestor, { maxLength: 3 }),
    fc.constant(Array.from({ length: 17 }, (_, at) => [1, 8 - at, clusterId])),
    fc.constant({}),
  ),
  hosts: rarely<unknown>({ h1: {} }, {}, [], 3),
})

test('E1 to E5, S1 to S7, J1 to J7, C1 to C5: a second verifier takes the same', async () => {
  await compare(fc.tuple(claims, shape), async ([body, how]) => {
    const text = enveloped(JSON.stringify(body), 'covey-config+jwt', how)
    const envelope = parseEnvelope(text)
    const checked = envelope.ok
      ? await checkConfig(documentOf(envelope.value), [root1, root2])
      : envelope
    const fault = checked.ok ? 'taken' : checked.fault.code
    return { text, ours: checked.ok, theirs: takesConfig(text, plain), fault }
  })
})

const points = keys.map((key) => key.jwk.x)
const smallOrder = Buffer.from('01'.padEnd(64, '0'), 'hex').toString('base64url')
const order8 = '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85'
const jwk = fc.record({
  kty: rarely('OKP', 'EC'),
  crv: rarely('Ed25519', 'X25519'),
  x: rarely(
    null,
    smallOrder,
    Buffer.from(order8, 'hex').toString('base64url'),
    points[0] ?? '',
    'AA',
    '',
  ),
  d: rarely(false, true),
})
const roleLike = fc.record({
  threshold: rarely<unknown>(1, 2, 3, 0, 7, '1'),
  keys: fc.subarray([0, 1, 2, 3, 4], { minLength: 1 }),
  jwks: fc.array(jwk, { minLength: 1, maxLength: 1 }),
  changed: rarely(false, true),
})
type RoleLike = typeof roleLike extends fc.Arbitrary<infer T> ? T : never

function roleOf({ threshold, keys: chosen, jwks, changed }: RoleLike): object {
  const entries = chosen.map((at, index) => {
    const key = keys[at] ?? a
    const [change] = jwks
    if (!changed || index > 0 || change === undefined) return [key.kid, { name: 'x', jwk: key.jwk }]
    const x = change.x ?? key.jwk.x
    return [
      key.kid,
      { name: 'x', jwk: { kty: change.kty, crv: change.crv, x, ...(change.d ? { d: 'AA' } : {}) } },
    ]
  })
  return { threshold, keys: Object.fromEntries(entries) }
}

const rootLike = fc.record({
  epoch: rarely<unknown>(2, 1, 3, 0, '2'),
  previous: rarely<unknown>(
    clusterId,
    null,
    digestOf('x'),
    [clusterId, digestOf('x')],
    [clusterId, clusterId],
  ),
  cluster: rarely<unknown>('home', 'Home', '', 7),
  root: roleLike,
  config: roleLike,
})

test('R1 to R7, R10: a root is taken where a second verifier takes it', async () => {
  const chain = plain.slice(0, 1)
  await compare(fc.tuple(rootLike, shape, fc.boolean()), async ([body, how, first]) => {
    const { root, config, ...rest } = body
    const whole = { ...rest, root: roleOf(root), config: roleOf(config) }
    const payload = JSON.stringify(first ? { ...whole, epoch: 1, previous: null } : whole)
    const text = enveloped(payload, 'covey-root+jwt', how)
    // The first root is the right one by its digest; here whatever it is.
    const id = first ? digestOf(Buffer.from(how.body(payload))) : clusterId
    const held = first ? [] : [root1]
    const checked = await checkRoot(text, held, [], id)
    const theirs = takesRoot(text, first ? [] : chain, id)
    return { text, ours: checked.ok, theirs, fault: checked.ok ? 'taken' : checked.fault.code }
  })
})
