import { shownName } from '../../all-hosts/find.ts'
import { logTextBytesMax } from '../../limits.ts'
import { terminalSafe } from '../../terminal/log-text.ts'
import { jsonLine, type Session } from '../../terminal/session.ts'
import type { MergedRecord } from './log-merge.ts'
import type { LogTarget } from './log-source.ts'

/** Shows records of several logs. */
export interface MergedPrinter {
  add(batch: readonly MergedRecord[]): Promise<void>
  /** Ends lines that have no end. */
  end(): Promise<void>
}

/** Foreground colours of terminals, those that are read on light and dark ones (ECMA-48, SGR). */
const colours = [36, 33, 35, 32, 34, 96, 93, 95, 92, 94] as const
const lineFeed = Buffer.from('\n')

interface Line {
  time: string
  parts: Uint8Array[]
  bytes: number
}

/**
 * One line for each line of a log, whole, behind the names of its host and its container; as one
 * JSON document a line with `--json`.
 */
export function mergedPrinter(
  session: Session,
  targets: readonly LogTarget[],
  withTimes: boolean,
): MergedPrinter {
  const { io, settings } = session
  const open = new Map<string, Line>()
  const heads = headsOf(session, targets)
  let pieces: { to: 'out' | 'err'; bytes: Uint8Array[] }[] = []
  const say = (to: 'out' | 'err', bytes: readonly Uint8Array[]): void => {
    const last = pieces.at(-1)
    if (last?.to === to) last.bytes.push(...bytes)
    else pieces.push({ to, bytes: [...bytes] })
  }
  const sayLine = (source: number, stream: string, line: Line, partial: boolean): void => {
    const target = targets[source]
    if (target === undefined) return
    if (settings.json) {
      const text = Buffer.concat(line.parts).toString('utf8')
      const { host, object, service } = target
      const where = { ...(host === '' ? {} : { host }), container: object, service }
      say('out', [Buffer.from(jsonLine({ ...where, time: line.time, stream, text, partial }))])
      return
    }
    const to = stream === 'stdout' ? 'out' : 'err'
    const isTerminal = to === 'out' ? io.outIsTerminal : io.errIsTerminal
    const text = isTerminal ? line.parts.map(terminalSafe) : line.parts
    const time = withTimes ? [Buffer.from(`${line.time} `)] : []
    say(to, [heads[source] ?? lineFeed, ...time, ...text, lineFeed])
  }
  const flush = async (): Promise<void> => {
    const all = pieces
    pieces = []
    for (const { to, bytes } of all) await io.write(to, Buffer.concat(bytes))
  }
  return {
    async add(batch) {
      for (const { source, record } of batch) {
        const key = `${source} ${record.stream}`
        const line = open.get(key) ?? { time: record.time, parts: [], bytes: 0 }
        line.parts.push(record.text)
        line.bytes += record.text.length
        open.set(key, line)
        if (record.partial && line.bytes <= logTextBytesMax) continue
        open.delete(key)
        sayLine(source, record.stream, line, record.partial)
      }
      await flush()
    },
    async end() {
      for (const [key, line] of open) {
        const [source = '', stream = ''] = key.split(' ')
        sayLine(Number(source), stream, line, true)
      }
      open.clear()
      await flush()
    },
  }
}

/** The prefix of each line, equally wide for all, in a colour of its own on a terminal. */
function headsOf({ io }: Session, targets: readonly LogTarget[]): readonly Uint8Array[] {
  const hosts = new Set(targets.map(({ host }) => host))
  const names = targets.map((target) => {
    const name = shownName(target)
    return hosts.size > 1 ? `${target.host} ${name}` : name
  })
  const width = Math.max(...names.map((name) => name.length))
  const isColoured = io.outIsTerminal && !io.env['NO_COLOR'] && io.env['TERM'] !== 'dumb'
  return names.map((name, at) => {
    const text = `${terminalText(name)}${' '.repeat(width - name.length)} | `
    const colour = colours[at % colours.length]
    return Buffer.from(isColoured ? `\u001b[${colour}m${text}\u001b[39m` : text)
  })
}

function terminalText(name: string): string {
  return Buffer.from(terminalSafe(Buffer.from(name))).toString('utf8')
}
