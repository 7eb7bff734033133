import assert from 'node:assert/strict'
import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { zstdCompressSync } from 'node:zlib'
import fc from 'fast-check'
import { envelopeText } from '../../agent/state/documents.ts'
import { checkConfig, loadState, rootPath, writeState } from '../../agent/state/store.ts'
import { verifyRoot } from '../../agent/state/verify-root.ts'
import { decodeFrame, encodeFrame, packDelivery, unpackDelivery } from '../../agent/state/wire.ts'
import { createDisk, type Disk } from '../../machine/files/disk.ts'
import { verifyDocument } from '../../platform/signatures.ts'
import type { SignedDocument } from '../../protocol/documents/envelope.ts'
import { keysOf } from '../../protocol/documents/root.ts'
import { envelopeBytesMax } from '../../protocol/limits.ts'
import type { HeldConfig } from '../../protocol/node/durable.ts'
import {
  configText,
  documentIn,
  makeCluster,
  makeKey,
  signEnvelope,
  type TestCluster,
} from '../protocol/cluster.ts'
import { temporaryFolder } from '../temporary.ts'

const cluster = makeCluster()
const ring = keysOf([cluster.root.root])
const self = { host: 'h0', peerId: 'p', agentVersion: 'x' }

function signed(version: number, members: object = {}): SignedDocument {
  return documentIn(signEnvelope(configText(cluster, version, members), cluster.operators))
}

async function held(version: number, of: TestCluster = cluster): Promise<HeldConfig> {
  const document = documentIn(signEnvelope(configText(of, version), of.operators))
  const checked = await checkConfig(document, [of.root])
  assert.ok(checked.ok)
  return checked.value
}

async function codeOf(document: SignedDocument): Promise<string> {
  const verified = await verifyDocument(document, 'config', ring)
  return verified.ok ? 'good' : verified.fault.code
}

function withSignature(
  document: SignedDocument,
  change: (signature: Buffer) => Buffer,
): SignedDocument {
  const [first] = document.signatures
  assert.ok(first)
  const signature = change(Buffer.from(first.signature, 'base64url')).toString('base64url')
  return { ...document, signatures: [{ ...first, signature }] }
}

test('S5, S6: what was signed with node:crypto is good, and nothing else is', async () => {
  const document = signed(1)
  assert.equal(await codeOf(document), 'good')
  const flipped = withSignature(document, (bytes) =>
    Buffer.from(bytes.map((byte, at) => (at === 5 ? byte ^ 1 : byte))),
  )
  assert.equal(await codeOf(flipped), 'bad-signature')
  assert.equal(
    await codeOf(withSignature(document, (bytes) => bytes.subarray(1))),
    'signature-malformed',
  )
  assert.equal(await codeOf({ ...document, payload: signed(2).payload }), 'bad-signature')
  const stranger = documentIn(signEnvelope(configText(cluster, 1), [makeKey()]))
  assert.equal(await codeOf(stranger), 'unknown-key')
  const [operator] = cluster.operators
  assert.ok(operator)
  const impostor = { ...makeKey(), kid: operator.kid }
  assert.equal(
    await codeOf(documentIn(signEnvelope(configText(cluster, 1), [impostor]))),
    'bad-signature',
  )
  const latin = documentIn(signEnvelope(Buffer.from([0x22, 0xe9, 0x22]), cluster.operators))
  assert.equal(await codeOf(latin), 'payload-not-utf8')
})

test('S6: a good signature beside a bad one does not save a document', async () => {
  const document = signed(1)
  const bad = withSignature(document, () => Buffer.alloc(64))
  assert.equal(
    await codeOf({ ...document, signatures: [...document.signatures, ...bad.signatures] }),
    'bad-signature',
  )
})

test('S7: a signature by a key that is not known is not counted and does no harm', async () => {
  const both = documentIn(signEnvelope(configText(cluster, 1), [makeKey(), ...cluster.operators]))
  const verified = await verifyDocument(both, 'config', ring)
  assert.deepEqual(verified.ok && verified.kids, [cluster.operators[0]?.kid])
})

test('R8: its kid must be its thumbprint, in the first and in every later one', async () => {
  const [key, other] = [makeKey(), makeKey()]
  const role = { threshold: 1, keys: { [other.kid]: { name: 'op', jwk: key.jwk } } }
  const text = JSON.stringify({
    epoch: 1,
    previous: null,
    cluster: 'home',
    root: role,
    config: role,
  })
  const header = { alg: 'Ed25519', typ: 'covey-root+jwt' }
  const misnamed = documentIn(signEnvelope(text, [{ ...key, kid: other.kid }], header))
  const first = await verifyRoot(misnamed, [])
  assert.equal(first.ok ? 'good' : first.fault.code, 'root-kid')
})

test('S7: a padded document of an earlier version is read, and loses its padding', async (t) => {
  const disk = await enrolledDisk(await temporaryFolder(t))
  const one = await held(1)
  const [own] = one.document.signatures
  const [strange] = documentIn(signEnvelope(configText(cluster, 1), [makeKey()])).signatures
  assert.ok(own && strange)
  const long = { ...strange, signature: Buffer.alloc(700, 7).toString('base64url') }
  const padded = { ...one, document: { ...one.document, signatures: [long, strange, own, own] } }
  await writeState(disk, { head: padded, floor: one.head })
  const { head, damage } = await loadState(disk, self, cluster.id)
  assert.deepEqual(damage, [])
  assert.deepEqual(head, one)
})

test('R9: the first root must meet its own threshold', async () => {
  assert.ok((await verifyRoot(cluster.root.document, [])).ok)
  const unsigned = documentIn(
    signEnvelope(Buffer.from(cluster.root.document.payload), [makeKey()], {
      alg: 'Ed25519',
      typ: 'covey-root+jwt',
    }),
  )
  assert.equal((await verifyRoot(unsigned, [])).ok, false)
  const config = await verifyRoot(
    { ...cluster.root.document, signatures: signed(1).signatures },
    [],
  )
  assert.equal(config.ok ? '' : config.fault.code, 'header-type')
})

test('disk: files are 0600 in a folder of 0700, and nothing is left over', async (t) => {
  const folder = join(await temporaryFolder(t), 'state')
  const disk = createDisk(folder)
  await disk.replace([
    { path: 'a.json', content: '1' },
    { path: 'roots/1.json', content: '2' },
  ])
  await disk.replace([{ path: 'a.json', content: '3' }])
  assert.equal(await readFile(join(folder, 'a.json'), 'utf8'), '3')
  assert.deepEqual(await disk.list('roots'), ['1.json'])
  assert.equal((await stat(join(folder, 'a.json'))).mode & 0o777, 0o600)
  assert.equal((await stat(folder)).mode & 0o777, 0o700)
  assert.deepEqual((await readdir(folder)).sort(), ['a.json', 'roots'])
  assert.equal(await disk.read('none'), null)
  assert.deepEqual(await disk.list('none'), [])
})

async function enrolledDisk(folder: string): Promise<Disk> {
  const disk = createDisk(folder)
  await disk.replace([{ path: rootPath(1), content: envelopeText(cluster.root.document) }])
  return disk
}

test('D5: a head that was written is proven again at the start', async (t) => {
  const disk = await enrolledDisk(await temporaryFolder(t))
  const [one, two] = [await held(1), await held(2)]
  await writeState(disk, { head: one, floor: one.head })
  await writeState(disk, { previous: one, head: two, floor: two.head })
  await writeState(disk, { confirmed: two })
  const durable = await loadState(disk, self, cluster.id)
  const { damage } = durable
  assert.deepEqual(
    damage.map((fault) => fault.message),
    [],
  )
  assert.deepEqual([durable.head, durable.previous, durable.confirmed], [two, one, two])
  assert.deepEqual(durable.floor, two.head)
})

test('D6: the floor is at least the verified head, whatever its file says', async (t) => {
  const disk = await enrolledDisk(await temporaryFolder(t))
  const [one, two] = [await held(1), await held(2)]
  await writeState(disk, { head: two, floor: one.head })
  assert.deepEqual((await loadState(disk, self, cluster.id)).floor, two.head)
})

const damages: readonly (readonly [name: string, change: (text: string) => string])[] = [
  ['truncated', (text) => text.slice(0, text.length / 2)],
  ['emptied', () => ''],
  ['full of zeros', (text) => '\0'.repeat(text.length)],
  ['signed by nobody', (text) => JSON.stringify({ ...JSON.parse(text), signatures: [] })],
  ['with another payload', (text) => JSON.stringify({ ...JSON.parse(text), payload: 'e30' })],
]

for (const [name, change] of damages) {
  test(`D5: a head ${name} is left out and said; confirmed and floor stay`, async (t) => {
    const folder = await temporaryFolder(t)
    const disk = await enrolledDisk(folder)
    const one = await held(1)
    await writeState(disk, { head: one, confirmed: one, floor: one.head })
    const path = join(folder, 'head.json')
    await writeFile(path, change(await readFile(path, 'utf8')))
    const durable = await loadState(disk, self, cluster.id)
    const { damage } = durable
    assert.equal(durable.head, null)
    assert.deepEqual(durable.confirmed, one)
    assert.deepEqual(durable.floor, one.head)
    assert.match(damage[0]?.message ?? '', /^head\.json: /)
  })
}

test('D5, R9: without its own first root a node does not start', async (t) => {
  const folder = await temporaryFolder(t)
  await assert.rejects(loadState(createDisk(folder), self, cluster.id), { code: 'state-damaged' })
  const disk = await enrolledDisk(folder)
  await assert.rejects(loadState(disk, self, makeCluster().id), { code: 'state-damaged' })
})

test('store: evidence is kept within its bound', async (t) => {
  const disk = await enrolledDisk(await temporaryFolder(t))
  for (let version = 1; version <= 18; version++)
    await writeState(disk, { evidence: await held(version) })
  assert.equal((await disk.list('evidence')).length, 16)
})

test('wire: a delivery survives packing, whatever its bytes', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.uint8Array(), { maxLength: 3 }),
      fc.uint8Array(),
      async (roots, payload) => {
        const { signatures } = signed(1)
        const delivery = {
          roots: roots.map((root) => ({ payload: root, signatures })),
          config: { payload, signatures },
        }
        assert.deepEqual(await unpackDelivery(await packDelivery(delivery)), {
          ok: true,
          value: delivery,
        })
      },
    ),
    { numRuns: 50 },
  )
})

test('G12: garbage, bombs and lengths that do not add up are refused', async () => {
  const head = (bytes: number): string =>
    `${JSON.stringify([{ bytes, signatures: signed(1).signatures }])}\n`
  const hostile = [
    Buffer.alloc(0),
    Buffer.from('garbage'),
    zstdCompressSync(Buffer.alloc(envelopeBytesMax + 1)),
    zstdCompressSync(Buffer.from('no newline')),
    zstdCompressSync(Buffer.from('[]\n')),
    zstdCompressSync(Buffer.from('[1]\n')),
    zstdCompressSync(Buffer.from(`${head(5)}1234`)),
    zstdCompressSync(Buffer.from(`${head(3)}1234`)),
    zstdCompressSync(Buffer.from(head(-1))),
    zstdCompressSync(Buffer.from('[{"bytes":0,"signatures":[]}]\n')),
    zstdCompressSync(Buffer.from('[{"bytes":0,"signatures":[{"protected":"a","signature":1}]}]\n')),
  ]
  for (const packed of hostile) assert.equal((await unpackDelivery(packed)).ok, false)
})

test('wire: no frame makes the decoder throw', async () => {
  const head = { epoch: 1, version: 1, digest: cluster.id }
  const packed = await packDelivery({ roots: [], config: signed(1) })
  const frame = encodeFrame({ kind: 'head', head }, packed)
  const decoded = await decodeFrame(frame)
  assert.ok(decoded.ok && decoded.value.delivery !== null)
  await fc.assert(
    fc.asyncProperty(fc.nat(frame.length - 1), fc.nat(255), async (at, byte) => {
      const changed = Uint8Array.from(frame)
      changed[at] = byte
      await decodeFrame(changed)
      await decodeFrame(frame.subarray(0, at))
    }),
    { numRuns: 200 },
  )
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ maxLength: 200 }),
      async (bytes) => void (await decodeFrame(bytes)),
    ),
  )
})

test('store: a start makes the floor of its head durable before the head is told', async (t) => {
  const folder = await temporaryFolder(t)
  const disk = await enrolledDisk(folder)
  const [one, two] = [await held(1), await held(2)]
  await writeState(disk, { head: two, floor: one.head })
  await loadState(disk, self, cluster.id)
  await writeFile(join(folder, 'head.json'), 'damaged')
  assert.deepEqual((await loadState(disk, self, cluster.id)).floor, two.head)
})
