import { leftoversShownMax } from '../limits.ts'
import type { ObjectStatus, Verdict } from '../reconciler.ts'
import type { ExtraType } from './extra-types.ts'
import type { JudgedSection } from './section.ts'

type State = Pick<ObjectStatus, 'state' | 'reason'>

/**
 * The state of every object of a section. An object's own fault comes first, then what was
 * observed, then what failed in this round or waits to be tried again, then what it refers to, then
 * what it waits for.
 */
export function objectStates(
  judged: JudgedSection,
  verdicts: readonly Verdict[],
  failures: ReadonlyMap<string, string>,
  extraTypes: readonly ExtraType[],
): readonly ObjectStatus[] {
  const types = new Map(judged.objects.map(({ name, type }) => [name, type]))
  const observed = new Map<string, State>()
  for (const { object, state, reason } of verdicts) {
    if (observed.get(object)?.state !== 'failed') observed.set(object, { state, reason })
  }
  const states = new Map<string, State>()
  const stateOf = (name: string): State => {
    const known = states.get(name)
    if (known !== undefined) return known
    // A circle is its reconciler's to refuse; here it must only end.
    states.set(name, { state: 'converged', reason: null })
    const state = ownState(name) ?? waitingState(name) ?? lastState(name)
    states.set(name, state)
    return state
  }
  const ownState = (name: string): State | undefined => {
    const fixed = judged.fixed.get(name)
    const failure = failures.get(name)
    if (fixed?.state === 'failed' || fixed?.state === 'unsupported') return fixed
    if (observed.get(name)?.state === 'failed') return observed.get(name)
    return failure === undefined ? undefined : { state: 'failed', reason: failure }
  }
  const waitingState = (name: string): State | undefined => {
    for (const target of judged.references.get(name) ?? []) {
      if (!types.has(target) || stateOf(target).state === 'converged') continue
      return judged.fixed.get(name) ?? { state: 'pending', reason: `waits for ${target}` }
    }
    return judged.fixed.get(name) ?? observed.get(name)
  }
  const lastState = (name: string): State => {
    const extra = extraTypes.find((each) => each.type === types.get(name))
    return extra?.state?.(name) ?? { state: 'converged', reason: null }
  }
  return judged.objects.map(({ name, type }) => ({ name, type, ...stateOf(name) }))
}

/**
 * Rows for what failed and belongs to no object of the host, as a container that cannot be removed:
 * nobody would be told of it otherwise. `leftovers` has what each step is about, by its key.
 */
export function leftoverStates(
  leftovers: ReadonlyMap<string, string>,
  failures: ReadonlyMap<string, string>,
): readonly ObjectStatus[] {
  const rows: ObjectStatus[] = []
  for (const [key, name] of leftovers) {
    const reason = failures.get(key)
    if (reason !== undefined) rows.push({ name, type: 'leftover', state: 'failed', reason })
  }
  const more = rows.length - leftoversShownMax
  if (more <= 0) return rows
  const last = rows[leftoversShownMax - 1]
  const shown = rows.slice(0, leftoversShownMax - 1)
  if (last === undefined) return shown
  return [...shown, { ...last, reason: `${last.reason}; and ${more} more` }]
}
