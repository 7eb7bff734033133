import type { ExecStart } from '../../../protocol/exec-frames.ts'
import { bad, type Checked, good } from '../../../protocol/fault.ts'
import { type AccountFiles, accountOf } from '../../../reconcilers/runc/bundle/accounts.ts'

/** `process` of the OCI runtime spec, as far as it is looked at here. */
export type ProcessSpec = Readonly<Record<string, unknown>>

/**
 * Process spec of a command: that of the container's first process, with another command.
 * Capabilities, no-new-privileges, limits and security profiles are the container's own, so that it
 * is never more privileged than what runs there already.
 *
 * Faults: `user-unknown`, `working-dir`.
 */
export function execProcess(
  first: ProcessSpec,
  start: ExecStart,
  accounts: AccountFiles,
): Checked<ProcessSpec> {
  const { command, terminal, workingDir } = start
  if (workingDir !== null && !workingDir.startsWith('/')) {
    return bad('working-dir', `--workdir must be an absolute path, not ${workingDir}`)
  }
  const account = start.user === null ? null : accountOf(start.user, accounts)
  if (account !== null && !account.ok) return account
  const own: Record<string, string> = account === null ? {} : { HOME: account.value.home }
  const { consoleSize: _size, ...rest } = first
  return good({
    ...rest,
    terminal: terminal !== null,
    ...(terminal === null
      ? {}
      : { consoleSize: { height: terminal.rows, width: terminal.columns } }),
    args: command,
    cwd: workingDir ?? first['cwd'] ?? '/',
    env: environment(textsOf(first['env']), own, start.environment),
    ...(account === null
      ? {}
      : {
          user: {
            ...objectOf(first['user']),
            uid: account.value.uid,
            gid: account.value.gid,
            additionalGids: account.value.groups,
          },
        }),
  })
}

function objectOf(value: unknown): object {
  return typeof value === 'object' && value !== null ? value : {}
}

function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((text) => typeof text === 'string') : []
}

/** Later ones take the place of earlier ones of the same name. */
function environment(
  base: readonly string[],
  own: Readonly<Record<string, string>>,
  asked: readonly string[],
): readonly string[] {
  const variables = new Map<string, string>()
  const set = (text: string): void => {
    const at = text.indexOf('=')
    if (at > 0) variables.set(text.slice(0, at), text.slice(at + 1))
  }
  for (const text of base) set(text)
  for (const [name, value] of Object.entries(own)) variables.set(name, value)
  for (const text of asked) set(text)
  return [...variables].map(([name, value]) => `${name}=${value}`)
}
