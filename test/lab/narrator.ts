import { styleText } from 'node:util'

/**
 * Something that happened in the story: its kind, what it says to people, and its facts for
 * machines.
 */
export interface StoryEvent {
  readonly event: string
  readonly text: string
  readonly facts?: Readonly<Record<string, unknown>>
}

/** Tells a story as it happens. */
export interface Narrator {
  /** A new part begins. */
  chapter(title: string): void
  /** Something happened as it should. */
  tell(event: StoryEvent): void
  /** Something did not; the story ends here. */
  fail(message: string): void
  /** A block of text for people only. */
  note(text: string): void
}

/** One JSON line an event, with the time since the start in ms. */
export function jsonNarrator(write: (line: string) => void): Narrator {
  const start = performance.now()
  const emit = (fields: Readonly<Record<string, unknown>>): void => {
    write(`${JSON.stringify({ at_ms: Math.round(performance.now() - start), ...fields })}\n`)
  }
  return {
    chapter: (title) => emit({ event: 'chapter', text: title }),
    tell: ({ event, text, facts }) => emit({ event, text, ...facts }),
    fail: (message) => emit({ event: 'failed', text: message }),
    note: () => undefined,
  }
}

/** Lines for people, in colour if `colours`. */
export function humanNarrator(write: (line: string) => void, colours: boolean): Narrator {
  const paint = (style: 'bold' | 'green' | 'red' | 'dim', text: string): string =>
    colours ? styleText(style, text, { validateStream: false }) : text
  return {
    chapter: (title) => write(`\n${paint('bold', title)}\n`),
    tell: ({ text }) => write(`  ${paint('green', '✔')} ${text}\n`),
    fail: (message) => write(`  ${paint('red', '✖')} ${message}\n`),
    note: (text) => write(`\n${paint('dim', text)}\n`),
  }
}
