import { constants } from 'node:os'
import type { ExecStart } from '../../../protocol/exec-frames.ts'
import { type RemoteCommand, startRemote } from '../../agent-client/exec.ts'
import { findTargets } from '../../all-hosts/known.ts'
import { useFirst } from '../../all-hosts/use-first.ts'
import { ExitWith, Failure } from '../../terminal/failure.ts'
import type { Session } from '../../terminal/session.ts'
import type { Input } from '../definition.ts'
import { containerName } from './name.ts'

/** `covey exec [-i] [-t] [-u USER] [-w DIR] [-e NAME=VALUE]… NAME -- COMMAND…`. */
export async function execCommand(session: Session, input: Input): Promise<void> {
  const command = input.args.slice(1)
  if (command.length === 0) {
    throw new Failure(2, 'usage', 'no command given', {
      hint: 'covey exec NAME -- COMMAND …',
    })
  }
  await attach(session, input, startOf(session, input, command), 'exec')
}

/** `covey run [--rm] [--entrypoint PROGRAM] … NAME [-- COMMAND…]`. */
export async function runCommand(session: Session, input: Input): Promise<void> {
  const start = startOf(session, input, input.args.slice(1))
  const entrypoint = input.text('entrypoint')
  const asked = entrypoint === undefined ? start : { ...start, entrypoint: [entrypoint] }
  await attach(session, input, asked, 'run')
}

async function attach(
  session: Session,
  input: Input,
  start: ExecStart,
  verb: 'exec' | 'run',
): Promise<void> {
  const { io } = session
  const remote = await startIn(session, input, start, verb)
  const interrupted = Promise.withResolvers<never>()
  const undo = start.terminal === null ? [] : joinTerminal(session, remote)
  undo.push(passSignals(session, remote, start.terminal !== null, interrupted.reject))
  if (start.stdin) void passInput(session, remote)
  try {
    const code = await Promise.race([remote.ended, interrupted.promise])
    if (code !== 0) throw new ExitWith(code)
  } finally {
    for (const step of undo) step()
    remote.leave()
    io.endInput()
  }
}

/** Starts it in the first container with the name that runs, or on the first host with one. */
async function startIn(
  session: Session,
  input: Input,
  start: ExecStart,
  verb: 'exec' | 'run',
): Promise<RemoteCommand> {
  const { found } = await findTargets(session, input, [containerName(input)])
  return await useFirst(found, async ({ at, object }) => {
    return await startRemote(await at.session(), object, start, session.io.write, verb)
  })
}

function startOf({ io }: Session, input: Input, command: readonly string[]): ExecStart {
  // Somebody who sits at both ends of it wants a terminal; a script has to ask for one.
  const isPerson = io.terminal !== null && io.outIsTerminal && !input.isNot('tty')
  const hasTerminal = input.is('tty') || isPerson
  const environment = input.list('env')
  const odd = environment.find((text) => !/^[^=]+=/.test(text))
  if (odd !== undefined) {
    throw new Failure(2, 'usage', `--env ${odd}: must be NAME=VALUE`, {
      hint: 'covey exec --env NAME=VALUE …',
    })
  }
  const size = io.terminal?.size() ?? { rows: 24, columns: 80 }
  const kind = io.env['TERM']
  const isKnown = hasTerminal && kind !== undefined && /^[\w.+-]{1,64}$/.test(kind)
  return {
    command,
    terminal: hasTerminal ? size : null,
    stdin: input.is('interactive') || isPerson,
    user: input.text('user') ?? null,
    workingDir: input.text('workdir') ?? null,
    environment: isKnown ? [`TERM=${kind}`, ...environment] : environment,
  }
}

/** Joins the terminal here with the one there. Returns what puts this one back. */
function joinTerminal({ io }: Session, remote: RemoteCommand): (() => void)[] {
  const { terminal } = io
  if (terminal === null) return []
  return [terminal.onResize(() => remote.resize(terminal.size())), terminal.raw()]
}

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const

/**
 * Without a terminal the first signal is the command's, and at the second nobody waits for it any
 * more. With one, Ctrl-C goes there as a key; a signal comes from somebody who wants this ended.
 */
function passSignals(
  { io }: Session,
  remote: RemoteCommand,
  hasTerminal: boolean,
  onEnd: (reason: ExitWith) => void,
): () => void {
  let isFirst = true
  return io.onSignals(signals, (name) => {
    const isPassed = isFirst && !hasTerminal && name !== 'SIGHUP'
    isFirst = false
    if (isPassed) remote.signal(name)
    else onEnd(new ExitWith(128 + constants.signals[name]))
  })
}

async function passInput({ io }: Session, remote: RemoteCommand): Promise<void> {
  try {
    for await (const bytes of io.stdin) await remote.input(bytes)
    remote.endInput()
  } catch {
    // It was ended because the command has.
  }
}
