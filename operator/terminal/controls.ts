import { randomBytes } from 'node:crypto'
import { printable } from '../../protocol/printable.ts'
import type { Io } from './io.ts'

/**
 * Nobody else knows this, so nobody else's text can hold a control sequence that is let through. It
 * is a new one in each process and stands in nothing that is printed.
 */
const secret = randomBytes(16).toString('hex')
const own = new RegExp(`<${secret} ([^>]*)>`)

/**
 * A control sequence of this program, as `[1m` (a colour) or `\r`, to be put into a text for
 * `Io.out` and `Io.err`. Written plainly it would be taken for somebody else's, and made harmless.
 */
export function control(sequence: string): string {
  const codes = [...sequence].map((character) => character.charCodeAt(0).toString(16))
  return `<${secret} ${codes.join(' ')}>`
}

function sequenceOf(codes: string): string {
  return String.fromCharCode(...codes.split(' ').map((code) => Number.parseInt(code, 16)))
}

/** A text as it goes out: its own control sequences and line feeds, and no control of others'. */
function safeText(text: string): string {
  // Split by a pattern with one group: what the group matched stands at the odd places.
  return text
    .split(own)
    .map((part, at) => (at % 2 === 1 ? sequenceOf(part) : part.split('\n').map(printable)))
    .map((part) => (typeof part === 'string' ? part : part.join('\n')))
    .join('')
}

/**
 * The same process, with every text for people cleaned on its way out, whoever wrote it: what an
 * agent, a file or a name says reaches no terminal as a command. Bytes (`Io.write`) pass as they
 * are; only `logs`, `exec` and `image save` write any, and `logs` cleans its own.
 */
export function safeIo(io: Io): Io {
  return {
    ...io,
    out: (text) => io.out(safeText(text)),
    err: (text) => io.err(safeText(text)),
    ask: (question) => io.ask(safeText(question)),
  }
}
