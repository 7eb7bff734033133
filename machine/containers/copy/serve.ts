import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type CopyFault, type CopyStart, copyStartSchema } from '../../../protocol/copy-start.ts'
import { type Frame, stdinWindowBytes } from '../../../protocol/exec-frames.ts'
import { CoveyError } from '../../../protocol/fault.ts'
import { oneLine } from '../../../protocol/printable.ts'
import type { Log } from '../../../reconcilers/reconciler.ts'
import { type ExecChannel, payloadJson } from '../exec/channel.ts'
import { execAskMsMax } from '../exec/limits.ts'
import { createSeats, type Seats } from '../seats.ts'
import { copyIn, copyOut } from './in-and-out.ts'
import { copiesMax, leftOutLinesMax } from './limits.ts'
import type { CopyPlace } from './walk.ts'

/** Copies into containers and out of them, for clients. */
export interface Copies extends Seats {
  /** Serves one client to the end; `object` is for the log. Never rejects. */
  serve(channel: ExecChannel, object: string, place: Omit<CopyPlace, 'rootfs'>): Promise<void>
}

/** Opens the room for copies. */
export function openCopies(log: Log): Copies {
  return {
    ...createSeats(copiesMax),
    async serve(channel, object, place) {
      try {
        const input = createInput(channel)
        const start = await input.start()
        log.info({ object, direction: start.direction, path: start.path }, 'copy of files')
        await copy(channel, await withRootfs(place), start, input.chunks())
        await channel.send('exit', '0')
      } catch (error) {
        if (!(error instanceof CoveyError) && !channel.gone.aborted) {
          log.warn({ error, object }, 'cannot copy files of a container')
        }
        await channel.send('fault', JSON.stringify(faultOf(error)))
      } finally {
        channel.end()
      }
    },
  }
}

/** The bundle says where the root is, as the runtime was told. */
async function withRootfs(place: Omit<CopyPlace, 'rootfs'>): Promise<CopyPlace> {
  const text = await readFile(join(place.bundle, 'config.json'), 'utf8').catch(() => null)
  if (text === null) throw new CoveyError('not-running', 'the container has just ended')
  const { root } = JSON.parse(text) as { readonly root: { readonly path: string } }
  return { pid: place.pid, bundle: place.bundle, rootfs: root.path }
}

async function copy(
  channel: ExecChannel,
  place: CopyPlace,
  start: CopyStart,
  chunks: AsyncIterable<Uint8Array>,
): Promise<void> {
  const signal = channel.gone
  if (start.direction === 'in') {
    await copyIn(place, start, chunks, signal)
    return
  }
  let lines = 0
  const onLeftOut = (line: string): void => {
    if (++lines <= leftOutLinesMax) void channel.send('stderr', oneLine(line))
  }
  await copyOut(place, start, (bytes) => channel.send('stdout', bytes), { onLeftOut, signal })
  const more = lines - leftOutLinesMax
  if (more > 0) await channel.send('stderr', `${more} more are left out`)
}

function faultOf(error: unknown): CopyFault {
  if (error instanceof CoveyError) {
    return { code: error.code, message: error.message, hint: error.hint ?? null }
  }
  const hint = 'the log of the agent says why'
  return { code: 'cp-failed', message: 'the agent could not copy it', hint }
}

interface Input {
  start(): Promise<CopyStart>
  /** Bytes of stdin to their end. Throws `client-gone` where that does not come. */
  chunks(): AsyncGenerator<Uint8Array>
}

/** Takes frames in; what is not asked for yet waits, bounded by the window. */
function createInput(channel: ExecChannel): Input {
  const waiting: Frame[] = []
  let heldBytes = 0
  let wake = (): void => {}
  channel.listen((frame) => {
    // Small frames cost memory too, more than their payload.
    heldBytes += frame.payload.length + 64
    if (heldBytes > 2 * stdinWindowBytes) throw new RangeError('more input than was requested')
    waiting.push(frame)
    wake()
  })
  channel.gone.addEventListener('abort', () => wake())
  const next = async (until: AbortSignal): Promise<Frame> => {
    for (;;) {
      const frame = waiting.shift()
      if (frame !== undefined) {
        heldBytes -= frame.payload.length + 64
        return frame
      }
      if (until.aborted) throw new CoveyError('client-gone', 'the client went away')
      const changed = new Promise<void>((resolve) => {
        wake = resolve
      })
      until.addEventListener('abort', wake, { once: true })
      await changed
      until.removeEventListener('abort', wake)
    }
  }
  return {
    async start() {
      const { kind, payload } = await next(
        AbortSignal.any([channel.gone, AbortSignal.timeout(execAskMsMax)]),
      )
      const parsed = copyStartSchema.safeParse(kind === 'start' ? payloadJson(payload) : null)
      if (parsed.success) return parsed.data
      throw new CoveyError('copy-start', 'the client did not say what to copy')
    },
    async *chunks() {
      for (;;) {
        const { kind, payload } = await next(channel.gone)
        if (kind === 'stdin-end') return
        if (kind !== 'stdin') continue
        yield payload
        await channel.send('taken', String(payload.length))
      }
    },
  }
}
