import type { Config } from '../../../protocol/documents/config.ts'
import { conflictsBetween, conflictsText } from '../../diff/conflicts.ts'
import { diffConfigs } from '../../diff/diff.ts'
import type { Guard, Plan } from '../../diff/plan-document.ts'
import { planLines } from '../../diff/plan-text.ts'
import { Failure } from '../../terminal/failure.ts'
import type { Session } from '../../terminal/session.ts'
import type { Input } from '../definition.ts'
import type { NodeLook } from './look-at-node.ts'

/** The config that is proposed, beside the one that is in force. */
export interface Proposal {
  readonly before: Config
  readonly after: Config
  readonly plan: Plan
}

/** The part of a look at a node that a plan rests on. */
export type PlanBase = Pick<NodeLook, 'head' | 'common'>

/** The plan from what a node holds to these hosts, with all guards. Pure. */
export function propose({ head, common }: PlanBase, hosts: Config['hosts']): Proposal {
  const before = head?.config ?? emptyConfig
  const after = { ...before, allowIsolation: [], hosts }
  const plan = diffConfigs(before, after)
  const guards = [...overtakenGuards({ head, common }, after), ...plan.guards]
  return { before, after, plan: { ...plan, guards } }
}

const emptyConfig: Config = {
  aud: '',
  epoch: 1,
  version: 1,
  ancestors: [],
  iat: null,
  allowIsolation: [],
  hosts: {},
}

/** Guards for changes by another operator that this layout does not have. */
function overtakenGuards({ head, common }: PlanBase, after: Config): readonly Guard[] {
  if (head === null || common === null || common.head.digest === head.head.digest) return []
  const conflicts = conflictsBetween(common.config, head.config, after)
  if (conflicts.length === 0) return []
  const message =
    `another operator signed version ${head.head.version}, and this would take back what it ` +
    `changed: ${conflictsText(conflicts)}`
  return [{ code: 'layout-behind', message, override: '--overwrite' }]
}

/** True if a plan has nothing to do. */
export function isEmpty({ plan }: Proposal): boolean {
  return plan.changes.length === 0
}

/** Shows a plan to people, one line each on stderr. */
export function showPlan(session: Session, { plan, after }: Proposal): void {
  for (const { text } of planLines(plan, after)) session.note(text)
}

/**
 * Refuses, before a version is taken, what nobody has said to be meant. Throws `Failure` with exit
 * code 4 and the code of the first guard.
 */
export function expectMeant(input: Input, { plan }: Proposal): void {
  const open = plan.guards.filter((guard) => !isMeant(input, guard))
  const [first, ...others] = open
  if (first === undefined) return
  const more = others.map(({ message }) => `; ${message}`).join('')
  const ways = [...new Set(open.flatMap(({ override }) => override ?? []))]
  const options = ways.filter((way) => way.startsWith('--'))
  const hint = options.length === 0 ? ways[0] : `if that is meant: ${options.join(' ')}`
  throw new Failure(4, first.code, `${first.message}${more}`, {
    ...(hint === undefined ? {} : { hint }),
    document: {
      error: { code: first.code, message: first.message, hint: hint ?? null, faults: [] },
      guards: plan.guards,
    },
  })
}

/** True if the option that a guard names was given; with a value, for that value. */
function isMeant(input: Input, { override }: Guard): boolean {
  if (override === null) return false
  const [option = '', value] = override.split(' ')
  const name = option.replace(/^--/, '').replace(/-(.)/g, (_all, letter) => letter.toUpperCase())
  return value === undefined ? input.is(name) : input.list(name).includes(value)
}
