import type { Head } from '../../protocol/heads.ts'

/**
 * Which of two configs wins, written a second time from docs/PROTOCOL.md, so that a fault in the
 * node's own order shows: above 0 if `a` does. Having none is below everything.
 */
export function compareByRule(a: Head | null, b: Head | null): number {
  const [one, other] = [a, b].map((head) => [head?.epoch ?? 0, head?.version ?? 0]) as [
    number[],
    number[],
  ]
  for (const place of [0, 1]) {
    const difference = (one[place] ?? 0) - (other[place] ?? 0)
    if (difference !== 0) return difference
  }
  if (a === null || b === null || a.digest === b.digest) return 0
  return a.digest > b.digest ? -1 : 1
}
