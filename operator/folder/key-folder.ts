import { existsSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import { Failure } from '../terminal/failure.ts'

/**
 * The folder of a person's keys where no flag and no COVEY_KEY_DIR names one: below XDG_CONFIG_HOME
 * (XDG Base Directory Specification: only where it is absolute), else below `~/.config`. Keys that
 * an earlier version put into `~/.config/covey/keys` are still found. Throws `Failure` `no-home`.
 */
export function usualKeyFolder(env: Readonly<Record<string, string | undefined>>): string {
  const home = env['HOME'] ?? ''
  const named = env['XDG_CONFIG_HOME'] ?? ''
  const old = isAbsolute(home) ? join(home, '.config/covey/keys') : undefined
  const wanted = isAbsolute(named) ? join(named, 'covey/keys') : undefined
  if (wanted !== undefined && (old === undefined || existsSync(wanted) || !existsSync(old))) {
    return wanted
  }
  if (old !== undefined) return old
  const what = home === '' ? 'HOME is not set' : `HOME is not an absolute path (${home})`
  throw new Failure(2, 'no-home', `there is no place for your keys: ${what}`, {
    hint: 'name the folder of your keys with --key-dir or COVEY_KEY_DIR',
  })
}
