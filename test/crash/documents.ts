import assert from 'node:assert/strict'
import { checkConfig } from '../../agent/state/store.ts'
import { verifyRoot } from '../../agent/state/verify-root.ts'
import type { HeldConfig, HeldRoot } from '../../protocol/node/durable.ts'
import {
  configText,
  documentIn,
  makeCluster,
  signEnvelope,
  type TestCluster,
} from '../protocol/cluster.ts'

/** A cluster with really signed documents, made once for all cases. */
export interface SignedWorld {
  readonly cluster: TestCluster
  /** Versions of epoch 1, each the only ancestor of the next. */
  readonly one: HeldConfig
  readonly two: HeldConfig
  readonly three: HeldConfig
  /** Another version 2. */
  readonly twoToo: HeldConfig
  /** A version 3 whose ancestors leave version 2 out. */
  readonly branch: HeldConfig
  readonly root2: HeldRoot
  readonly root2Too: HeldRoot
  /** First version of epoch 2, which takes effect with `root2`. */
  readonly next: HeldConfig
}

/** Signs everything that the cases write. */
export async function signWorld(): Promise<SignedWorld> {
  const cluster = makeCluster()
  const config = async (
    version: number,
    members: object,
    roots: readonly HeldRoot[] = [cluster.root],
  ): Promise<HeldConfig> => {
    const text = configText(cluster, version, members)
    const checked = await checkConfig(documentIn(signEnvelope(text, cluster.operators)), roots)
    assert.ok(checked.ok)
    return checked.value
  }
  const after = (held: HeldConfig): object => {
    const { epoch, version, digest } = held.head
    return { ancestors: [[epoch, version, digest]] }
  }
  const one = await config(1, {})
  const two = await config(2, after(one))
  const twoToo = await config(2, { ...after(one), note: 'another' })
  const three = await config(3, after(two))
  const branch = await config(3, { ...after(twoToo), note: 'branch' })
  const root2 = await nextRoot(cluster, 'home')
  const root2Too = await nextRoot(cluster, 'another')
  const next = await config(1, { ...after(three), epoch: 2 }, [cluster.root, root2])
  return { cluster, one, two, three, twoToo, branch, root2, root2Too, next }
}

async function nextRoot(cluster: TestCluster, name: string): Promise<HeldRoot> {
  const text = JSON.stringify({
    ...JSON.parse(Buffer.from(cluster.root.document.payload).toString()),
    epoch: 2,
    previous: cluster.id,
    cluster: name,
  })
  const header = { alg: 'Ed25519', typ: 'covey-root+jwt' }
  const document = documentIn(signEnvelope(text, cluster.operators, header))
  const checked = await verifyRoot(document, [cluster.root])
  assert.ok(checked.ok)
  return checked.value
}
