import { endOfString, inspect } from '../../protocol/documents/canonical-json.ts'
import type { Fault } from '../../protocol/fault.ts'
import type { Source } from '../files/read-text.ts'
import { faultsFailure } from '../terminal/failure.ts'
import { at, type Located, locateIn, type Places } from './located.ts'

/**
 * Reads JSON as it stands in a file. Throws `Failure` with every member that stands twice, every
 * number that is no safe integer and every forbidden name, or with the place of the first mistake
 * in the syntax.
 */
export function parseJsonSource(source: Source): Located {
  let value: unknown
  try {
    value = JSON.parse(source.text)
  } catch (error) {
    throw faultsFailure([syntaxFault(source, error)])
  }
  // The quick check first: places are only worth their memory when there is something to place.
  if (inspect(source.text) !== undefined) {
    const scanned = scan(source.text)
    throw faultsFailure(scanned.findings.map(({ offset, fault }) => at(source, offset, fault)))
  }
  return {
    file: source.file,
    value,
    locate: (faults) => locateIn(source, scan(source.text).places, faults),
  }
}

function syntaxFault(source: Source, error: unknown): ReturnType<typeof at> {
  const text = error instanceof Error ? error.message : ''
  const stated = / at position (\d+)/.exec(text)?.[1]
  const lead = source.text.length - source.text.trimStart().length
  const offset = stated !== undefined ? Number(stated) : endsEarly(text) ? source.text.length : lead
  const why = text
    .replace(/ in JSON at position.*$/s, '')
    .replace(/, (\.\.\.)?".*"(\.\.\.)? is not valid JSON$/s, '')
  const first = why.charAt(0).toLowerCase() + why.slice(1)
  return at(source, offset, { code: 'not-json', message: `not valid JSON: ${first}` })
}

function endsEarly(message: string): boolean {
  return message.startsWith('Unexpected end')
}

interface Scanned {
  readonly places: Places
  readonly findings: readonly { readonly offset: number; readonly fault: Fault }[]
}

interface Frame {
  readonly members: Set<string> | undefined
  readonly path: string
  key: string
  index: number
}

const scalar = /[^\s,\]}]+/y

/** Walks valid JSON without recursion, and notes where each member and element begins. */
function scan(text: string): Scanned {
  const places = new Map<string, number>()
  const findings: { offset: number; fault: Fault }[] = []
  const frames: Frame[] = []
  let expectsKey = false
  let offset = 0
  const find = (code: string, message: string, path: string): void => {
    findings.push({ offset, fault: { code, message, path } })
  }
  const begins = (): string => {
    const frame = frames.at(-1)
    const path =
      frame === undefined ? '' : join(frame.path, frame.members ? frame.key : `${frame.index}`)
    if (!frame?.members && !places.has(path)) places.set(path, offset)
    return path
  }
  while (offset < text.length) {
    const character = text.charAt(offset)
    const frame = frames.at(-1)
    let next = offset + 1
    if (character === '{' || character === '[') {
      const members = character === '{' ? new Set<string>() : undefined
      frames.push({ members, path: begins(), key: '', index: 0 })
      expectsKey = members !== undefined
    } else if (character === '}' || character === ']') {
      frames.pop()
      expectsKey = false
    } else if (character === ',') {
      if (frame !== undefined) frame.index++
      expectsKey = frame?.members !== undefined
    } else if (character === ':') expectsKey = false
    else if (character === '"') {
      next = endOfString(text, offset)
      if (expectsKey && frame?.members !== undefined) {
        frame.key = String(JSON.parse(text.slice(offset, next)))
        const path = join(frame.path, frame.key)
        if (frame.members.has(frame.key)) find('duplicate-member', 'this member stands twice', path)
        if (frame.key === '__proto__') find('forbidden-member', 'this name is not allowed', path)
        frame.members.add(frame.key)
        if (!places.has(path)) places.set(path, offset)
      } else begins()
    } else if (!/\s/.test(character)) {
      scalar.lastIndex = offset
      const word = scalar.exec(text)?.[0] ?? character
      next = offset + word.length
      const path = begins()
      if (/^[-0-9]/.test(word) && !Number.isSafeInteger(Number(word))) {
        find('unsafe-integer', `${word.slice(0, 40)} is not an integer within 2^53-1`, path)
      }
    }
    offset = next
  }
  return { places, findings }
}

/** Paths get no longer than this, or a deep text would take memory by the square of its depth. */
const pathLengthMax = 4096

function join(path: string, step: string): string {
  if (path.length > pathLengthMax) return path
  return path === '' ? step : `${path}.${step}`
}
