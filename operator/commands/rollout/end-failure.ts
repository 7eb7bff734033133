import { conflictsBetween, conflictsText } from '../../diff/conflicts.ts'
import type { Plan } from '../../diff/plan-document.ts'
import type { OperatorFolder } from '../../folder/folder.ts'
import type { VerifiedConfig } from '../../signing/verify.ts'
import { Failure } from '../../terminal/failure.ts'
import type { Session } from '../../terminal/session.ts'
import { headOfNode } from './look-at-node.ts'
import type { Proposal } from './proposal.ts'
import { findUnwell, unwellLines } from './watching/unwell.ts'
import type { Watched } from './watching/watch.ts'

/** A watch that did not end well, and what it was of. */
export interface BadEnd {
  readonly watched: Watched
  readonly signed: VerifiedConfig
  /** True if this was the last version of its release. */
  readonly isLast: boolean
  readonly proposal: Proposal
  readonly folder: OperatorFolder
}

/**
 * The failure for a version that is in force, and not well everywhere: exit code 1, `not-well`,
 * `not-arrived` or `stopped`; 4 and `overtaken` where another one has taken its place. What is not
 * well is said before, one line each.
 */
export async function endFailure(session: Session, end: BadEnd): Promise<Failure> {
  const { watched, signed, isLast } = end
  if (watched.end === 'overtaken') return await overtaken(session, end)
  const unwell = await findUnwell(session, watched, signed.config)
  for (const line of unwellLines(unwell)) session.note(line)
  const { version } = signed.head
  const open = watched.hosts.filter(({ state }) => state !== 'well')
  const names = open.map(({ host }) => host).join(', ')
  const away = open.filter(({ state }) => state === 'waiting').map(({ host }) => host)
  const why = {
    failing: `version ${version} is in force, and not well on ${names}`,
    timeout: `the time is over, and version ${version} is not well on ${names}`,
    stopped: `you stopped waiting: version ${version} is in force, and not known to be well on ${names}`,
    well: '',
  }[watched.end]
  const isAway = watched.end === 'timeout' && away.length === open.length
  const code = watched.end === 'stopped' ? 'stopped' : isAway ? 'not-arrived' : 'not-well'
  const message = isAway
    ? `the time is over, and version ${version} is not known to be on ${away.join(', ')}`
    : why
  const hint = isAway
    ? 'it goes on by itself, and reaches them when they are back: covey status --watch'
    : hintFor(watched.end, isLast, end.proposal.plan.needs)
  const document = {
    error: { code, message, hint, faults: [] },
    head: signed.head,
    hosts: watched.hosts,
    unwell,
  }
  return new Failure(1, code, message, { hint, document })
}

function hintFor(end: Watched['end'], isLast: boolean, needs: Plan['needs']): string {
  const [first, ...others] = needs
  const more = others.length === 0 ? '' : ` and ${others.length} more that covey plan shows`
  const mend =
    first === undefined ? 'mend it' : `covey host grant ${first.host} ${first.grant}${more}`
  const back = 'covey rollback goes back to what was before'
  if (end === 'stopped') {
    return isLast
      ? 'the hosts go on by themselves: covey status --watch'
      : 'run it again to go on; covey plan shows what is left'
  }
  return isLast
    ? `${mend}, and apply again; ${back}`
    : `the other hosts are as they were, and covey plan shows it; ${mend}, and apply again; ${back}`
}

async function overtaken(session: Session, end: BadEnd): Promise<Failure> {
  const { signed, proposal, folder } = end
  const theirs = await headOfNode(session, folder).catch(() => null)
  const conflicts =
    theirs === null ? [] : conflictsBetween(proposal.before, theirs.config, proposal.after)
  const by = theirs === null ? 'another one' : `version ${theirs.head.version} of another operator`
  const about = conflicts.length === 0 ? '' : `; in conflict: ${conflictsText(conflicts)}`
  const message = `version ${signed.head.version} was overtaken by ${by}${about}`
  return new Failure(4, 'overtaken', message, {
    hint: 'bring their layout into yours, then covey plan, and covey apply',
  })
}
