import { control } from '../../../terminal/controls.ts'
import type { Session } from '../../../terminal/session.ts'
import { type Cell, table } from '../../../terminal/style.ts'
import type { HostProgress } from './watch.ts'

/** Shows how far hosts are, each time it is called. */
type Show = (hosts: readonly HostProgress[]) => void

/** Shows the progress of a config: in place on a terminal, else a line for each change. */
export function openProgress(session: Session, version: number): Show {
  const { io, settings } = session
  if (settings.json) return () => {}
  const canRedraw = io.errIsTerminal && io.env['TERM'] !== 'dumb'
  return canRedraw ? block(session, version) : lines(session, version)
}

function words({ state, trouble }: HostProgress, version: number): string {
  const why = trouble === null ? '' : `: ${trouble}`
  if (state === 'waiting') return 'waiting'
  if (state === 'holds') return `holds version ${version}${why}`
  return state === 'failing' ? `not well${why}` : `runs version ${version}`
}

/** A line for each host whenever it has come on. */
function lines(session: Session, version: number): Show {
  const told = new Map<string, string>()
  return (hosts) => {
    for (const progress of hosts) {
      const text = words(progress, version)
      if ((told.get(progress.host) ?? 'waiting') === text) continue
      told.set(progress.host, text)
      const well = hosts.filter(({ state }) => state === 'well').length
      const count = progress.state === 'well' ? ` (${well}/${hosts.length})` : ''
      session.note(`${progress.host}: ${text}${count}`)
    }
  }
}

const tones = { waiting: 'busy', holds: 'busy', failing: 'bad', well: 'good' } as const

/** One row for each host, drawn again in place. */
function block(session: Session, version: number): Show {
  let drawn = 0
  return (hosts) => {
    const rows = hosts.map((progress): readonly Cell[] => {
      return [progress.host, { text: words(progress, version), tone: tones[progress.state] }]
    })
    const text = table(['HOST', 'STATE'], rows, session.paint)
    const up = drawn === 0 ? '' : control(`\u001b[${drawn}A`)
    session.io.err(up + text.replaceAll('\n', `${control('\u001b[K')}\n`))
    drawn = rows.length + 1
  }
}
