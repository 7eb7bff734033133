import type { Config } from '../../../protocol/documents/config.ts'
import { type OperatorFolder, openFolder } from '../../folder/folder.ts'
import {
  envelopeIn,
  type HistoryEntry,
  listHistory,
  listUnfinished,
  readHistory,
} from '../../folder/history.ts'
import { lostDigests } from '../../signing/lost-branches.ts'
import { type AssessedConfig, assessConfig, type VerifiedConfig } from '../../signing/verify.ts'
import { Failure } from '../../terminal/failure.ts'
import type { Session } from '../../terminal/session.ts'
import { type Cell, table } from '../../terminal/style.ts'

/** The relation of a config of the history to the newest one. */
type Standing = 'newest' | 'followed' | 'lost' | 'unfinished' | 'damaged'

interface Row {
  readonly epoch: number
  readonly version: number
  readonly digest: string | null
  readonly signed_at: string | null
  readonly signed_by: readonly string[]
  readonly hosts: readonly string[]
  /** Hosts that differ from the config before it; null if that one is not here. */
  readonly hosts_changed: number | null
  readonly standing: Standing
  readonly fault: string | null
}

/** `covey history`: verifies every entry; a damaged one is shown as such and fails the command. */
export async function showHistory(session: Session): Promise<void> {
  const folder = await openFolder(session)
  const read: (VerifiedConfig | Row)[] = []
  for (const entry of await listHistory(folder)) {
    try {
      read.push(await readHistory(folder, entry))
    } catch (error) {
      if (!(error instanceof Failure)) throw error
      read.push(damagedRow(entry, error.message))
    }
  }
  const sound = read.filter((one) => 'config' in one)
  const lost = lostDigests(sound)
  const rows = [
    ...(await unfinishedRows(folder)),
    ...read.map((one) => ('config' in one ? rowOf(folder, one, sound, lost) : one)),
  ]
  const epochs = folder.chain.held.map(({ root, digest }) => ({ epoch: root.epoch, digest }))
  const document = { history: rows, epochs }
  const heads = ['VERSION', 'EPOCH', 'SIGNED', 'BY', 'DIGEST', 'CHANGED', 'HOSTS', '']
  const none = 'nothing was signed here yet\n'
  const text = rows.length === 0 ? none : table(heads, rows.map(cellsOf), session.paint)
  const [first] = rows.filter((row) => row.standing === 'damaged')
  if (first?.fault == null) {
    session.result(document, text + lostNote(rows))
    return
  }
  if (!session.settings.json) session.io.out(text)
  throw new Failure(1, 'history-damaged', first.fault, {
    hint: 'take the file from another copy of this folder',
    document,
  })
}

function rowOf(
  { chain }: OperatorFolder,
  { head, kids, config }: VerifiedConfig,
  sound: readonly VerifiedConfig[],
  lost: ReadonlySet<string>,
): Row {
  const { config: role } = chain.roots[head.epoch - 1] ?? chain.newest
  const before = sound.find((one) => one.head.digest === config.ancestors[0]?.[2])
  const newest = sound[0]?.head.digest === head.digest
  return {
    epoch: head.epoch,
    version: head.version,
    digest: head.digest,
    signed_at: config.iat === null ? null : dateText(config.iat),
    signed_by: kids
      .filter((kid) => Object.hasOwn(role.keys, kid))
      .map((kid) => role.keys[kid]?.name ?? kid),
    hosts: Object.keys(config.hosts),
    hosts_changed: changedHosts(before?.config, config),
    standing: lost.has(head.digest) ? 'lost' : newest ? 'newest' : 'followed',
    fault: null,
  }
}

/** Hosts added, removed, or with another section. */
function changedHosts(before: Config | undefined, after: Config): number | null {
  if (before === undefined && after.ancestors.length > 0) return null
  const old = before?.hosts ?? {}
  const names = new Set([...Object.keys(old), ...Object.keys(after.hosts)])
  return [...names].filter(
    (name) => JSON.stringify(old[name]) !== JSON.stringify(after.hosts[name]),
  ).length
}

function damagedRow({ epoch, version }: HistoryEntry, fault: string): Row {
  return {
    epoch,
    version,
    digest: null,
    signed_at: null,
    signed_by: [],
    hosts: [],
    hosts_changed: null,
    standing: 'damaged',
    fault,
  }
}

/** Configs that wait for the signatures of others; one that cannot be read is damaged. */
async function unfinishedRows(folder: OperatorFolder): Promise<readonly Row[]> {
  const rows: Row[] = []
  for (const entry of await listUnfinished(folder)) {
    const envelope = await envelopeIn(folder, entry.path)
    const assessed = envelope === undefined ? undefined : await assessConfig(envelope, folder.chain)
    if (assessed?.ok !== true) {
      rows.push(damagedRow(entry, `${entry.path}: it is not a config of this cluster`))
      continue
    }
    const value: AssessedConfig = assessed.value
    rows.push({
      ...rowOf(folder, value, [], new Set()),
      hosts_changed: null,
      standing: 'unfinished',
    })
  }
  return rows
}

function cellsOf(row: Row): readonly Cell[] {
  return [
    String(row.version),
    String(row.epoch),
    row.signed_at ?? '-',
    row.signed_by.join(', ') || '-',
    (row.digest ?? '-').slice(0, 19),
    row.hosts_changed === null ? '-' : String(row.hosts_changed),
    row.hosts.join(', '),
    ['lost', 'unfinished', 'damaged'].includes(row.standing)
      ? { text: row.standing, tone: 'bad' }
      : '',
  ]
}

function lostNote(rows: readonly Row[]): string {
  const [lost] = rows.filter((row) => row.standing === 'lost')
  if (lost === undefined) return ''
  const file = `history/${lost.epoch}.${lost.version}.json`
  return `\na lost version is not among the ancestors of the newest; to sign its hosts again: covey sign ${file}\n`
}

/** RFC 3339 in UTC, or the plain number if no calendar has that time. */
function dateText(seconds: number): string {
  const date = new Date(seconds * 1000)
  return Number.isNaN(date.getTime()) ? String(seconds) : date.toISOString().replace('.000Z', 'Z')
}
