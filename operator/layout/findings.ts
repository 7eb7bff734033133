import type { Fault } from '../../protocol/fault.ts'
import type { Place } from '../compose/project.ts'
import type { LocatedFault } from '../terminal/failure.ts'

/** Collects faults, each with its place in a Compose file or its path in the layout. */
export interface Findings {
  readonly located: readonly LocatedFault[]
  /** By their path in the layout. */
  readonly faults: readonly Fault[]
  readonly warnings: readonly string[]
  /** Something is wrong at a place; without one, in the layout as a whole. */
  fault(place: Place | undefined, code: string, message: string, path?: string): void
  /** Something is wrong at a path of the layout. */
  faultAt(path: string, code: string, message: string): void
  /** Something that a person should know, once. */
  warn(message: string): void
  /** The same with its place. */
  note(place: Place, message: string): void
}

/** Codes of what `covey compile` can bring in: digests and sealed secrets. */
export const unreadyCodes: readonly string[] = ['no-digest', 'not-sealed']

/** Nothing found yet. */
export function newFindings(): Findings {
  const located = new Map<string, LocatedFault>()
  const faults: Fault[] = []
  const warnings = new Set<string>()
  return {
    get located() {
      return [...located.values()]
    },
    faults,
    get warnings() {
      return [...warnings]
    },
    fault(place, code, message, path) {
      const fault: Fault = path === undefined ? { code, message } : { code, message, path }
      if (place === undefined) faults.push(fault)
      else located.set(`${placeText(place)} ${message}`, { ...fault, ...place })
    },
    faultAt(path, code, message) {
      faults.push({ code, message, path })
    },
    warn(message) {
      warnings.add(message)
    },
    note(place, message) {
      warnings.add(`${placeText(place)}: ${message}`)
    },
  }
}

/** `FILE:LINE:COL`. */
export function placeText({ file, line, column }: Place): string {
  return `${file}:${line}:${column}`
}
