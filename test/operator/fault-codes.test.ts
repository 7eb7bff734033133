import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { verifiedKids, verifyConfig } from '../../operator/signing/verify.ts'
import { verifyDocument } from '../../platform/signatures.ts'
import type { Envelope } from '../../protocol/documents/envelope.ts'
import { keysOf } from '../../protocol/documents/root.ts'
import type { Fault } from '../../protocol/fault.ts'
import { judgeDocument } from '../../protocol/node/judge.ts'
import { configText, documentIn, makeCluster, makeKey, signEnvelope } from '../protocol/cluster.ts'

const cluster = makeCluster(2, 2)
const { operators } = cluster
const [first = makeKey()] = operators

function signed(members: object = {}): Envelope {
  return signEnvelope(configText(cluster, 1, members), operators)
}

function withSignature(envelope: Envelope, change: (signature: string) => string): Envelope {
  const signatures = envelope.signatures.map((one) => ({
    ...one,
    signature: change(one.signature),
  }))
  return { ...envelope, signatures }
}

/** The fault that a node finds in a document. */
async function nodeSays(envelope: Envelope): Promise<Fault | undefined> {
  const document = documentIn(envelope)
  const verified = await verifyDocument(document, 'config', keysOf([cluster.root.root]))
  if (!verified.ok) return verified.fault
  const judged = judgeDocument([cluster.root], document, verified)
  if (!judged.ok) return judged.fault
  const { body } = judged.value.parsed
  return body.ok ? undefined : body.fault
}

/** The fault that the operator's commands find in it. */
async function commandSays(envelope: Envelope): Promise<Fault | undefined> {
  const trust = { clusterId: cluster.id, roots: [cluster.root.root] }
  const verified = await verifyConfig(envelope, trust)
  return verified.ok ? undefined : verified.fault
}

const cases: readonly (readonly [name: string, envelope: Envelope, code: string | undefined])[] = [
  ['nothing', signed(), undefined],
  ['another payload', { ...signed(), payload: signed({ iat: 1 }).payload }, 'bad-signature'],
  ['a short signature', withSignature(signed(), (text) => text.slice(4)), 'signature-malformed'],
  ['only a stranger', signEnvelope(configText(cluster, 1), [makeKey()]), 'unknown-key'],
  ['one key of two', signEnvelope(configText(cluster, 1), [first]), 'below-threshold'],
  ['no UTF-8', signEnvelope(Uint8Array.from([0xff]), operators), 'payload-not-utf8'],
  ['a later epoch', signed({ epoch: 2 }), 'epoch-ahead'],
  ['another cluster', signed({ aud: `sha256:${'0'.repeat(64)}` }), 'other-cluster'],
  [
    'another kind of document',
    signEnvelope(configText(cluster, 1), operators, { alg: 'Ed25519', typ: 'covey-root+jwt' }),
    'header-type',
  ],
]

describe('a fault has one code', () => {
  it('with a node and with the operator’s commands: a key under the name of another', async () => {
    const [key, other] = [makeKey(), makeKey()]
    const envelope = signEnvelope(configText(cluster, 1), [{ ...key, kid: other.kid }])
    const ring = { [other.kid]: key.jwk }
    const node = await verifyDocument(documentIn(envelope), 'config', ring)
    const command = await verifiedKids('config', envelope, ring)
    assert.equal(node.ok ? 'good' : node.fault.code, 'root-kid')
    assert.equal(command.ok ? 'good' : command.fault.code, 'root-kid')
  })

  for (const [name, envelope, code] of cases) {
    it(`with a node and with the operator's commands: ${name}`, async () => {
      const [node, command] = [await nodeSays(envelope), await commandSays(envelope)]
      assert.equal(node?.code, code)
      assert.deepEqual([command?.code, command?.path], [node?.code, node?.path])
    })
  }
})
