import { type Cidr, compareNetworks, contains, overlaps } from '../addresses.ts'

/** A network that a peer claims, and where the config says so. */
export interface Claim<Owner> {
  readonly owner: Owner
  readonly range: Cidr
  readonly path: string
}

/** Two claims of different owners that share an address. */
export interface Overlap<Owner> {
  readonly first: Claim<Owner>
  readonly second: Claim<Owner>
}

/**
 * Finds owners whose networks overlap. Every owner that overlaps with another one is in at least
 * one of the pairs; not every pair is listed, so that many claims of one network take no quadratic
 * time.
 */
export function findOverlaps<Owner>(claims: readonly Claim<Owner>[]): readonly Overlap<Owner>[] {
  const sorted = [...claims].sort((a, b) => compareNetworks(a.range, b.range))
  const found: Overlap<Owner>[] = []
  // Claims that hold the present one, the widest first; at most one for each owner and range in a
  // row.
  const holding: Claim<Owner>[] = []
  for (const claim of sorted) {
    let top = holding.at(-1)
    while (top !== undefined && !contains(top.range, claim.range)) {
      holding.pop()
      top = holding.at(-1)
    }
    const other = holding.find((each) => each.owner !== claim.owner)
    if (other !== undefined) found.push({ first: other, second: claim })
    const repeats = top !== undefined && overlaps(top.range, claim.range)
    const sameRange = repeats && top?.range.length === claim.range.length
    if (!sameRange) holding.push(claim)
  }
  return found
}
