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

/** The state of a node before anything is signed for it. */
export interface NodeLook {
  readonly status: Status
  /** Its head, or null where it has no config yet. */
  readonly head: VerifiedConfig | null
  /** The newest config of the history, the node's included. */
  readonly newest: VerifiedConfig | null
  readonly succession: Succession
}

/**
 * Looks at a node before a version is taken for it. A newer config that another operator signed is
 * added to the history, so that the next one follows it. Throws `Failure` with exit code 4 if the
 * node would accept nothing from this folder: `other-cluster`, `floor-unknown`, and the faults of
 * `verifyConfig`.
 */
export async function lookAtNode(session: Session, folder: OperatorFolder): Promise<NodeLook> {
  const { status } = await askStatus(session)
  expectTaker(folder, status)
  const head = await headOfNode(session, folder)
  const newest = await withHead(session, folder, head)
  const isForked = status.alarms.some(({ code }) => code === 'fork')
  const isRecorded = head !== null && (await holds(folder, head))
  const succession = successionOf({ ours: newest, theirs: head, isRecorded, isForked })
  return { status, head, newest, succession }
}

function expectTaker({ chain }: OperatorFolder, status: Status): void {
  if (status.cluster_id !== '' && status.cluster_id !== chain.clusterId) {
    const message = `${status.host} belongs to another cluster, named "${status.cluster}"`
    throw new Failure(4, 'other-cluster', message, {
      hint: `name a host of ${chain.cluster} with --to, or its folder with --dir`,
    })
  }
  if (status.state !== 'floor-unknown') return
  const message = `${status.host} has lost the record of what it held, and accepts nothing new yet`
  throw new Failure(4, 'floor-unknown', message, {
    hint: 'wait until most of its peers have answered, or name another host with --to',
  })
}

async function headOfNode(
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
      ? 'if the root was rotated, add the new one: covey root sign DELIVERY, from its maker'
      : 'is this the folder of the cluster that the agent belongs to?',
  })
}

/** Adds a newer config of the node to the history, and returns the newest one. */
async function withHead(
  session: Session,
  folder: OperatorFolder,
  theirs: VerifiedConfig | null,
): Promise<VerifiedConfig | null> {
  const ours = await newestConfig(folder)
  if (theirs === null) return ours
  const { head } = theirs
  const isBehind =
    ours === null || (compareHeads(ours.head, head) < 0 && !samePosition(ours.head, head))
  if (!isBehind) return ours
  await recordConfig(folder, head, theirs.envelope)
  session.note(`added version ${head.version} of another operator to the history`)
  return await newestConfig(folder)
}

/** True if the history holds exactly this config. */
async function holds(folder: OperatorFolder, { head }: VerifiedConfig): Promise<boolean> {
  const entry = (await listHistory(folder)).find((one) => {
    return one.epoch === head.epoch && one.version === head.version
  })
  return entry !== undefined && (await readHistory(folder, entry)).head.digest === head.digest
}
