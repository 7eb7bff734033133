import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkConfig } from '../../agent/state/store.ts'
import type { SignedDocument } from '../../protocol/documents/envelope.ts'
import { configText, documentIn, makeCluster, signEnvelope } from '../protocol/cluster.ts'

const cluster = makeCluster()

test('S8: what is wrong with a payload is not told before its signature is good', async () => {
  const document = documentIn(signEnvelope('{"a":1,"a":1}', cluster.operators))
  const [first] = document.signatures
  assert.ok(first)
  const signature = Buffer.alloc(64).toString('base64url')
  const forged = { ...document, signatures: [{ ...first, signature }] }
  const found = async (one: SignedDocument): Promise<string> => {
    const checked = await checkConfig(one, [cluster.root])
    return checked.ok ? 'good' : checked.fault.code
  }
  assert.equal(await found(document), 'duplicate-member')
  assert.equal(await found(forged), 'bad-signature')
})

test('J1: a payload is UTF-8 without a byte order mark', async () => {
  const texts = [
    [Buffer.from([0x22, 0xe9, 0x22]), 'payload-not-utf8'],
    [Buffer.from(`\uFEFF${configText(cluster, 1)}`), 'not-json'],
    [Buffer.from(configText(cluster, 1)), 'good'],
  ] as const
  for (const [bytes, code] of texts) {
    const checked = await checkConfig(documentIn(signEnvelope(bytes, cluster.operators)), [
      cluster.root,
    ])
    assert.equal(checked.ok ? 'good' : checked.fault.code, code)
  }
})
