import { watch } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import type { ExecFault, ExecStart } from '../../../protocol/exec-frames.ts'
import type { Checked } from '../../../protocol/fault.ts'
import { createReason } from '../../../reconcilers/tools/runc.ts'
import { type ProcessName, startTicksOf } from '../processes.ts'
import { accountFilesOf } from './account-files.ts'
import { type ExecFiles, type Launched, launchExec } from './launch.ts'
import { execReasonBytesMax, execStartMsMax } from './limits.ts'
import { execProcess, type ProcessSpec } from './process-spec.ts'

/** The container that a command is run in. */
export interface ExecPlace {
  /** As the runtime knows it. */
  readonly id: string
  /** `--root` of the runtime. */
  readonly runcRoot: string
  /** Network namespace that the runtime has to be in; null where it enters that itself. */
  readonly network: string | null
  /** Folder with its `config.json`. */
  readonly bundle: string
  /** Its first process. */
  readonly pid: number
}

/** Reason that a command does not run, for the client. */
export class ExecRefusal extends Error {
  readonly fault: ExecFault

  constructor(code: string, message: string, exit: 126 | 127, hint: string | null = null) {
    super(message)
    this.name = 'ExecRefusal'
    this.fault = { code, message, hint, exit }
  }
}

/** Files of one command in a folder of its own. */
export function execFiles(folder: string): ExecFiles {
  const [process, pid, log] = ['process.json', 'pid', 'log'].map((name) => join(folder, name))
  return { folder, process: process ?? '', pid: pid ?? '', log: log ?? '' }
}

/** Writes what the runtime is to run, and starts it. Throws `ExecRefusal`, `tool-missing`. */
export async function beginExec(
  files: ExecFiles,
  place: ExecPlace,
  start: ExecStart,
): Promise<Launched> {
  const process = await processOf(place, start)
  if (!process.ok) throw new ExecRefusal(process.fault.code, process.fault.message, 126)
  await writeFile(files.process, JSON.stringify(process.value), { mode: 0o600 })
  const { terminal, stdin: hasStdin } = start
  const { id, runcRoot, network } = place
  return launchExec({ files, id, runcRoot, network, terminal, hasStdin })
}

async function processOf(place: ExecPlace, start: ExecStart): Promise<Checked<ProcessSpec>> {
  const text = await readFile(join(place.bundle, 'config.json'), 'utf8').catch(() => null)
  if (text === null) throw new ExecRefusal('not-running', 'the container has just ended', 126)
  const { process, root } = JSON.parse(text) as {
    readonly process: ProcessSpec
    readonly root: { readonly path: string }
  }
  const accounts =
    start.user === null
      ? { passwd: null, group: null }
      : accountFilesOf(place.pid, resolve(place.bundle, root.path))
  return execProcess(process, start, accounts)
}

/**
 * Waits until the runtime has started the process, or has ended without that. The process, or null
 * where it has come and gone already. Throws `ExecRefusal` with the exit code that a shell gives:
 * 127 where there is no such command, else 126.
 */
export async function startedExec(
  files: ExecFiles,
  launched: Launched,
  gone: AbortSignal,
): Promise<ProcessName | null> {
  const isThere = await pidFile(files, launched, gone)
  const pid = Number(await readFile(files.pid, 'latin1').catch(() => ''))
  if (!isThere && !(pid > 0)) throw await refusalOf(files, gone)
  const startTicks = startTicksOf(pid)
  return startTicks === null ? null : { pid, startTicks }
}

/** Resolves to true once the file is there, to false once it cannot come any more. */
function pidFile(files: ExecFiles, { child }: Launched, gone: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const settle = (isThere: boolean): void => {
      watcher.close()
      clearTimeout(timer)
      gone.removeEventListener('abort', stop)
      child.off('exit', never).off('error', never)
      resolve(isThere)
    }
    const never = (): void => settle(false)
    const stop = (): void => {
      child.kill('SIGKILL')
      settle(false)
    }
    const watcher = watch(files.folder, (_event, name) => {
      if (name === basename(files.pid)) settle(true)
    })
    watcher.on('error', never)
    const timer = setTimeout(stop, execStartMsMax)
    gone.addEventListener('abort', stop)
    child.once('exit', never).once('error', never)
    if (gone.aborted) stop()
  })
}

async function refusalOf(files: ExecFiles, gone: AbortSignal): Promise<ExecRefusal> {
  if (gone.aborted) return new ExecRefusal('client-gone', 'nothing waits for it any more', 126)
  const text = await readFile(files.log, 'utf8').catch(() => '')
  const said = text.slice(-execReasonBytesMax)
  if (said.trim() === '') {
    return new ExecRefusal('exec-failed', 'the runtime started nothing, and gave no reason', 126)
  }
  const reason = createReason(said.replaceAll('exec failed: ', ''))
  const isMissing = /executable file not found|exec: [^:]+: stat .*no such file/.test(said)
  return isMissing
    ? new ExecRefusal('command-not-found', reason, 127)
    : new ExecRefusal('exec-failed', reason, 126)
}
