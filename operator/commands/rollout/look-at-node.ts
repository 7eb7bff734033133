import type { Status } from '../../../protocol/api/status.ts'
import { parseEnvelope } from '../../../protocol/documents/envelope.ts'
import { faultText } from '../../../protocol/fault.ts'
import { compareHeads, samePosition } from '../../../protocol/heads.ts'
import { ask } from '../../agent-client/client.ts'
import { askStatus } from '../../agent-client/status.ts'
import type { OperatorFolder } from '../../folder/folder.ts'
import { listHistory, newestConfig, readHistory, recordConfig } from '../../folder/history.ts'
import { type Succession, successionOf } from '../../signing/succession.ts'
import { type VerifiedConfig, verifyConfig } from '../../signing/verify.ts'
import { Failure } from '../../terminal/failure.ts'
import type { Session } from '../../terminal/session.ts'

/** A node as it was before anything was signed for it. Nothing was written for this. */
export interface NodeLook {
  readonly status: Status
  /** Its head, or null where it has no config yet. */
  readonly head: VerifiedConfig | null
  /** The newest config of the history, and of the node where that one is newer. */
  readonly newest: VerifiedConfig | null
  /** True if another operator signed the head, and it is not in the history yet. */
  readonly isNews: boolean
  /** The newest config of the history that the head is, or follows; null for none. */
  readonly common: VerifiedConfig | null
  readonly succession: Succession
}

/**
 * Looks at a node before it takes a version. Throws `Failure` with exit code 4 where the node
 * would take nothing of this folder: `other-cluster`, `floor-unknown`, and the faults of
 * `verifyConfig`.
 */
export async function lookAtNode(session: Session, folder: OperatorFolder): Promise<NodeLook> {
  const { status } = await askStatus(session)
  expectTaker(folder, status)
  const head = await headOfNode(session, folder)
  const ours = await newestConfig(folder)
  const isNews = head !== null && isBehind(ours, head)
  const newest = isNews ? head : ours
  const isForked = status.alarms.some(({ code }) => code === 'fork')
  const common = head === null ? null : await commonConfig(folder, head)
  const isRecorded = isNews || (head !== null && common?.head.digest === head.head.digest)
  const succession = successionOf({ ours: newest, theirs: head, isRecorded, isForked })
  return { status, head, newest, isNews, common, succession }
}

/** Takes the config of another operator into the history, so that the next one follows it. */
export async function takeNews(
  session: Session,
  folder: OperatorFolder,
  { head, isNews }: NodeLook,
): Promise<void> {
  if (head === null || !isNews) return
  await recordConfig(folder, head.head, head.envelope)
  session.note(`took version ${head.head.version} of another operator into the history`)
}

function expectTaker({ chain }: OperatorFolder, status: Status): void {
  if (status.cluster_id !== '' && status.cluster_id !== chain.clusterId) {
    const message = `${status.host} belongs to another cluster, which is named "${status.cluster}"`
    throw new Failure(4, 'other-cluster', message, {
      hint: `name a host of ${chain.cluster} with --to, or its folder with --dir`,
    })
  }
  if (status.state !== 'floor-unknown') return
  const message = `${status.host} does not know any more what it held, and takes nothing new yet`
  throw new Failure(4, 'floor-unknown', message, {
    hint: 'it ends once most of its peers have answered; name another host with --to',
  })
}

/** The config that a node holds, verified; null where it has none. Throws as `lookAtNode` does. */
export async function headOfNode(
  session: Session,
  folder: OperatorFolder,
): Promise<VerifiedConfig | null> {
  const answer = await ask(session, { method: 'GET', path: '/v1/config' })
  if (answer.status === 404) return null
  const envelope = parseEnvelope(answer.text)
  if (!envelope.ok)
    throw new Failure(1, 'answer-broken', `the agent's config: ${faultText(envelope.fault)}`)
  const verified = await verifyConfig(envelope.value, folder.chain)
  if (verified.ok) return verified.value
  const { fault } = verified
  const isNewer = ['epoch-ahead', 'unknown-key', 'below-threshold'].includes(fault.code)
  throw new Failure(4, fault.code, `the agent's config: ${faultText(fault)}`, {
    hint: isNewer
      ? 'if the root was rotated, take the new one in: covey root sign DELIVERY, from who made it'
      : 'is this the folder of the cluster that the agent belongs to?',
  })
}

function isBehind(ours: VerifiedConfig | null, { head }: VerifiedConfig): boolean {
  if (ours === null) return true
  return compareHeads(ours.head, head) < 0 && !samePosition(ours.head, head)
}

/** The newest config of the history that is this one, or among those that it follows. */
async function commonConfig(
  folder: OperatorFolder,
  { head, config }: VerifiedConfig,
): Promise<VerifiedConfig | null> {
  const chain = new Map(
    config.ancestors.map(([epoch, version, digest]) => {
      return [`${epoch}.${version}`, digest]
    }),
  )
  chain.set(`${head.epoch}.${head.version}`, head.digest)
  for (const entry of await listHistory(folder)) {
    const digest = chain.get(`${entry.epoch}.${entry.version}`)
    if (digest === undefined) continue
    const recorded = await readHistory(folder, entry)
    if (recorded.head.digest === digest) return recorded
  }
  return null
}
