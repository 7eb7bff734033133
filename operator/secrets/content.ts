import { execa } from 'execa'
import type { OperatorFolder } from '../folder/folder.ts'
import type { SecretSource } from '../layout/layout.ts'
import { secretBytesMax, secretCommandMs } from '../limits.ts'
import { Failure, systemReason } from '../terminal/failure.ts'
import type { Session } from '../terminal/session.ts'
import type { Vault } from './vault.ts'

/** Gets the content of secrets of the layout, each once in a run: a command may ask a person. */
export type SecretContents = (name: string) => Promise<Uint8Array>

/**
 * Makes the reader of secrets. It throws `Failure` `secret-missing` where nothing has it,
 * `secret-command` where its command fails or prints nothing, `secret-locked`.
 */
export function createSecretContents(
  session: Session,
  folder: OperatorFolder,
  vault: Vault,
  sources: ReadonlyMap<string, Partial<SecretSource>>,
): SecretContents {
  const read = new Map<string, Promise<Uint8Array>>()
  return (name) => {
    const known = read.get(name) ?? contentOf(session, folder, vault, name, sources.get(name))
    read.set(name, known)
    return known
  }
}

async function contentOf(
  session: Session,
  folder: OperatorFolder,
  vault: Vault,
  name: string,
  source: Partial<SecretSource> | undefined,
): Promise<Uint8Array> {
  const { command, file, environment } = source ?? {}
  if (command !== undefined) return await outputOf(session, folder, name, command)
  if (file !== undefined) return await fileOf(folder, name, file)
  if (environment !== undefined) {
    const value = session.io.env[environment]
    if (value !== undefined && value !== '') return Buffer.from(value)
    throw missing(name, `the variable ${environment} is not set`, `set ${environment}`)
  }
  const kept = await vault.open(name)
  if (kept !== undefined) return kept
  throw missing(name, 'it was never set', `covey secret set ${name}`)
}

async function outputOf(
  { io }: Session,
  { dir }: OperatorFolder,
  name: string,
  command: string,
): Promise<Uint8Array> {
  const result = await execa('/bin/sh', ['-c', command], {
    cwd: dir,
    env: { ...io.env } as Readonly<Record<string, string>>,
    extendEnv: false,
    // A program that keeps passwords may ask for one.
    stdin: io.canAsk ? 'inherit' : 'ignore',
    stderr: io.canAsk ? 'inherit' : 'ignore',
    encoding: 'buffer',
    stripFinalNewline: false,
    reject: false,
    timeout: secretCommandMs,
    maxBuffer: secretBytesMax,
  })
  const failed = (why: string): Failure =>
    new Failure(1, 'secret-command', `the command of secret ${name} ${why}`, {
      hint: 'run it by hand, or put what it needs right',
    })
  if (result.timedOut) throw failed(`did not end within ${secretCommandMs / 1000} s`)
  if (result.isMaxBuffer) throw failed(`printed more than ${secretBytesMax} bytes`)
  if (result.exitCode !== 0) throw failed(`ended with exit code ${result.exitCode ?? 'none'}`)
  if (result.stdout.length === 0) throw failed('printed nothing')
  return result.stdout
}

async function fileOf(folder: OperatorFolder, name: string, file: string): Promise<Uint8Array> {
  const path = file.startsWith('/') ? file : `${folder.dir}/${file}`
  let bytes: Uint8Array
  try {
    bytes = await folder.files.read(path, secretBytesMax + 1)
  } catch (error) {
    throw missing(name, `cannot read ${file}: ${systemReason(error)}`, `put it at ${file}`)
  }
  if (bytes.length === 0) throw missing(name, `${file} is empty`, `put it at ${file}`)
  return bytes
}

function missing(name: string, why: string, hint: string): Failure {
  return new Failure(1, 'secret-missing', `secret ${name} has no content: ${why}`, { hint })
}
