/** A known hole from a container to the host, and the releases of runc that close it. */
interface Escape {
  readonly id: string
  /** First release that has it; absent where all before the fix do. */
  readonly since?: string
  /** The first release of each branch that closes it; so do all branches after the last of them. */
  readonly fixedIn: readonly string[]
}

const procfsFixes = ['1.2.8', '1.3.3', '1.4.0-rc.3']

/** From the advisories of opencontainers/runc, oldest first. */
const escapes: readonly Escape[] = [
  { id: 'CVE-2019-5736', fixedIn: ['1.0.0-rc7'] },
  { id: 'CVE-2021-30465', fixedIn: ['1.0.0-rc95'] },
  { id: 'CVE-2024-21626', since: '1.0.0-rc93', fixedIn: ['1.1.12'] },
  { id: 'CVE-2025-31133', fixedIn: procfsFixes },
  { id: 'CVE-2025-52565', since: '1.0.0-rc3', fixedIn: procfsFixes },
  { id: 'CVE-2025-52881', fixedIn: procfsFixes },
  { id: 'CVE-2026-41579', fixedIn: ['1.3.6', '1.4.3', '1.5.0-rc.3'] },
]

/** Version from `runc --version`. */
export interface RuncVersion {
  /** The release that it is made from, as `1.1.5+ds1`. */
  readonly release: string
  /** Its `commit` line: for packages of Debian the version of the package. */
  readonly commit: string
}

type Parts = readonly [major: number, minor: number, patch: number, candidate: number]

function partsOf(version: string): Parts | null {
  const found = /^(\d+)\.(\d+)\.(\d+)(?:[-~]rc\.?(\d+))?/.exec(version)
  if (found === null) return null
  const [, major, minor, patch, candidate] = found
  // A release comes after all of its candidates.
  const last = candidate === undefined ? Number.POSITIVE_INFINITY : Number(candidate)
  return [Number(major), Number(minor), Number(patch), last]
}

function compare(a: Parts, b: Parts, length: number = a.length): number {
  for (let index = 0; index < length; index++) {
    const [left = 0, right = 0] = [a[index], b[index]]
    if (left !== right) return left < right ? -1 : 1
  }
  return 0
}

function isFixed(version: Parts, fixedIn: readonly string[]): boolean {
  const fixes = fixedIn.map(partsOf).filter((parts) => parts !== null)
  const own = fixes.find((parts) => compare(parts, version, 2) === 0)
  if (own !== undefined) return compare(version, own) >= 0
  return fixes.every((parts) => compare(version, parts, 2) > 0)
}

/** Reads the output of `runc --version`, or returns null where it is of another form. */
export function parseRuncVersion(output: string): RuncVersion | null {
  const release = /^runc version (\S+)$/m.exec(output)?.[1]
  const commit = /^commit: (\S+)$/m.exec(output)?.[1] ?? ''
  return release === undefined || partsOf(release) === null ? null : { release, commit }
}

/** Escapes that a release has by its number. A distribution may have closed some of them in it. */
export function escapesOf({ release }: RuncVersion): readonly string[] {
  const version = partsOf(release)
  if (version === null) return []
  return escapes
    .filter(({ since, fixedIn }) => {
      const first = since === undefined ? null : partsOf(since)
      if (first !== null && compare(version, first) < 0) return false
      return !isFixed(version, fixedIn)
    })
    .map(({ id }) => id)
}

/** The first release of the newest branch in which all of these are closed. */
export function releaseWithout(ids: readonly string[]): string {
  const last = escapes.findLast(({ id }) => ids.includes(id))
  return last?.fixedIn.find((fix) => !fix.includes('rc')) ?? last?.fixedIn[0] ?? ''
}

/**
 * Escapes that the changelog of a Debian package names as closed; null if it is not that
 * of this runc, as after a program was put in the package's place.
 */
export function closedByPackage(
  { commit }: RuncVersion,
  changelog: string,
  ids: readonly string[],
): readonly string[] | null {
  const newest = /^\S+ \(([^)]+)\) /.exec(changelog)?.[1]
  if (newest === undefined || newest !== commit) return null
  return ids.filter((id) => new RegExp(`${id}(?!\\d)`).test(changelog))
}
