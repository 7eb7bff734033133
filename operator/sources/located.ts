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

const lines = new WeakMap<Source, readonly number[]>()

/** Where each line of a text begins; remembered, as there may be a fault in each of them. */
function lineStarts(source: Source): readonly number[] {
  const before = lines.get(source)
  if (before !== undefined) return before
  const starts = [0]
  for (let end = source.text.indexOf('\n'); end !== -1; end = source.text.indexOf('\n', end + 1)) {
    starts.push(end + 1)
  }
  lines.set(source, starts)
  return starts
}

/** Line and column, from 1, of an offset in a text. */
function positionAt(source: Source, offset: number): { line: number; column: number } {
  const starts = lineStarts(source)
  let low = 0
  let high = starts.length - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if ((starts[middle] ?? 0) <= offset) low = middle
    else high = middle - 1
  }
  return { line: low + 1, column: offset - (starts[low] ?? 0) + 1 }
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
  return { ...fault, file: source.file, ...positionAt(source, offset) }
}

/** Throws unless there are no faults. */
export function expectNoFaults(document: Located, faults: readonly Fault[]): void {
  const failure = faultsIn(document, faults)
  if (failure !== undefined) throw failure
}

/** The failure that these faults of a document are, without repetition. */
function faultsIn(document: Located, faults: readonly Fault[]): Failure | undefined {
  if (faults.length === 0) return undefined
  return faultsFailure(located(document, faults))
}

/** Faults of a document with their places, each once. */
export function located(document: Located, faults: readonly Fault[]): readonly LocatedFault[] {
  const unique = new Map(faults.map((fault) => [`${fault.path ?? ''}\n${fault.message}`, fault]))
  return document.locate([...unique.values()])
}
