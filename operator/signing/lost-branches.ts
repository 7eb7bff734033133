import type { Config } from '../../protocol/documents/config.ts'
import type { Head } from '../../protocol/heads.ts'
import type { VerifiedConfig } from './verify.ts'

/**
 * Digests of the configs that the newest one leaves out, directly or through its ancestors: each
 * has its place within what those ancestors span, and is not named. `configs` are sorted, the
 * newest first; what lies below all known ancestors is followed as far as anybody can tell.
 */
export function lostDigests(configs: readonly VerifiedConfig[]): ReadonlySet<string> {
  const [newest] = configs
  if (newest === undefined) return new Set()
  const named = new Set([newest.head.digest])
  let lowest = { epoch: newest.head.epoch, version: newest.head.version }
  // From the newest down, so that a config is looked into only once it is known to be followed.
  for (const { head, config } of configs) {
    if (!named.has(head.digest)) continue
    for (const [epoch, version, digest] of config.ancestors) {
      named.add(digest)
      if (isBelow({ epoch, version }, lowest)) lowest = { epoch, version }
    }
  }
  const lost = configs.filter(({ head }) => !named.has(head.digest) && !isBelow(head, lowest))
  return new Set(lost.map(({ head }) => head.digest))
}

/** True if the ancestors of a config reach down to a head's place and do not name it. */
export function leavesOut({ ancestors }: Config, head: Head): boolean {
  const oldest = ancestors.at(-1)
  if (oldest === undefined || ancestors.some(([, , digest]) => digest === head.digest)) return false
  return !isBelow(head, { epoch: oldest[0], version: oldest[1] })
}

function isBelow(
  a: { readonly epoch: number; readonly version: number },
  b: { readonly epoch: number; readonly version: number },
): boolean {
  return a.epoch < b.epoch || (a.epoch === b.epoch && a.version < b.version)
}
