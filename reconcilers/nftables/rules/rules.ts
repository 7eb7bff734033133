import { entrances } from './entrances.ts'
import type { Chain } from './form.ts'
import { judging } from './judging.ts'
import { publishing } from './publishing.ts'
import { zoning } from './zones.ts'

/** Named counters; what they have counted goes on when the table is replaced. */
export const counterNames: readonly string[] = [
  'spoofed',
  'refused_in',
  'refused_out',
  'refused_host',
  'refused_overlay',
  'refused_mesh',
]

/**
 * Covey's rules, each chain after those that it jumps to. They are the same on every host and for
 * every config; what differs stands in sets and maps (`sets.ts`), so a change of a config is a
 * change of elements.
 *
 * 1. Whatever comes by a link that begins with `cv-` or leaves by one is closed unless an element
 *    opens it: a container that no element knows, yet or any more, reaches nothing.
 * 2. A container sends from its own address only, and addresses of the mesh come by its links only.
 *    This host's own are asked by those links, by its containers and by itself only.
 * 3. A flow is judged by who asked whom, at every packet of both directions: one that a new policy
 *    does not admit ends at once, and no entry of conntrack has to be looked for.
 * 4. Nothing else is dropped, but for what comes to the overlay's port from no listed agent.
 * 5. Where a published port leads is part of what conntrack knows a flow by, so that a flow never
 *    goes on where its port led before (`rules-zones.ts`).
 */
export const chains: readonly Chain[] = [...judging, ...entrances, ...zoning, ...publishing]
