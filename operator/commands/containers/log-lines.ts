import { type LogRecord, parseLogRecord } from '../../../protocol/log-record.ts'
import { logTextBytesMax } from '../../limits.ts'
import { terminalSafe } from '../../terminal/log-text.ts'
import { jsonLine, type Session } from '../../terminal/session.ts'

/** Shows records of a log as they arrive. */
export interface LogPrinter {
  /** Takes the next bytes of the log, cut anywhere. */
  add(chunk: Uint8Array): Promise<void>
  /** Ends lines that have no end. */
  end(): Promise<void>
}

const lineFeed = new Uint8Array([10])
/** The most that is held of a record that is not complete yet; conmon's are at most 8 KiB long. */
const heldBytesMax = 128 * 1024

/** Cuts what arrives into records and hands them on, one batch for each chunk. */
export function createCutter(onRecord: (record: LogRecord, text: Uint8Array) => void): {
  add(chunk: Uint8Array): void
} {
  let held: Uint8Array = new Uint8Array(0)
  return {
    add(chunk) {
      const bytes = held.length === 0 ? chunk : Buffer.concat([held, chunk])
      let at = 0
      for (let end = bytes.indexOf(10); end !== -1; end = bytes.indexOf(10, at)) {
        const record = bytes.subarray(at, end)
        const parsed = parseLogRecord(record)
        if (parsed !== null) onRecord(parsed, record.subarray(parsed.textAt))
        at = end + 1
      }
      held = bytes.length - at > heldBytesMax ? new Uint8Array(0) : Buffer.from(bytes.subarray(at))
    },
  }
}

/** Lines as the program wrote them: each stream to its own, a partial line as far as it goes. */
export function textPrinter({ io }: Session, withTimes: boolean): LogPrinter {
  const isWithin = { stdout: false, stderr: false }
  const pieces: { out: Uint8Array[]; err: Uint8Array[] } = { out: [], err: [] }
  const cutter = createCutter(({ time, stream, partial }, text) => {
    const to = stream === 'stdout' ? 'out' : 'err'
    const isTerminal = to === 'out' ? io.outIsTerminal : io.errIsTerminal
    if (withTimes && !isWithin[stream]) pieces[to].push(Buffer.from(`${time} `))
    pieces[to].push(isTerminal ? terminalSafe(text) : text)
    if (!partial) pieces[to].push(lineFeed)
    isWithin[stream] = partial
  })
  const flush = async (): Promise<void> => {
    for (const to of ['out', 'err'] as const) {
      const batch = pieces[to].splice(0)
      if (batch.length > 0) await io.write(to, Buffer.concat(batch))
    }
  }
  return {
    async add(chunk) {
      cutter.add(chunk)
      await flush()
    },
    async end() {
      if (isWithin.stdout) await io.write('out', lineFeed)
      if (isWithin.stderr) await io.write('err', lineFeed)
    },
  }
}

/**
 * One JSON document a line, `{time, stream, text, partial}`. A line that is longer than
 * `logTextBytesMax` comes in pieces, all but the last of which are partial.
 */
export function jsonPrinter({ io }: Session): LogPrinter {
  const open = { stdout: createLine(), stderr: createLine() }
  let lines: string[] = []
  const say = (stream: 'stdout' | 'stderr', partial: boolean): void => {
    const { time, text } = open[stream]
    const content = Buffer.concat(text).toString('utf8')
    lines.push(jsonLine({ time, stream, text: content, partial }))
    open[stream] = createLine()
  }
  const cutter = createCutter(({ time, stream, partial }, text) => {
    const line = open[stream]
    if (line.text.length === 0) line.time = time
    line.text.push(Buffer.from(text))
    line.bytes += text.length
    if (!partial || line.bytes > logTextBytesMax) say(stream, partial)
  })
  const flush = async (): Promise<void> => {
    if (lines.length > 0) await io.write('out', Buffer.from(lines.join('')))
    lines = []
  }
  return {
    async add(chunk) {
      cutter.add(chunk)
      await flush()
    },
    async end() {
      for (const stream of ['stdout', 'stderr'] as const) {
        if (open[stream].text.length > 0) say(stream, true)
      }
      await flush()
    },
  }
}

interface Line {
  time: string
  text: Buffer[]
  bytes: number
}

function createLine(): Line {
  return { time: '', text: [], bytes: 0 }
}
