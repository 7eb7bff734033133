import type { Status } from '../../../../protocol/api/status.ts'
import type { Config } from '../../../../protocol/documents/config.ts'
import { parseLogRecord } from '../../../../protocol/log-record.ts'
import { oneLine } from '../../../../protocol/printable.ts'
import { ask } from '../../../agent-client/client.ts'
import { askStatus } from '../../../agent-client/status.ts'
import { serviceOfContainer } from '../../../diff/services.ts'
import { sideQuestionMsMax, unwellLogLines, unwellObjectsMax } from '../../../limits.ts'
import { Failure } from '../../../terminal/failure.ts'
import type { Session } from '../../../terminal/session.ts'
import { logPath } from '../../containers/log-source.ts'
import type { HostProgress, Watched } from './watch.ts'

/** An object that is not as it should be, with the reason. */
export interface Unwell {
  readonly host: string
  /** Null where nothing is known of the host's objects from here. */
  readonly object: string | null
  readonly service: string | null
  readonly state: string
  readonly reason: string | null
  /** The last lines of its log, the newest last. */
  readonly log: readonly string[]
}

/** Everything of the awaited hosts that is not well, as far as it can be asked. */
export async function findUnwell(
  session: Session,
  { hosts, status }: Watched,
  config: Pick<Config, 'hosts'>,
): Promise<readonly Unwell[]> {
  const found: Unwell[] = []
  for (const progress of hosts) {
    if (progress.state !== 'well')
      found.push(...(await unwellOn(session, progress, status, config)))
  }
  return found
}

async function unwellOn(
  session: Session,
  progress: HostProgress,
  status: Status,
  config: Pick<Config, 'hosts'>,
): Promise<readonly Unwell[]> {
  const { host, state, trouble } = progress
  const about = { host, object: null, service: null, log: [] }
  if (state === 'waiting') {
    return [{ ...about, state: 'waiting', reason: 'it is not known to hold the version' }]
  }
  const own = host === status.host ? await ownStatus(session, status) : null
  const restless = own?.objects.filter((object) => object.state !== 'converged') ?? []
  if (own === null || restless.length === 0) {
    const way = own === null ? '; covey status on that host says which, and why' : ''
    const reason = trouble === null ? 'it has not applied the version yet' : `${trouble}${way}`
    return [{ ...about, state, reason }]
  }
  const section = config.hosts[host] ?? {}
  const rows: Unwell[] = []
  for (const object of restless.slice(0, unwellObjectsMax)) {
    const isContainer = object.type === 'runc_container'
    const service = isContainer ? serviceOfContainer(object.name, section[object.name]) : null
    const log = isContainer ? await lastLines(session, object.name) : []
    const { name, state: is, reason } = object
    rows.push({ host, object: name, service, state: is, reason, log })
  }
  return rows
}

async function ownStatus(session: Session, last: Status): Promise<Status> {
  try {
    return (await askStatus(session, { timeoutMs: sideQuestionMsMax })).status
  } catch (error) {
    if (error instanceof Failure) return last
    throw error
  }
}

/** The last lines that a container wrote; none where the host does not say. */
export async function lastLines(session: Session, name: string): Promise<readonly string[]> {
  const tail = String(unwellLogLines)
  const path = logPath(name, { tail, since: undefined, follow: false })
  try {
    const answer = await ask(session, { method: 'GET', path, timeoutMs: sideQuestionMsMax })
    if (answer.status !== 200) return []
    const records = answer.text.split('\n').flatMap((line) => {
      const bytes = Buffer.from(line)
      const record = parseLogRecord(bytes)
      return record === null ? [] : [oneLine(bytes.subarray(record.textAt).toString())]
    })
    return records.slice(-unwellLogLines)
  } catch (error) {
    if (error instanceof Failure) return []
    throw error
  }
}

/** The objects that are not well, one line each, with the log below it. */
export function unwellLines(all: readonly Unwell[]): readonly string[] {
  return all.flatMap(({ host, object, service, state, reason, log }) => {
    const name = service ?? object
    const what = name === null ? host : `${name} on ${host}`
    const why = reason === null ? '' : `: ${reason}`
    return [`${what}: ${state}${why}`, ...log.map((line) => `    ${line}`)]
  })
}
