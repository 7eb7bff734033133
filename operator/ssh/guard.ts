import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { controlPathBytesMax } from './limits.ts'

/**
 * Ends every connection below a folder and removes the folder, once its stdin ends: this process
 * has then ended, in whatever way. A connection that is still being made has a file `making` beside
 * it and is waited for.
 */
const guardScript = [
  'read -r _',
  'for try in 1 2 3 4 5 6 7 8 9 10; do',
  '  for each in "$1"/*/ctl; do',
  '    [ ! -S "$each" ] || ssh -F none -S "$each" -O exit x',
  '  done',
  '  ls "$1"/*/making || break',
  '  sleep 1',
  'done',
  'rm -rf "$1"',
].join('\n')

let folder: string | undefined
let count = 0

/**
 * A new private folder for one connection (mode 0700), below one of this process that goes with it.
 */
export function takeLineFolder(env: Readonly<Record<string, string | undefined>>): string {
  folder ??= guarded(env)
  return join(folder, String(count++))
}

function guarded(env: Readonly<Record<string, string | undefined>>): string {
  const wanted = env['XDG_RUNTIME_DIR'] || tmpdir()
  // The longest name below it is the socket of the connection, to which ssh adds while it is made.
  const fits = Buffer.byteLength(wanted) <= controlPathBytesMax
  const made = mkdtempSync(join(fits ? wanted : '/tmp', 'covey-'))
  try {
    watch(made, env)
  } catch (error) {
    rmSync(made, { recursive: true, force: true })
    throw error
  }
  return made
}

/** In a session of its own it does not hear Ctrl-C. */
function watch(path: string, env: Readonly<Record<string, string | undefined>>): ChildProcess {
  const child = spawn('/bin/sh', ['-c', guardScript, 'sh', path], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
    env: { ...env },
  })
  child.on('error', () => {})
  const pipe = child.stdin as Socket
  pipe.on('error', () => {})
  // Neither keeps this process from ending; that it has ended is what the guard waits for.
  pipe.unref()
  child.unref()
  return child
}
