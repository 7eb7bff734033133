import type { VerdictSummary } from '../../../protocol/api/verdict.ts'
import type { Envelope } from '../../../protocol/documents/envelope.ts'
import { rootsAfter } from '../../../protocol/node/chain.ts'
import { conflictsBetween, conflictsText } from '../../diff/conflicts.ts'
import { type Stage, stagesBetween } from '../../diff/stages.ts'
import type { OperatorFolder } from '../../folder/folder.ts'
import { makeConfig, type SignOptions } from '../../signing/make-config.ts'
import { envelopeOf } from '../../signing/root-proof.ts'
import type { VerifiedConfig } from '../../signing/verify.ts'
import { Failure } from '../../terminal/failure.ts'
import type { Session } from '../../terminal/session.ts'
import { injectDelivery } from '../config/inject.ts'
import { endFailure } from './end-failure.ts'
import { headOfNode, type NodeLook, takeNews } from './look-at-node.ts'
import type { Proposal } from './proposal.ts'
import { type Audience, audienceOf, type Watched, watchHosts } from './watching/watch.ts'

/** A change that is to come into force, and the way there. */
export interface Release {
  readonly folder: OperatorFolder
  readonly look: NodeLook
  readonly proposal: Proposal
  readonly switches: SignOptions
  /** A config that is sent as it was signed; null where one is to be signed. */
  readonly again: VerifiedConfig | null
  readonly waits: boolean
  readonly timeoutMs: number
}

/** The end of a release that has not failed. */
export interface Released {
  readonly verdict: VerdictSummary
  readonly signed: VerifiedConfig
  /** Null where nobody waited. */
  readonly watched: Watched | null
  readonly audience: Audience
}

/**
 * Signs, sends and watches, in as many versions as hosts have to take turns. Each version is in the
 * history before it is sent, and what is sent is a config for the whole cluster: where this ends
 * early, everything is as the last version says. Throws `Failure`: those of `makeConfig` and
 * `injectDelivery`, and of `endFailure`.
 */
export async function release(session: Session, release: Release): Promise<Released> {
  const { folder, look, again } = release
  const signal = session.io.interrupted()
  await takeNews(session, folder, look)
  const stages = again === null ? stagesOf(release) : []
  if (stages.length > 1) sayTurns(session, stages)
  if (again !== null) return await sendOne(session, release, again, wholeStage(release), true)
  let last: Released | undefined
  for (const [index, stage] of stages.entries()) {
    if (signal.aborted) throw stopped(last, stages.length - index)
    const signed = await makeConfig(session, folder, draftOf(stage), optionsFor(release, index))
    session.note(`signed version ${signed.head.version}`)
    if (signal.aborted) throw unsent(signed)
    last = await sendOne(session, release, signed, stage, index === stages.length - 1)
  }
  if (last === undefined) throw new Error('a release has at least one stage')
  return last
}

function stagesOf({ proposal: { before, after, plan }, waits, look }: Release): readonly Stage[] {
  // Where nobody waits there is nobody to say when the next host may go.
  if (!waits || look.head === null) return [{ hosts: after.hosts, touched: [] }]
  return stagesBetween(before, after, plan.changes)
}

function wholeStage({ proposal: { after } }: Release): Stage {
  return { hosts: after.hosts, touched: Object.keys(after.hosts) }
}

function draftOf({ hosts }: Stage): Parameters<typeof makeConfig>[2] {
  return { hosts, others: {}, allowIsolation: [], version: undefined }
}

/** The options by which `makeConfig` places a config: the first one after what the node holds. */
function optionsFor({ look, switches }: Release, index: number): SignOptions {
  if (index > 0) return switches
  const { head, succession } = look
  const held = head === null ? {} : { held: head }
  const { base } = succession
  return { ...switches, ...held, ...(base === undefined ? {} : { base, passesOver: true }) }
}

async function sendOne(
  session: Session,
  { folder, look, proposal, switches, waits, timeoutMs }: Release,
  signed: VerifiedConfig,
  stage: Stage,
  isLast: boolean,
): Promise<Released> {
  const { kind } = look.succession
  const roots = rootsFrom(folder, look.head?.head.epoch ?? null)
  // What lies in the gap was signed in this folder, or is left out on purpose and said to be.
  const allowGap = switches.allowGap || kind === 'unsent' || kind === 'branch'
  const verdict = await injectDelivery(
    session,
    { roots, config: signed.envelope },
    { ...switches, allowGap },
  ).catch(async (error: unknown) => {
    throw await withConflicts(session, folder, proposal, error)
  })
  session.note(verdict.message)
  const audience = audienceOf(look.status, Object.keys(signed.config.hosts).sort())
  const { host } = look.status
  const hears = Object.hasOwn(signed.config.hosts, host)
  if (!hears) session.note(`${host} is not in it, and does not hear who takes it: ask another host`)
  const isHead = verdict.head?.digest === signed.head.digest
  if (!waits || !hears || !isHead) return { verdict, signed, watched: null, audience }
  const hosts = isLast
    ? audience.awaited
    : audience.awaited.filter((each) => stage.touched.includes(each))
  const starts = Object.values(signed.config.hosts).some((section) => {
    return Object.values(section).some(({ type }) => type === 'runc_container')
  })
  const watched = await watchHosts(session, { head: signed.head, hosts, starts, timeoutMs })
  if (watched.end === 'well') return { verdict, signed, watched, audience }
  throw await endFailure(session, { watched, signed, isLast, proposal, folder })
}

function sayTurns(session: Session, stages: readonly Stage[]): void {
  const turns = stages.map(({ touched }) => touched.join(', ')).join('; then ')
  session.note(`hosts take turns, in ${stages.length} versions: ${turns}`)
}

function stopped(last: Released | undefined, left: number): Failure {
  const message =
    last === undefined
      ? 'you stopped it before anything was signed'
      : `you stopped it: version ${last.signed.head.version} is in force, and ${left} more to come`
  const hint = 'run it again to go on; covey plan shows what is left'
  return new Failure(1, 'stopped', message, { hint })
}

function unsent({ head }: VerifiedConfig): Failure {
  const message = `you stopped it: version ${head.version} is signed, and was not sent`
  return new Failure(1, 'stopped', message, { hint: 'covey apply sends it' })
}

/** A refusal because another operator was faster, with what the two of them disagree about. */
async function withConflicts(
  session: Session,
  folder: OperatorFolder,
  { before, after }: Proposal,
  error: unknown,
): Promise<unknown> {
  const isRace = error instanceof Failure && ['fork', 'older'].includes(error.code)
  if (!isRace) return error
  const theirs = await headOfNode(session, folder).catch(() => null)
  if (theirs === null) return error
  const conflicts = conflictsBetween(before, theirs.config, after)
  const about =
    conflicts.length === 0
      ? 'nothing of it is in conflict with this'
      : `in conflict: ${conflictsText(conflicts)}`
  const message = `another operator was first, with version ${theirs.head.version}: ${about}`
  return new Failure(4, error.code, message, {
    hint: 'bring their layout into yours, then covey plan, and covey apply',
    cause: error,
    document: error.document,
  })
}

/** The roots that a node of an older epoch lacks; without a config it may lack all but root 1. */
function rootsFrom({ chain }: OperatorFolder, epoch: number | null): readonly Envelope[] {
  const { held: roots, rivals } = chain
  const from = epoch ?? 1
  if (from >= chain.newest.epoch) return []
  // Where a fork was settled the node may hold either side of it, and needs the other one.
  const forked = rivals.some((rival) => rival.root.epoch === from)
  return rootsAfter({ roots, rivals }, forked ? from - 1 : from).map(envelopeOf)
}
