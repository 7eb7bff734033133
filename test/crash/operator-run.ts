import { createHash } from 'node:crypto'
import { openFolder } from '../../operator/folder/folder.ts'
import {
  envelopeIn,
  listHistory,
  listUnfinished,
  readHistory,
} from '../../operator/folder/history.ts'
import { readRotation } from '../../operator/folder/rotations.ts'
import { run } from '../../operator/run.ts'
import { envelopeOf } from '../../operator/signing/root-proof.ts'
import { envelopeText } from '../../operator/signing/sign.ts'
import { Failure } from '../../operator/terminal/failure.ts'
import type { Io } from '../../operator/terminal/io.ts'
import { openSession } from '../../operator/terminal/session.ts'
import type { FileCalls } from '../../platform/files/calls.ts'
import type { Files } from './file-tree.ts'
import { createModelDisk } from './model-disk.ts'
import { fingerprint } from './power-cut.ts'

/** The operator's folder and keys on the model. Only their parent is there before `covey init`. */
export const operatorDir: string = '/srv/op/home'
export const operatorKeys: string = '/srv/op/keys'

/** One command line, and what is piped into it. */
export interface CommandLine {
  readonly argv: readonly string[]
  readonly stdin?: string
}

/** Signs a config that names no host. */
export const signCommand: CommandLine = { argv: ['sign', '-'], stdin: '{"hosts":{}}' }

/** The output of a command so far; `exit` is null until it has come to its end. */
export interface Said {
  exit: number | null
  out: string
  err: string
}

/** Starts a command on a model. The promise never ends where the machine does. */
export function startCommand(
  calls: FileCalls,
  { argv, stdin = '' }: CommandLine,
): { readonly said: Said; readonly ended: Promise<Said> } {
  const said: Said = { exit: null, out: '', err: '' }
  const ended = run(argv, ioOn(calls, stdin, said)).then((exit) => {
    said.exit = exit
    return said
  })
  return { said, ended }
}

function ioOn(calls: FileCalls, stdin: string, said: Said): Io {
  return {
    env: { COVEY_KEY_DIR: operatorKeys, COVEY_RUN_DIR: '/srv/op/run' },
    cwd: operatorDir,
    stdin: (async function* () {
      if (stdin !== '') yield Buffer.from(stdin)
    })(),
    canAsk: false,
    outIsTerminal: false,
    errIsTerminal: false,
    out: (text) => {
      said.out += text
    },
    err: (text) => {
      said.err += text
    },
    write: async () => undefined,
    endInput: () => undefined,
    terminal: null,
    onSignals: () => () => undefined,
    ask: async () => '',
    interrupted: () => new AbortController().signal,
    files: calls,
    // A process that is dead holds no lock.
    takeName: async () => () => undefined,
    now: () => 1_790_000_000_000,
    wait: async () => {},
  }
}

/**
 * Documents of a folder: digests by name, each root and config proven. Null: not a folder yet.
 */
export type Documents = ReadonlyMap<string, string> | null

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

/** Opens the folder as every command does, and proves all that is in it. */
export async function documentsOn(calls: FileCalls): Promise<Documents> {
  const session = openSession({}, ioOn(calls, '', { exit: null, out: '', err: '' }))
  const folder = await openFolder(session).catch((error: unknown) => {
    if (error instanceof Failure && error.code === 'no-folder') return null
    throw error
  })
  if (folder === null) return null
  const { chain } = folder
  const documents = new Map<string, string>()
  for (const root of chain.held) {
    documents.set(`root ${root.root.epoch}`, digestOf(envelopeText(envelopeOf(root))))
  }
  for (const entry of await listHistory(folder)) {
    const { envelope } = await readHistory(folder, entry)
    documents.set(`config ${entry.epoch}.${entry.version}`, digestOf(envelopeText(envelope)))
  }
  for (const { epoch, version, path } of await listUnfinished(folder)) {
    const envelope = await envelopeIn(folder, path)
    documents.set(`unfinished ${epoch}.${version}`, digestOf(JSON.stringify(envelope ?? null)))
  }
  for (const epoch of [chain.newest.epoch, chain.newest.epoch + 1]) {
    const delivery = await readRotation(folder, epoch)
    if (delivery !== undefined)
      documents.set(`journal ${epoch}`, digestOf(JSON.stringify(delivery)))
  }
  return documents
}

const opened = new Map<string, Promise<Documents>>()

/** The documents after a power cut; the same files are opened only once. */
export function documentsIn(files: Files): Promise<Documents> {
  const key = fingerprint(files)
  const found = opened.get(key) ?? documentsOn(createModelDisk(files).calls)
  opened.set(key, found)
  return found
}
