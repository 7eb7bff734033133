import { printable } from '../../protocol/printable.ts'
import { control } from './controls.ts'
import type { Io } from './io.ts'

/** The meaning of a colour. */
export type Tone = 'good' | 'bad' | 'busy' | 'quiet' | 'strong'

const codes: Readonly<Record<Tone, readonly [number, number]>> = {
  good: [32, 39],
  bad: [31, 39],
  busy: [33, 39],
  quiet: [2, 22],
  strong: [1, 22],
}

/** Colours a text. */
export type Paint = (tone: Tone, text: string) => string

/** Colours for a terminal that wants them (https://no-color.org), else none. */
export function paintFor(io: Io): Paint {
  const wanted = io.outIsTerminal && !io.env['NO_COLOR'] && io.env['TERM'] !== 'dumb'
  if (!wanted) return (_tone, text) => text
  return (tone, text) => {
    const [on, off] = codes[tone].map((code) => control(`\u001b[${code}m`))
    return `${on}${text}${off}`
  }
}

/** A cell of a table: its text and, where it has one, its colour. */
export type Cell = string | { readonly text: string; readonly tone: Tone }

/**
 * Columns that line up, two spaces apart, each line ended. Control characters in heads and cells
 * are shown as `?`, so that each is as wide as it looks.
 */
export function table(
  heads: readonly string[],
  rows: readonly (readonly Cell[])[],
  paint: Paint,
): string {
  const cells = rows.map((row) =>
    row.map((cell) => (typeof cell === 'string' ? { text: cell } : cell)),
  )
  const safe = cells.map((row) => row.map((cell) => ({ ...cell, text: printable(cell.text) })))
  const titles = heads.map(printable)
  const widths = titles.map((head, column) =>
    safe.reduce(
      (width, row) => Math.max(width, [...(row[column]?.text ?? '')].length),
      [...head].length,
    ),
  )
  const last = heads.length - 1
  const padding = (text: string, column: number): string =>
    column === last ? '' : ' '.repeat((widths[column] ?? 0) - [...text].length + 2)
  const head = titles.map((text, column) => paint('quiet', text) + padding(text, column)).join('')
  const lines = safe.map((row) =>
    row
      .map((cell, column) => {
        const text = 'tone' in cell ? paint(cell.tone, cell.text) : cell.text
        return text + padding(cell.text, column)
      })
      .join(''),
  )
  return [head, ...lines].map((line) => `${line.trimEnd()}\n`).join('')
}

/** `3 s`, `12 min`, `5 h`, `9 d`: an age for people, rounded down. */
export function ageText(seconds: number): string {
  if (seconds < 120) return `${Math.max(0, Math.floor(seconds))} s`
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min`
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)} h`
  return `${Math.floor(seconds / 86_400)} d`
}

/** `1 host`, `2 hosts`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}
