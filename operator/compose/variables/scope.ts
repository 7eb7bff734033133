import type { Place } from '../project.ts'

/** A variable of a project. */
export interface Variable {
  readonly name: string
  readonly value: string
  /** Undefined where a command line gave it. */
  readonly place: Place | undefined
  /** False for what covey itself puts there: the name of the project. */
  readonly isSensitive: boolean
}

/** The variables in force; never those of the shell. */
export type Scope = ReadonlyMap<string, Variable>

/** Where a value comes from, as an addition to a message; empty where no variable is in it. */
export function originText(variables: readonly Variable[]): string {
  if (variables.length === 0) return ''
  const parts = new Map(
    variables.map(({ name, place }) => [
      name,
      place === undefined
        ? `${name} is given by --env`
        : `${name} is written in ${place.file}:${place.line}`,
    ]),
  )
  return ` (${[...parts.values()].join(', ')})`
}
