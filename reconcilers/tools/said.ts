/** One line without control characters, bounded. */
export function printable(text: string, charactersMax: number = 300): string {
  const clean = text.replace(/[\p{C}\s]+/gu, ' ').trim()
  return clean.length <= charactersMax ? clean : `${clean.slice(0, charactersMax - 1)}…`
}

/** The worth of a line as a reason; of several with the most, the first counts. */
type Worth =
  /** A rule, a caret below a place, a banner: it says nothing. */
  | 0
  /** True, and no reason: a warning, how a tool is used, that there was an error. */
  | 1
  | 2
  /** It speaks of something that went wrong. */
  | 3
  /** The tool itself calls it an error. */
  | 4

interface Said {
  readonly text: string
  readonly worth: Worth
}

/** Levels of a log, by what they are called. */
const loudLevels: ReadonlySet<string> = new Set(['error', 'fatal', 'panic', 'e'])

/** Forms in which tools log, with the level and the message of each. */
const logForms: readonly RegExp[] = [
  // runc, as logrus writes: time="…" level=error msg="…"
  /^time=\S+ level=(?<level>\w+) (?:.* )?msg=(?:"(?<quoted>(?:[^"\\]|\\.)*)"|(?<text>\S+))/,
  // runc --log-format json
  /^\{.*"level":"(?<level>\w+)".*"msg":"(?<quoted>(?:[^"\\]|\\.)*)"/,
  // wireguard-go: ERROR: (wg0) 2026/01/31 12:00:00 …
  /^(?<level>[A-Z]+): \(\S+\) \d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d (?<text>.*)$/,
  // conmon: [conmon:e]: …
  /^\[conmon:(?<level>\w+)\]:? (?<text>.*)$/,
  // nft: /run/file:2:39-46: Error: …
  /^\S*:\d+:\d+-\d+: (?<level>\w+): (?<text>.*)$/,
  /^(?<level>Error|ERROR|[Ff]atal error|panic): (?<text>.*)$/,
]

const quiet: readonly RegExp[] = [
  /^(?:# ?)?warning\b|\bwarning:/i,
  /^usage:|^try '|--help\b/i,
  /^\s*dmesg\(1\) may have more information/,
  /: Error is not recoverable: exiting now$|: Exiting with failure status due to previous errors$/,
  /: Child returned status \d+$|^Configuration parsing error$|^Command failed \S+:\d+$/,
  /^goroutine \d+ |^exit status \d+$/,
]

const troubled: RegExp =
  /\b(?:error|fatal|fail(?:ed|ure|s)?|cannot|can't|could not|unable|denied|refused|invalid|no such)\b/i

/** Takes the form of a log off a line, and says what the rest is worth. */
function judged(line: string): Said {
  for (const form of logForms) {
    const { level = '', quoted, text } = form.exec(line)?.groups ?? {}
    const said = quoted === undefined ? text : unquoted(quoted)
    if (said === undefined) continue
    return { text: said, worth: loudLevels.has(lastWord(level)) ? 4 : 1 }
  }
  // Letters or digits, and no frame around them.
  if (!/[\p{L}\p{N}]/u.test(line) || /^[\u2500-\u257f|*#=~]/u.test(line.trim())) {
    return { text: line, worth: 0 }
  }
  if (quiet.some((pattern) => pattern.test(line))) return { text: line, worth: 1 }
  return { text: line, worth: troubled.test(line) ? 3 : 2 }
}

function lastWord(level: string): string {
  return level.toLowerCase().split(' ').at(-1) ?? ''
}

function unquoted(text: string): string {
  return text.replace(/\\(.)/g, (_whole, character: string) =>
    ['n', 'r', 't'].includes(character) ? ' ' : character,
  )
}

/** Sequences that a terminal takes for a colour or a move (ECMA-48, section 5.4). */
const escapes: RegExp = new RegExp(`${String.fromCharCode(27)}\\[[0-9;?]*[ -/]*[@-~]`, 'g')

/**
 * The line of what a tool has said that says what went wrong, without the form of its log; empty
 * for none. Pure, for whatever text.
 */
export function errorText(said: string): string {
  let best: Said = { text: '', worth: 0 }
  for (const line of said.replace(escapes, '').split(/[\r\n]+/)) {
    const found = judged(line.trimEnd())
    if (found.worth > best.worth) best = found
  }
  return best.text.trim()
}

const reasonCharactersMax = 200

/**
 * The same as a reason that people read: one line, printable and bounded. `tool` is taken off where
 * the line begins with its name, as whoever asks names it.
 */
export function errorLine(said: string, tool: string = ''): string {
  const text = printable(errorText(said), reasonCharactersMax)
  if (text === '') return 'it said nothing'
  return tool !== '' && text.startsWith(`${tool}: `) ? text.slice(tool.length + 2) : text
}
