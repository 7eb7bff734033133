import type { Config } from '../../../protocol/documents/config.ts'
import { fieldChanges } from '../../diff/fields.ts'
import type { Plan } from '../../diff/plan-document.ts'
import { planJson } from '../../diff/plan-json.ts'
import { planLines } from '../../diff/plan-text.ts'
import { readSource } from '../../files/read-text.ts'
import { writeWhole } from '../../files/write-file.ts'
import { type OperatorFolder, openFolder } from '../../folder/folder.ts'
import { listHistory, readHistory } from '../../folder/history.ts'
import { configSourceBytesMax, planHistoryMax } from '../../limits.ts'
import { draftFrom } from '../../signing/draft.ts'
import { parseJsonSource } from '../../sources/json-source.ts'
import { ExitWith, Failure } from '../../terminal/failure.ts'
import { jsonText, type Session } from '../../terminal/session.ts'
import { ageText, counted } from '../../terminal/style.ts'
import type { Input } from '../definition.ts'
import { compiledLayout, expectNoVariables } from './layout-hosts.ts'
import { lookAtNode, type NodeLook } from './look-at-node.ts'
import { isPlanFile, type PlanFile, planIn } from './plan-file.ts'
import { type Proposal, propose } from './proposal.ts'
import { audienceOf } from './watching/watch.ts'

/** `covey plan [config]`: what apply would do. It writes nothing but the file that it is given. */
export async function showLayoutPlan(session: Session, input: Input): Promise<void> {
  const folder = await openFolder(session)
  const [file] = input.args
  expectNoVariables(input)
  const hosts =
    file === undefined
      ? (await compiledLayout(session, folder, input)).hosts
      : await hostsInFile(session, folder, file)
  const look = await lookAtNode(session, folder)
  const proposal = propose(look, hosts)
  const only = input.text('host')
  if (only !== undefined) expectHost(proposal, only)
  const version = look.head?.head.version ?? null
  const document = planJson(proposal.plan, version)
  const output = input.text('out')
  if (output !== undefined) {
    const base = look.head?.head ?? null
    const kept: PlanFile = {
      ...{ covey_plan: 1, cluster_id: folder.chain.clusterId, base, hosts, plan: document },
    }
    await writeWhole(session.io.files, session.path(output), jsonText(kept))
  }
  const { silent } = audienceOf(look.status, Object.keys(hosts).sort())
  const shown = only === undefined ? proposal.plan : planOfHost(proposal.plan, only)
  const text = await planText(session, folder, { look, proposal, shown, silent })
  session.result({ ...planJson(shown, version), silent }, text)
  const isDifferent = proposal.plan.changes.length > 0
  if (isDifferent && input.is('detailedExitcode')) throw new ExitWith(3)
}

/** The hosts of a config by hand, or of a plan that was kept. */
async function hostsInFile(
  session: Session,
  folder: OperatorFolder,
  file: string,
): Promise<Config['hosts']> {
  const source = await readSource(session, file, {
    bytesMax: configSourceBytesMax,
    kind: 'a config',
    hint: 'a config is JSON: {"hosts": {…}}',
  })
  const located = parseJsonSource(source)
  if (isPlanFile(located.value)) return planIn(located, folder.chain).hosts
  const { clusterId, newest } = folder.chain
  return draftFrom(located, { clusterId, epoch: newest.epoch }).hosts
}

function expectHost({ before, after }: Proposal, host: string): void {
  if (Object.hasOwn(before.hosts, host) || Object.hasOwn(after.hosts, host)) return
  throw new Failure(2, 'no-such-host', `there is no host ${host}`, { hint: 'covey host list' })
}

/** The part of a plan that is about one host; guards are for all. */
function planOfHost(plan: Plan, only: string): Plan {
  const isOwn = ({ host }: { readonly host: string }): boolean => host === only
  const { changes, opens, closes, loses, needs, guards } = plan
  return {
    changes: changes.filter(isOwn),
    opens: opens.filter(isOwn),
    closes: closes.filter(isOwn),
    loses: loses.filter(isOwn),
    needs: needs.filter(isOwn),
    guards,
  }
}

interface PlanView {
  readonly look: NodeLook
  readonly proposal: Proposal
  readonly shown: Plan
  readonly silent: readonly string[]
}

async function planText(
  session: Session,
  folder: OperatorFolder,
  { look, proposal, shown, silent }: PlanView,
): Promise<string> {
  const { paint } = session
  const tones = { plain: undefined, warning: 'busy', refusal: 'bad' } as const
  const lines = planLines(shown, proposal.after).map(({ tone, text }) => {
    const colour = tones[tone]
    return colour === undefined ? text : paint(colour, text)
  })
  const held = look.head === null ? 'no config' : `version ${look.head.head.version}`
  const first = `${look.status.host} holds ${held}`
  if (shown.changes.length === 0) lines.unshift(`${first}: nothing to do`)
  const behind = await behindText(session, folder, look, proposal)
  if (behind !== null) lines.push(behind)
  if (silent.length > 0) lines.push(`silent: ${silent.join(', ')}; they take it once they are back`)
  return lines.map((line) => `${line}\n`).join('')
}

/** Since when the layout is behind: where an older version was just what it says now. */
async function behindText(
  session: Session,
  folder: OperatorFolder,
  { head }: NodeLook,
  { after, plan }: Proposal,
): Promise<string | null> {
  if (head === null || plan.changes.length === 0) return null
  const older = (await listHistory(folder)).filter(({ epoch, version }) => {
    return epoch < head.head.epoch || (epoch === head.head.epoch && version < head.head.version)
  })
  let since = head.config.iat
  for (const [index, entry] of older.slice(0, planHistoryMax).entries()) {
    const { config } = await readHistory(folder, entry)
    if (fieldChanges(config.hosts, after.hosts).length === 0) {
      const age = since === null ? '' : `, ${ageText(session.io.now() / 1000 - since)} ago`
      const more = counted(index + 1, 'version')
      return `the layout is behind: it says what version ${entry.version} said; ${more} came after${age}`
    }
    since = config.iat
  }
  return null
}
