import { spawn } from 'node:child_process'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { CoveyError } from '../../protocol/fault.ts'
import { claimFolder } from './folder.ts'

/** Time that a starting agent waits for one that ends, in seconds. */
export const lockWaitSeconds: number = 5

/** A held lock. It ends with the process, however that ends. */
export interface Lock {
  release(): Promise<void>
}

/**
 * Takes the one lock of a state folder. `flock` of util-linux locks the open file that it inherits,
 * and that lock stays with this process when `flock` has ended: no file that a crash could leave
 * behind. (Node itself has no flock(2).)
 *
 * Errors: `state-locked` after `waitSeconds`; `tool-missing` where there is no `flock`;
 * `not-root-owned` where the folder is not root's alone.
 */
export async function lockState(
  stateDir: string,
  waitSeconds: number,
  name: 'lock' | 'identity.lock' = 'lock',
): Promise<Lock> {
  await claimFolder(stateDir)
  const lock = await lockFile(stateDir, waitSeconds, name)
  if (lock !== null) return lock
  const who = name === 'lock' ? 'another covey agent' : 'another covey command'
  throw new CoveyError('state-locked', `${who} uses ${stateDir}`, {
    hint: name === 'lock' ? `stop it first; ${ownPlaces}` : 'wait until it has ended',
  })
}

/**
 * Takes the one lock of a run folder, which must be there, in the same way: what lies in it of
 * containers is one agent's.
 *
 * Errors: `run-locked` after `waitSeconds`; `tool-missing` where there is no `flock`.
 */
export async function lockRun(runDir: string, waitSeconds: number): Promise<Lock> {
  const lock = await lockFile(runDir, waitSeconds, 'lock')
  if (lock !== null) return lock
  throw new CoveyError('run-locked', `another covey agent uses ${runDir}`, {
    hint: `stop it first; ${ownPlaces}`,
  })
}

const ownPlaces =
  'a second agent needs a network namespace, a --state-dir and a --run-dir of its own'

/** Null where somebody else has it. */
async function lockFile(folder: string, waitSeconds: number, name: string): Promise<Lock | null> {
  const file = await open(join(folder, name), 'w', 0o600)
  const code = await new Promise<number | null>((resolve, reject) => {
    const child = spawn('/usr/bin/flock', ['-w', String(waitSeconds), '3'], {
      stdio: ['ignore', 'ignore', 'ignore', file.fd],
    })
    child.on('error', reject)
    child.on('exit', resolve)
  }).catch(async (cause) => {
    await file.close()
    throw new CoveyError('tool-missing', 'cannot run /usr/bin/flock', {
      hint: 'install the package util-linux',
      cause,
    })
  })
  if (code === 0) return { release: () => file.close() }
  await file.close()
  return null
}
