import type { PlanStep } from '../reconciler.ts'

/** A step and the reconciler that planned it, by its place in the list. */
export interface OrderedStep {
  readonly step: PlanStep
  readonly reconciler: number
}

/** Names that each object refers to. */
export type References = ReadonlyMap<string, readonly string[]>

/**
 * The number of references from each object to its last: an object that is referred to has the
 * lower rank.
 */
export function ranksOf(references: References): ReadonlyMap<string, number> {
  const ranks = new Map<string, number>()
  const onPath = new Set<string>()
  const rank = (name: string): number => {
    const known = ranks.get(name)
    if (known !== undefined) return known
    if (onPath.has(name)) return 0
    onPath.add(name)
    const targets = references.get(name) ?? []
    const own = targets.length === 0 ? 0 : 1 + Math.max(...targets.map(rank))
    onPath.delete(name)
    ranks.set(name, own)
    return own
  }
  for (const name of references.keys()) rank(name)
  return ranks
}

/**
 * Merges the plans of all reconcilers. What is referred to comes first; a reconciler's own order is
 * kept; take-downs come last, those of the later reconcilers first, as they build on the earlier
 * ones.
 */
export function mergePlans(
  plans: readonly (readonly PlanStep[])[],
  references: References,
): readonly OrderedStep[] {
  const ranks = ranksOf(references)
  const builds: (OrderedStep & { readonly rank: number })[] = []
  const takeDowns: OrderedStep[] = []
  for (const [reconciler, plan] of plans.entries()) {
    let rank = 0
    for (const step of plan) {
      if (step.takesDown) continue
      rank = Math.max(rank, ...step.objects.map((object) => ranks.get(object) ?? 0))
      builds.push({ step, reconciler, rank })
    }
  }
  for (const [reconciler, plan] of [...plans.entries()].reverse()) {
    for (const step of plan) if (step.takesDown) takeDowns.push({ step, reconciler })
  }
  builds.sort((a, b) => a.rank - b.rank)
  return [...builds.map(({ step, reconciler }) => ({ step, reconciler })), ...takeDowns]
}

/**
 * Everything that refers to one of `names`, over any number of references, and `names` themselves.
 */
export function dependants(names: Iterable<string>, references: References): ReadonlySet<string> {
  const found = new Set(names)
  let size = -1
  while (size !== found.size) {
    size = found.size
    for (const [name, targets] of references) {
      if (targets.some((target) => found.has(target))) found.add(name)
    }
  }
  return found
}
