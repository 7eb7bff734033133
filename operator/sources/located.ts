import type { Fault } from '../../protocol/fault.ts'
import type { Source } from '../files/read-text.ts'
import { type Failure, faultsFailure, type LocatedFault } from '../terminal/failure.ts'

/** A document that was read, and where its members stand in the text. */
export interface Located {
  readonly file: string
  readonly value: unknown
  /** Adds the place in the file to faults that only know their path, in the order of the file. */
  locate(faults: readonly Fault[]): readonly LocatedFault[]
}

/** Offsets of members by path (`hosts.cloud01.wg_network.address`), counted in UTF-16 units. */
export type Places = ReadonlyMap<string, number>

/** Line and column, from 1, of an offset in a text. */
function positionAt(text: string, offset: number): { line: number; column: number } {
  let line = 1
  let start = 0
  for (;;) {
    const end = text.indexOf('\n', start)
    if (end === -1 || end >= offset) return { line, column: offset - start + 1 }
    line++
    start = end + 1
  }
}

/**
 * Puts faults to their places: that of the path, else of the nearest member above it that exists.
 */
export function locateIn(
  source: Source,
  places: Places,
  faults: readonly Fault[],
): readonly LocatedFault[] {
  const placed = faults.map((fault) => ({ fault, offset: offsetOf(places, fault.path ?? '') }))
  placed.sort((a, b) => a.offset - b.offset)
  return placed.map(({ fault, offset }) => at(source, offset, fault))
}

function offsetOf(places: Places, path: string): number {
  for (let rest = path; rest !== ''; rest = rest.slice(0, Math.max(0, rest.lastIndexOf('.')))) {
    const offset = places.get(rest)
    if (offset !== undefined) return offset
  }
  return places.get('') ?? 0
}

/** A fault at an offset of the text. */
export function at(source: Source, offset: number, fault: Fault): LocatedFault {
  return { ...fault, file: source.file, ...positionAt(source.text, offset) }
}

/** Throws unless there are no faults. */
export function expectNoFaults(located: Located, faults: readonly Fault[]): void {
  const failure = faultsIn(located, faults)
  if (failure !== undefined) throw failure
}

/** The failure that these faults of a document are, without repetition. */
function faultsIn(located: Located, faults: readonly Fault[]): Failure | undefined {
  if (faults.length === 0) return undefined
  const unique = new Map(faults.map((fault) => [`${fault.path ?? ''}\n${fault.message}`, fault]))
  return faultsFailure(located.locate([...unique.values()]))
}
