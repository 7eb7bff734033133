import { once } from 'node:events'
import { constants } from 'node:os'
import type { Readable } from 'node:stream'
import {
  type ExecStart,
  execSignals,
  execStartSchema,
  type Frame,
  runStartSchema,
  stdinWindowBytes,
  terminalSizeSchema,
} from '../../../protocol/exec-frames.ts'
import { CoveyError } from '../../../protocol/fault.ts'
import { isMissingCommand } from '../../../reconcilers/tools/runc.ts'
import type { ProcessName } from '../processes.ts'
import { type ExecChannel, payloadJson } from './channel.ts'
import type { ExecFiles, Launched } from './launch.ts'
import { execAskMsMax } from './limits.ts'
import { endTree } from './process-tree.ts'
import { beginExec, type ExecPlace, ExecRefusal, startedExec } from './start.ts'

/** Makes the container of a command. Throws `ExecRefusal`, `CoveyError`. */
export type PlaceFor = (
  start: ExecStart,
  signal: AbortSignal,
) => Promise<{
  readonly place: ExecPlace
  readonly start: ExecStart
  /** Removes it again; called before the client is told of the end. */
  readonly remove: () => Promise<void>
}>

/** Dependencies of serving one command. */
export interface ServeInit {
  readonly channel: ExecChannel
  /** The container, or what makes one for the command and says what to run in it. */
  readonly place: ExecPlace | PlaceFor
  readonly files: ExecFiles
  /** Fires when the client is gone or the agent ends: what was started is ended. */
  readonly gone: AbortSignal
  /** Time that the command has after SIGHUP, in ms. */
  readonly endMs: () => number
  /** It runs: told once, with the process or null where it has ended already. */
  readonly onStarted: (start: ExecStart, process: ProcessName | null) => Promise<void>
}

/**
 * Runs the command that a client asks for, to its end. Resolves once nothing of it is left that the
 * client could have wanted; never rejects because of the client or the command.
 */
export async function serveExec(init: ServeInit): Promise<void> {
  const { channel, place, files, gone } = init
  const isRun = typeof place === 'function'
  const input = createInput(channel, isRun ? runStartSchema : execStartSchema)
  let launched: Launched | null = null
  let process: ProcessName | null = null
  const end = async (): Promise<void> => {
    if (process !== null) await endTree(process, init.endMs())
    // The runtime would wait for whoever has the command's output open still.
    launched?.child.kill('SIGKILL')
  }
  try {
    const asked = await input.start(gone)
    const made = isRun ? await place(asked, gone) : { place, start: asked, remove: null }
    const { start } = made
    if (start.command.length === 0) throw new ExecRefusal('exec-start', 'no command to run', 126)
    launched = await beginExec(files, made.place, start)
    const ended = endOf(launched)
    const started = Promise.withResolvers<void>()
    const output = passOutput(launched, channel, started.promise)
    // Where nothing is started, nobody waits for these two.
    for (const each of [ended, output]) each.catch(() => {})
    process = await startedExec(files, launched, gone)
    await init.onStarted(start, process)
    started.resolve()
    input.connect(launched, process)
    gone.addEventListener('abort', () => void end())
    if (gone.aborted) await end()
    await output
    const code = await ended
    await made.remove?.()
    await channel.send('exit', String(code))
  } catch (error) {
    await end()
    await channel.send('fault', JSON.stringify(refusalOf(error).fault))
    if (!(error instanceof ExecRefusal)) throw error
  } finally {
    channel.end()
  }
}

function refusalOf(error: unknown): ExecRefusal {
  if (error instanceof ExecRefusal) return error
  if (error instanceof CoveyError) {
    // Where a container is made for the command, that finds it missing already.
    const exit = isMissingCommand(error.message) ? 127 : 126
    return new ExecRefusal(error.code, error.message, exit, error.hint ?? null)
  }
  const reason = error instanceof Error ? error.message : String(error)
  return new ExecRefusal('exec-failed', reason, 126)
}

/** The exit code of the runtime, which is that of the command. */
async function endOf({ child }: Launched): Promise<number> {
  const [code, signal] = await once(child, 'exit')
  return code ?? 128 + constants.signals[signal as keyof typeof constants.signals]
}

/**
 * Passes output on from `started` on: what comes before may be the runtime's own words. Reading has
 * to begin at once, for Node throws away at its end what of a child's output nobody has asked for.
 */
async function passOutput(
  { stdout, stderr }: Launched,
  channel: ExecChannel,
  started: Promise<void>,
): Promise<void> {
  const pass = async (from: Readable, kind: 'stdout' | 'stderr'): Promise<void> => {
    for await (const chunk of from) {
      await started
      // With nobody to hear it, it is read all the same, so that the command is not held up.
      if (!channel.gone.aborted) await channel.send(kind, chunk)
    }
  }
  await Promise.all([pass(stdout, 'stdout'), stderr === null ? null : pass(stderr, 'stderr')])
}

interface Input {
  /** Waits for the client's request. Throws `ExecRefusal`. */
  start(gone: AbortSignal): Promise<ExecStart>
  /** Passes on what has come since, and what comes. */
  connect(launched: Launched, process: ProcessName | null): void
}

/** Takes frames in; what comes before the program runs waits, bounded by the window. */
function createInput(channel: ExecChannel, schema: typeof execStartSchema): Input {
  let onStart: ((frame: Frame) => void) | null = null
  let waiting: Frame[] = []
  let waitingBytes = 0
  let deliver: ((frame: Frame) => void) | null = null
  const started = new Promise<Frame>((resolve) => {
    onStart = resolve
  })
  channel.listen((frame) => {
    if (onStart !== null) {
      onStart(frame)
      onStart = null
    } else if (deliver !== null) deliver(frame)
    else {
      // Small frames cost memory too, more than their payload.
      waitingBytes += frame.payload.length + 64
      if (waitingBytes > 2 * stdinWindowBytes) throw new RangeError('more input than was requested')
      waiting.push(frame)
    }
  })
  return {
    async start(gone) {
      const timeout = AbortSignal.any([gone, AbortSignal.timeout(execAskMsMax)])
      const frame = await Promise.race([started, abortOf(timeout)])
      const start = frame?.kind === 'start' ? parseStart(frame.payload, schema) : null
      if (start !== null) return start
      throw new ExecRefusal('exec-start', 'the client did not say what to run', 126)
    },
    connect(launched, process) {
      deliver = deliveryTo(launched, process, channel)
      for (const frame of waiting) deliver(frame)
      waiting = []
    },
  }
}

function abortOf(signal: AbortSignal): Promise<null> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(null)
    else signal.addEventListener('abort', () => resolve(null), { once: true })
  })
}

function parseStart(payload: Uint8Array, schema: typeof execStartSchema): ExecStart | null {
  const parsed = schema.safeParse(payloadJson(payload))
  return parsed.success ? parsed.data : null
}

function deliveryTo(
  launched: Launched,
  leader: ProcessName | null,
  channel: ExecChannel,
): (frame: Frame) => void {
  const { stdin } = launched
  let heldBytes = 0
  // A program may close its stdin, or end, while more comes: that is thrown away.
  stdin?.on('error', () => {})
  return ({ kind, payload }) => {
    if (kind === 'stdin') {
      heldBytes += payload.length
      if (heldBytes > stdinWindowBytes) throw new RangeError('more input than was requested')
      const taken = (): void => {
        heldBytes -= payload.length
        void channel.send('taken', String(payload.length))
      }
      if (stdin === null || stdin.destroyed) taken()
      else stdin.write(payload, taken)
    } else if (kind === 'stdin-end') stdin?.end()
    else if (kind === 'resize') {
      const size = terminalSizeSchema.safeParse(payloadJson(payload))
      if (size.success) launched.resize(size.data)
    } else if (kind === 'signal') {
      const name = Buffer.from(payload).toString('latin1')
      if (execSignals.includes(name)) signalGroup(leader, name as NodeJS.Signals)
    }
  }
}

/** The command leads a group, as a shell makes it of each command; all of that gets the signal. */
function signalGroup(leader: ProcessName | null, signal: NodeJS.Signals): void {
  try {
    if (leader !== null) process.kill(-leader.pid, signal)
  } catch {
    // It has ended.
  }
}
