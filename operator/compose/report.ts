import type { Fault } from '../../protocol/fault.ts'
import type { LocatedFault } from '../terminal/failure.ts'
import type { Place } from './project.ts'

/** Collects what is to be said of a project: faults, and notes that stop nothing. */
export class Report {
  readonly #faults = new Map<string, LocatedFault>()
  readonly #notes = new Map<string, LocatedFault>()
  readonly #subjects = new Set<string>()

  /** Says a fault; the same one at the same place is said once. */
  fault(place: Place, fault: Fault): void {
    add(this.#faults, place, fault)
  }

  /** Says what a person should know though nothing is wrong. */
  note(place: Place, note: Fault): void {
    add(this.#notes, place, note)
  }

  /** Says what a person should know the first time that it is said of this subject. */
  noteOnce(subject: string, place: Place, note: Fault): void {
    if (this.#subjects.has(subject)) return
    this.#subjects.add(subject)
    this.note(place, note)
  }

  get faults(): readonly LocatedFault[] {
    return [...this.#faults.values()].sort(byPlace)
  }

  get notes(): readonly LocatedFault[] {
    return [...this.#notes.values()].sort(byPlace)
  }
}

function add(to: Map<string, LocatedFault>, { file, line, column }: Place, fault: Fault): void {
  const key = `${file}:${line}:${column}:${fault.message}`
  if (!to.has(key)) to.set(key, { ...fault, file, line, column })
}

function byPlace(a: LocatedFault, b: LocatedFault): number {
  if (a.file !== b.file) return a.file < b.file ? -1 : 1
  return a.line - b.line || a.column - b.column
}
