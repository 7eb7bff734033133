import type { Config } from '../../../protocol/documents/config.ts'
import { type OperatorFolder, openFolder } from '../../folder/folder.ts'
import { newestConfig } from '../../folder/history.ts'
import { makeConfig, type SignOptions } from '../../signing/make-config.ts'
import type { VerifiedConfig } from '../../signing/verify.ts'
import { Failure } from '../../terminal/failure.ts'
import type { Session } from '../../terminal/session.ts'
import { counted } from '../../terminal/style.ts'
import { signSwitches } from '../config/sign.ts'
import type { Input } from '../definition.ts'
import { deliver, expectOutput } from '../trust/deliver.ts'
import { confirm } from './confirm.ts'
import { compiledLayout, expectAdopted, expectNoVariables } from './layout-hosts.ts'
import { lookAtNode, type NodeLook } from './look-at-node.ts'
import { expectSameHead, readPlanFile } from './plan-file.ts'
import { expectMeant, isEmpty, type Proposal, propose, showPlan } from './proposal.ts'
import { type Released, release } from './release.ts'
import { report } from './report.ts'
import { replacingDocker } from './take-back.ts'
import { timeoutOf } from './watching/timeout.ts'

/** `covey apply [plan]`: the layout, or a plan of it, all the way to the hosts. */
export async function applyLayout(session: Session, input: Input): Promise<void> {
  const folder = await openFolder(session)
  const [file] = input.args
  const offline = input.is('offline')
  if (!offline && input.text('output') !== undefined) {
    throw new Failure(2, 'usage', '-o goes with --offline', {
      hint: 'covey apply --offline -o FILE',
    })
  }
  if (offline && file !== undefined) {
    throw new Failure(2, 'usage', 'a plan is for the node that it was made with: without --offline')
  }
  if (input.list('replaceDocker').length > 0 && (offline || !input.is('wait'))) {
    throw new Failure(
      2,
      'usage',
      '--replace-docker has to see whether the services become healthy',
      {
        hint: 'without --offline and --no-wait',
      },
    )
  }
  expectNoVariables(input)
  const timeoutMs = timeoutOf(input)
  if (file !== undefined) {
    const { base, hosts } = await readPlanFile(session, folder, file)
    const look = await lookAtNode(session, folder)
    expectSameHead(base, look)
    return await send(session, folder, input, { look, hosts, warnings: [], timeoutMs })
  }
  const compiled = await compiledLayout(session, folder, input)
  const { hosts, warnings } = compiled
  await expectOutput(session, input)
  if (offline) {
    return await signOffline(session, folder, input, compiled)
  }
  const look = await lookAtNode(session, folder)
  expectAdopted(look.head, compiled)
  await send(session, folder, input, { look, hosts, warnings, timeoutMs })
}

async function signOffline(
  session: Session,
  folder: OperatorFolder,
  input: Input,
  compiled: Awaited<ReturnType<typeof compiledLayout>>,
): Promise<void> {
  const { hosts } = compiled
  const newest = await newestConfig(folder)
  expectAdopted(newest, compiled)
  expectMeant(input, propose({ head: newest, common: newest }, hosts))
  const options = { ...(await signSwitches(session, folder, input)), withOthers: true }
  const draft = { hosts, others: {}, allowIsolation: [], version: undefined }
  const same = unchanged(folder, newest, hosts)
  await deliver(session, folder, input, same ?? (await makeConfig(session, folder, draft, options)))
}

/** A config to send, and its receiver. */
interface Sending {
  readonly look: NodeLook
  readonly hosts: Config['hosts']
  readonly warnings: readonly string[]
  readonly timeoutMs: number
}

async function send(
  session: Session,
  folder: OperatorFolder,
  input: Input,
  { look, hosts, warnings, timeoutMs }: Sending,
): Promise<void> {
  const switches = await signSwitches(session, folder, input)
  expectSuccession(look, switches)
  const { says, mustSign } = look.succession
  if (says !== null) session.note(says)
  const proposal = propose(look, hosts)
  showPlan(session, proposal)
  expectMeant(input, proposal)
  const again = mustSign ? null : unchanged(folder, look.newest, hosts)
  if (!input.is('yes')) await askFirst(session, folder, { again, look, proposal })
  if (again !== null) session.note(againText(look.succession.kind))
  // Commander turns `--no-wait` into `wait: false`.
  const waits = input.is('wait')
  const run = async (): Promise<Released> =>
    await release(session, {
      ...{ folder, look, proposal, switches, again, waits, timeoutMs },
    })
  const stacks = input.list('replaceDocker')
  const replacing = { folder, look, hosts, switches, stacks }
  const released =
    stacks.length === 0 ? await run() : await replacingDocker(session, replacing, run)
  report(session, { released, proposal, warnings })
}

/** Refuses, before a version is taken, what could not be told from a mistake. */
function expectSuccession({ succession }: NodeLook, { allowGap }: SignOptions): void {
  if (succession.kind !== 'unknown' || allowGap) return
  throw new Failure(4, 'gap', succession.says ?? '', {
    hint: 'name a host that is up to date with --to; if this one is far behind: --allow-gap',
  })
}

/** The newest config of the history, where it is what the layout comes to. */
function unchanged(
  { chain }: OperatorFolder,
  newest: VerifiedConfig | null,
  hosts: object,
): VerifiedConfig | null {
  if (newest === null || newest.head.epoch !== chain.newest.epoch) return null
  return JSON.stringify(newest.config.hosts) === JSON.stringify(hosts) ? newest : null
}

function againText(kind: NodeLook['succession']['kind']): string {
  return kind === 'unsent'
    ? 'the layout is as it was when that was signed; sending it'
    : 'nothing has changed since it was signed; sending it again'
}

async function askFirst(
  session: Session,
  folder: OperatorFolder,
  {
    again,
    look,
    proposal,
  }: {
    readonly again: VerifiedConfig | null
    readonly look: NodeLook
    readonly proposal: Proposal
  },
): Promise<void> {
  const version = again?.head.version
  const sending =
    look.succession.kind === 'unsent'
      ? `Send version ${version}`
      : `Nothing has changed. Send version ${version} again`
  const signing = isEmpty(proposal) ? 'Nothing has changed. Sign and send it' : 'Sign and send'
  const what = again === null ? signing : sending
  const hosts = counted(Object.keys(proposal.after.hosts).length, 'host')
  await confirm(session, `${what} to ${folder.chain.cluster} (${hosts})?`, 'covey apply --yes')
}
