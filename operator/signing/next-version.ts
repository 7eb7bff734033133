import type { Ancestor } from '../../protocol/documents/config.ts'
import { bad, type Checked, good } from '../../protocol/fault.ts'
import { type Head, headText } from '../../protocol/heads.ts'
import { ancestorsMax, versionMax } from '../../protocol/limits.ts'

/** The config that a new one follows. */
export interface Base {
  readonly head: Head
  readonly ancestors: readonly Ancestor[]
}

/** The facts that decide the place of a new config. */
export interface VersionPlace {
  /** The newest root's number. */
  readonly epoch: number
  readonly base: Base | null
  /** Highest version of this epoch that was ever taken here; 0 for none. */
  readonly versionTaken: number
  /** The `version` that the file to sign asks for. */
  readonly versionWanted: number | undefined
  readonly allowGap: boolean
  /** Highest version of this epoch that is passed over on purpose, having been signed here. */
  readonly versionPassed?: number
}

/**
 * Version and ancestors of the next config. Pure.
 *
 * Faults: `older` (the version is taken or lower), `gap`, `version-out-of-range`, `epoch-older`.
 */
export function nextPlace(
  place: VersionPlace,
): Checked<{ readonly version: number; readonly ancestors: readonly Ancestor[] }> {
  const { base, epoch } = place
  if (base !== null && base.head.epoch > epoch) {
    return bad(
      'epoch-older',
      `the base has epoch ${base.head.epoch}, but the newest root here is ${epoch}`,
    )
  }
  const baseVersion = base !== null && base.head.epoch === epoch ? base.head.version : 0
  const lowest = Math.max(baseVersion, place.versionTaken) + 1
  const version = place.versionWanted ?? lowest
  if (version > versionMax) {
    return bad('version-out-of-range', `version ${version} is above 2^32-1`, 'version')
  }
  if (version < lowest) {
    return bad('older', `version ${version} is not above ${lowest - 1}, which is taken`, 'version')
  }
  const known = Math.max(baseVersion, place.versionPassed ?? 0)
  if (version > known + 1 && !place.allowGap) {
    const after = base === null ? 'the first config' : headText(base.head)
    const message = `version ${version} leaves a gap: after ${after} comes ${baseVersion + 1}`
    return bad(
      'gap',
      base === null ? `version ${version} leaves a gap: the first is 1` : message,
      'version',
    )
  }
  const ancestors: readonly Ancestor[] =
    base === null
      ? []
      : [[base.head.epoch, base.head.version, base.head.digest] as const, ...base.ancestors]
  return good({ version, ancestors: ancestors.slice(0, ancestorsMax) })
}
