import { resolve } from 'node:path'
import { escapedJson, oneLine } from '../../protocol/printable.ts'
import { usualKeyFolder } from '../folder/key-folder.ts'
import type { Io } from './io.ts'
import { type Paint, paintFor } from './style.ts'

/** Flags and environment variables that every command takes; flags win. */
interface Settings {
  readonly json: boolean
  readonly debug: boolean
  readonly runDir: string
  /** Reading it throws `Failure` `no-home` where nothing says where it is. */
  readonly keyDir: string
  /**
   * The operator's folder where it was named; else it is found upwards from the working directory.
   */
  readonly dir: string | undefined
  readonly to: string | undefined
}

/** One run of one command. */
export interface Session {
  readonly io: Io
  readonly settings: Settings
  readonly paint: Paint
  /** Prints what came of it: one JSON document with `--json`, else the text. Called once. */
  result(document: unknown, text: string): void
  /** One line for people on stderr; nothing with `--json`. */
  note(text: string): void
  /** A warning of one line on stderr, in both modes. */
  warn(text: string): void
  /** A path of the user's, made absolute. */
  path(text: string): string
}

/** Global flags as commander hands them over. */
export interface GlobalFlags {
  readonly json?: boolean
  readonly debug?: boolean
  readonly runDir?: string
  readonly keyDir?: string
  readonly dir?: string
  readonly to?: string
}

/** Settles flags against the environment and its defaults. */
export function openSession(flags: GlobalFlags, io: Io): Session {
  const path = (text: string): string => resolve(io.cwd, text)
  const named = flags.keyDir ?? (io.env['COVEY_KEY_DIR'] || undefined)
  const settings: Settings = {
    json: flags.json ?? false,
    debug: flags.debug ?? false,
    runDir: path(flags.runDir ?? (io.env['COVEY_RUN_DIR'] || '/run/covey')),
    // Looked for when it is needed: most commands do without.
    get keyDir() {
      return path(named ?? usualKeyFolder(io.env))
    },
    dir: flags.dir === undefined ? undefined : path(flags.dir),
    to: flags.to,
  }
  return {
    io,
    settings,
    paint: paintFor(io),
    path,
    result: (document, text) => io.out(settings.json ? jsonText(document) : text),
    note: (text) => {
      if (!settings.json) io.err(`${oneLine(text)}\n`)
    },
    warn: (text) => io.err(`covey: warning: ${oneLine(text)}\n`),
  }
}

/** A document as it is printed: indented, ended by a line feed. */
export function jsonText(document: unknown): string {
  return `${escapedJson(JSON.stringify(document, null, 2))}\n`
}

/** A document as one of many: on one line. */
export function jsonLine(document: unknown): string {
  return `${escapedJson(JSON.stringify(document))}\n`
}
