import { openFolder } from '../folder/folder.ts'
import { listHistory, readHistory } from '../folder/history.ts'
import { Failure } from '../terminal/failure.ts'
import type { Session } from '../terminal/session.ts'
import { type Cell, table } from '../terminal/style.ts'

interface Row {
  readonly epoch: number
  readonly version: number
  readonly digest: string | null
  readonly signed_at: string | null
  readonly signed_by: readonly string[]
  readonly hosts: readonly string[]
  readonly fault: string | null
}

/**
 * `covey history`: every entry verified; one that is damaged is shown as such and fails the
 * command.
 */
export async function showHistory(session: Session): Promise<void> {
  const folder = await openFolder(session)
  const rows: Row[] = []
  for (const entry of await listHistory(folder.dir)) {
    const { epoch, version } = entry
    try {
      const { head, kids, config } = await readHistory(folder, entry)
      const { config: role } = folder.chain.roots[epoch - 1] ?? folder.chain.newest
      rows.push({
        epoch,
        version,
        digest: head.digest,
        signed_at: config.iat === null ? null : dateText(config.iat),
        signed_by: kids.map((kid) => role.keys[kid]?.name ?? kid),
        hosts: Object.keys(config.hosts),
        fault: null,
      })
    } catch (error) {
      if (!(error instanceof Failure)) throw error
      const damaged = {
        digest: null,
        signed_at: null,
        signed_by: [],
        hosts: [],
        fault: error.message,
      }
      rows.push({ epoch, version, ...damaged })
    }
  }
  const heads = ['VERSION', 'EPOCH', 'SIGNED', 'BY', 'DIGEST', 'HOSTS']
  const none = 'nothing was signed here yet\n'
  const text = rows.length === 0 ? none : table(heads, rows.map(cellsOf), session.paint)
  const faults = rows.filter((row) => row.fault !== null)
  const [first] = faults
  if (first?.fault == null) return session.result({ history: rows }, text)
  if (!session.settings.json) session.io.out(text)
  throw new Failure(1, 'history-damaged', first.fault, {
    hint: 'take the file from another copy of this folder',
    document: { history: rows },
  })
}

function cellsOf(row: Row): readonly Cell[] {
  return [
    String(row.version),
    String(row.epoch),
    row.signed_at ?? '-',
    row.signed_by.join(', ') || '-',
    row.fault === null ? (row.digest ?? '-').slice(0, 19) : { text: 'damaged', tone: 'bad' },
    row.hosts.join(', '),
  ]
}

/** RFC 3339 in UTC, or the number as it is where it is no time that a calendar has. */
function dateText(seconds: number): string {
  const date = new Date(seconds * 1000)
  return Number.isNaN(date.getTime()) ? String(seconds) : date.toISOString().replace('.000Z', 'Z')
}
