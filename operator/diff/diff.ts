import type { Config } from '../../protocol/documents/config.ts'
import { objectChanges } from './changes.ts'
import { newNeeds } from './grants.ts'
import { isolationGuards, publicGuards, removalGuards } from './guards.ts'
import { lossesBetween } from './losses.ts'
import { openingChanges } from './openings.ts'
import type { Plan } from './plan-document.ts'

/**
 * The difference between the config in force and another one: what changes, what that does, and
 * what must be said before it is done. A function of the two and of nothing else; equal configs
 * give an empty plan.
 */
export function diffConfigs(before: Config, after: Config): Plan {
  const { loses, guards } = lossesBetween(before, after)
  const { opens, closes } = openingChanges(before, after)
  return {
    changes: objectChanges(before, after),
    opens,
    closes,
    loses,
    needs: newNeeds(before, after),
    guards: [
      ...guards,
      ...isolationGuards(before, after),
      ...publicGuards(before, opens),
      ...removalGuards(before, after),
    ],
  }
}
