import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { zstdCompressSync } from 'node:zlib'
import { envelopeText } from '../../agent/state/documents.ts'
import { loadState, rootPath, stateFiles } from '../../agent/state/store.ts'
import { unpackDelivery } from '../../agent/state/wire.ts'
import { createDisk } from '../../machine/files/disk.ts'
import { verifyDocument } from '../../platform/signatures.ts'
import { envelopeBytesMax, payloadBytesMax } from '../../protocol/limits.ts'
import { configText, documentIn, makeCluster, makeKey, signEnvelope } from '../protocol/cluster.ts'
import { temporaryFolder } from '../temporary.ts'

const cluster = makeCluster()
const self = { host: 'h0', peerId: 'p', agentVersion: 'x' }

test('R8: a key whose name in the ring is not its thumbprint is refused', async () => {
  const [key, other] = [makeKey(), makeKey()]
  const misnamed = { ...key, kid: other.kid }
  const document = documentIn(signEnvelope(configText(cluster, 1), [misnamed]))
  const verified = await verifyDocument(document, 'config', { [other.kid]: key.jwk })
  assert.equal(verified.ok ? 'good' : verified.fault.code, 'root-kid')
})

test('D6: a floor that is gone or cannot be read is not known', async (t) => {
  for (const [floor, isKnown] of [
    ['null\n', true],
    ['{"epoch":1,', false],
    [null, false],
  ] as const) {
    const disk = createDisk(join(await temporaryFolder(t), 'state'))
    const root = { path: rootPath(1), content: envelopeText(cluster.root.document) }
    await disk.replace([
      root,
      ...(floor === null ? [] : [{ path: stateFiles.floor, content: floor }]),
    ])
    const { floorKnown } = await loadState(disk, self, cluster.id)
    assert.equal(floorKnown, isKnown, String(floor))
  }
})

test('G12: what unpacks to more than an envelope is refused, however sound it is', async () => {
  const signatures = documentIn(signEnvelope(configText(cluster, 1), cluster.operators)).signatures
  const heads = [1, 2].map(() => ({ bytes: payloadBytesMax, signatures }))
  const raw = Buffer.concat([
    Buffer.from(`${JSON.stringify(heads)}\n`),
    Buffer.alloc(2 * payloadBytesMax),
  ])
  assert.ok(raw.length > envelopeBytesMax)
  const unpacked = await unpackDelivery(zstdCompressSync(raw))
  assert.equal(unpacked.ok ? 'unpacked' : unpacked.fault.code, 'delivery')
})
