import { faultText } from '../../../protocol/fault.ts'
import { fieldChanges } from '../../diff/fields.ts'
import { restoredHosts } from '../../diff/restore.ts'
import { type OperatorFolder, openFolder } from '../../folder/folder.ts'
import { listHistory, readHistory } from '../../folder/history.ts'
import { planHistoryMax } from '../../limits.ts'
import { configFaults } from '../../signing/draft.ts'
import type { VerifiedConfig } from '../../signing/verify.ts'
import { Failure } from '../../terminal/failure.ts'
import type { Session } from '../../terminal/session.ts'
import { signSwitches } from '../config/sign.ts'
import type { Input } from '../definition.ts'
import { confirm } from './confirm.ts'
import { lookAtNode } from './look-at-node.ts'
import { expectMeant, isEmpty, propose, showPlan } from './proposal.ts'
import { release } from './release.ts'
import { report } from './report.ts'
import { timeoutOf } from './watching/timeout.ts'

/**
 * `covey rollback [version]`: older services as a new version. Who belongs to
 * the cluster, its networks and its secrets stay as they are.
 */
export async function rollBack(session: Session, input: Input): Promise<void> {
  const folder = await openFolder(session)
  const timeoutMs = timeoutOf(input)
  const look = await lookAtNode(session, folder)
  const { head } = look
  if (head === null) {
    throw new Failure(
      1,
      'no-config',
      'this node holds no config yet: there is nothing to go back from',
    )
  }
  const older = await olderConfig(folder, head, input)
  const hosts = restoredHosts(head.config, older.config)
  expectWhole(older, hosts)
  const proposal = propose(look, hosts)
  if (isEmpty(proposal)) {
    const text = `services are as version ${older.head.version} had them: nothing to do\n`
    session.result({ head: head.head, restored: older.head }, text)
    return
  }
  session.note(`services go back to version ${older.head.version}:`)
  showPlan(session, proposal)
  expectMeant(input, proposal)
  if (!input.is('yes')) {
    const question = `Sign and send this to ${folder.chain.cluster}?`
    await confirm(session, question, 'covey rollback --yes')
  }
  const switches = await signSwitches(session, folder, input)
  const again = null
  const waits = input.is('wait')
  const released = await release(session, {
    ...{ folder, look, proposal, switches, again, waits, timeoutMs },
  })
  report(session, { released, proposal, warnings: [] })
}

/** The version that was asked for, or the newest before the head whose services were others. */
async function olderConfig(
  folder: OperatorFolder,
  head: VerifiedConfig,
  input: Input,
): Promise<VerifiedConfig> {
  const [asked] = input.args
  const entries = (await listHistory(folder)).filter(({ epoch, version }) => {
    const { head: now } = head
    return epoch < now.epoch || (epoch === now.epoch && version < now.version)
  })
  const hint = 'covey history lists what was signed'
  if (asked !== undefined) {
    if (!/^[1-9]\d{0,9}$/.test(asked)) {
      throw new Failure(2, 'usage', `${asked}: this is no version`, { hint })
    }
    const entry = entries.find(({ version }) => version === Number(asked))
    if (entry !== undefined) return await readHistory(folder, entry)
    const message = `version ${asked} is not in the history, or not before version ${head.head.version}`
    throw new Failure(2, 'no-such-version', message, { hint })
  }
  for (const entry of entries.slice(0, planHistoryMax)) {
    const older = await readHistory(folder, entry)
    const hosts = restoredHosts(head.config, older.config)
    if (fieldChanges(head.config.hosts, hosts).length > 0) return older
  }
  const message = 'no version before this one had other services'
  throw new Failure(1, 'no-such-version', message, { hint })
}

/** Services that rest on what is gone, such as a secret, cannot come back. */
function expectWhole({ head }: VerifiedConfig, hosts: VerifiedConfig['config']['hosts']): void {
  const faults = configFaults({ hosts })
  const [first] = faults
  if (first === undefined) return
  const more = faults.length === 1 ? '' : `, and ${faults.length - 1} more`
  const message = `services of version ${head.version} do not fit what is there now: ${faultText(first)}${more}`
  throw new Failure(4, 'rollback-faulty', message, {
    hint: 'mend the layout instead, and apply it; secrets and networks never go back',
  })
}
