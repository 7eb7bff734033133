/** A config's place in the order, and its identity. */
export interface Head {
  /** Number of the root document that it is signed under, from 1. */
  readonly epoch: number
  /** 1 ... 2^32-1, from 1 again in a new epoch. */
  readonly version: number
  /** `sha256:<hex>` of the payload's bytes. */
  readonly digest: string
}

/**
 * Compares two configs: above 0 if `a` wins, below 0 if `b` does, 0 if they are the same.
 * Higher epoch, then higher version, then the *lower* digest. A total order, so merging is taking a
 * maximum and the result does not depend on order, number or path of deliveries.
 */
export function compareHeads(a: Head, b: Head): number {
  if (a.epoch !== b.epoch) return a.epoch - b.epoch
  if (a.version !== b.version) return a.version - b.version
  if (a.digest === b.digest) return 0
  return a.digest < b.digest ? 1 : -1
}

/** Like `compareHeads`, where having no config at all is below every config. */
export function compareHeadsOrNone(a: Head | null, b: Head | null): number {
  if (a === null || b === null) return (a === null ? 0 : 1) - (b === null ? 0 : 1)
  return compareHeads(a, b)
}

/** True if two configs hold the same place (epoch and version), whatever their content. */
export function samePosition(a: Head, b: Head): boolean {
  return a.epoch === b.epoch && a.version === b.version
}

/** `version 4 (epoch 1, sha256:0123456789ab)`, for people. */
export function headText(head: Head | null): string {
  if (head === null) return 'no config'
  return `version ${head.version} (epoch ${head.epoch}, ${head.digest.slice(0, 19)})`
}
