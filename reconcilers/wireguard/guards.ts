import { type Cidr, cidrText, networkOf } from '../addresses.ts'
import type { PlanStep } from '../reconciler.ts'
import { type BatchLine, guardWords } from '../tools/ip.ts'
import type { WireguardObserved } from './observed.ts'
import type { WireguardSpec } from './spec.ts'

/**
 * Guards keep what a host sends to its mesh from leaving in the clear while the link is not there.
 * Each is an unreachable route for the range of a link, behind every other route to that range. It
 * comes before the link, goes after it, and stays while the link is down, missing or refused.
 */

/** Below the folder of the reconcilers: what the early unit gives to `ip -batch` at boot. */
export const bootFile: string = 'boot-routes.batch'

/** Text of the boot file for these ranges; empty for none. */
function bootText(guards: readonly Cidr[]): string {
  const texts = new Map(guards.map((range) => [cidrText(range), range]))
  const sorted = [...texts].sort(([a], [b]) => (a < b ? -1 : 1))
  // `replace`, as a second run must not fail.
  return sorted.map(([, range]) => `${guardWords('replace', range).join(' ')}\n`).join('')
}

/** Adds or removes routes that guard the range of a link. */
interface GuardLinesStep extends PlanStep {
  readonly kind: 'guard'
  readonly lines: readonly BatchLine[]
}

/** Writes down, for the next boot, which ranges are guarded. */
interface BootStep extends PlanStep {
  readonly kind: 'boot'
  /** Empty for no file. */
  readonly text: string
}

/** A step about the guards of ranges. */
export type GuardStep = GuardLinesStep | BootStep

/** The steps that come before all others, and those that come after them. */
export interface GuardPlan {
  readonly before: readonly GuardStep[]
  readonly after: readonly GuardStep[]
}

/** Plans the guards of the ranges that the spec's links have, and the file for the next boot. */
export function planGuards(spec: WireguardSpec, observed: WireguardObserved): GuardPlan {
  const wanted = new Map(
    spec.links.map(({ object, address }) => {
      const range = networkOf(address)
      return [cidrText(range), { object, range }] as const
    }),
  )
  const present = new Map(observed.guards.map((range) => [cidrText(range), range]))
  const extra = [...present].flatMap(([text, range]) => (wanted.has(text) ? [] : [range]))
  const stale = spec.keepsGuards ? [] : extra
  const ranges = [...wanted.values()].map((each) => each.range)
  // The file first has the old ranges too: a host may be cut off before they are gone.
  const during = bootText([...ranges, ...extra])
  const before: GuardStep[] = []
  for (const [text, { object, range }] of wanted) {
    if (present.has(text)) continue
    const lines = [{ object, words: guardWords('add', range) }]
    before.push({ kind: 'guard', lines, objects: [object] })
  }
  // Of no object: on a full disk the link is made all the same.
  if (observed.boot !== during) before.push({ kind: 'boot', text: during, objects: [] })
  if (stale.length === 0) return { before, after: [] }
  const lines = stale.map((range) => ({ object: '', words: guardWords('del', range) }))
  const ending = { objects: [], takesDown: true } as const
  const after: readonly GuardStep[] = [
    { kind: 'guard', lines, ...ending },
    { kind: 'boot', text: bootText(ranges), ...ending },
  ]
  return { before, after }
}
