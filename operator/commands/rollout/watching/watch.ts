import type { HostStatus, Status } from '../../../../protocol/api/status.ts'
import { type Head, samePosition } from '../../../../protocol/heads.ts'
import { askStatus } from '../../../agent-client/status.ts'
import { failingLooksMax, lookMs, settledLooks, silentSecondsMax } from '../../../limits.ts'
import { Failure } from '../../../terminal/failure.ts'
import type { Session } from '../../../terminal/session.ts'
import { openProgress } from './progress.ts'

/** The progress of a host with a config, as far as the node that is asked has heard. */
export interface HostProgress {
  readonly host: string
  readonly state: 'waiting' | 'holds' | 'failing' | 'well'
  /** Of its objects that are not well, or of its state; null where nothing is wrong. */
  readonly trouble: string | null
}

/** The result of a watch. */
export interface Watched {
  readonly end: 'well' | 'failing' | 'timeout' | 'stopped' | 'overtaken'
  /** The awaited hosts, by name. */
  readonly hosts: readonly HostProgress[]
  /** Hosts that hold the config, awaited or not. */
  readonly arrived: readonly string[]
  /** The last status of the node that was asked. */
  readonly status: Status
}

/** The state that a watch waits for. */
export interface Watch {
  readonly head: Head
  readonly hosts: readonly string[]
  /** True if something starts, so that its first moments say little. */
  readonly starts: boolean
  readonly timeoutMs: number
}

/** Hosts of a config, by what the node has heard of them before it was sent. */
export interface Audience {
  readonly awaited: readonly string[]
  /** Nobody has ever heard of them. */
  readonly unseen: readonly string[]
  /** They have said nothing for a while. */
  readonly silent: readonly string[]
}

/** Sorts hosts by whether they can be waited for. */
export function audienceOf(status: Status, hosts: readonly string[]): Audience {
  const rows = new Map(status.hosts.map((row) => [row.host, row]))
  const isUnseen = (host: string): boolean => {
    return host !== status.host && (rows.get(host)?.state ?? 'unknown') === 'unknown'
  }
  const isSilent = (host: string): boolean => {
    return (rows.get(host)?.age_seconds ?? 0) > silentSecondsMax
  }
  const unseen = hosts.filter(isUnseen)
  const silent = hosts.filter((host) => !isUnseen(host) && isSilent(host))
  const awaited = hosts.filter((host) => !isUnseen(host) && !isSilent(host))
  return { awaited, unseen, silent }
}

/**
 * Watches until every host has applied a config and all its objects are as they should be, or until
 * it is plain that they will not be. Throws as `askStatus` does if the node never answered.
 */
export async function watchHosts(session: Session, watch: Watch): Promise<Watched> {
  const { head, timeoutMs } = watch
  const show = openProgress(session, head.version)
  const signal = session.io.interrupted()
  const until = session.io.now() + timeoutMs
  const counts = { well: 0, failing: 0 }
  const wellLooks = watch.starts ? settledLooks : 1
  let last: Status | null = null
  for (;;) {
    const status: Status = await look(session, last)
    last = status
    const hosts = watch.hosts.map((host) => progressOf(status, host, head))
    show(hosts)
    const arrived = status.hosts.filter((row) => row.head?.digest === head.digest)
    const ended = (end: Watched['end']): Watched => {
      return { end, hosts, arrived: arrived.map(({ host }) => host).sort(), status }
    }
    if (isOvertaken(status, head)) return ended('overtaken')
    counts.well = hosts.every(({ state }) => state === 'well') ? counts.well + 1 : 0
    counts.failing = hosts.some(({ state }) => state === 'failing') ? counts.failing + 1 : 0
    if (counts.well >= wellLooks) return ended('well')
    if (counts.failing >= failingLooksMax) return ended('failing')
    if (signal.aborted) return ended('stopped')
    if (session.io.now() >= until) return ended('timeout')
    await session.io.wait(lookMs, signal)
  }
}

/** The status; the one before while the agent is away for a moment, as its link is made anew. */
async function look(session: Session, last: Status | null): Promise<Status> {
  try {
    return (await askStatus(session)).status
  } catch (error) {
    if (last !== null && error instanceof Failure && error.exit !== 2) return last
    throw error
  }
}

/** True if the node holds another config, in the place of this one or above it. */
function isOvertaken({ head: held }: Status, head: Head): boolean {
  if (held === null || held.digest === head.digest) return false
  if (held.epoch !== head.epoch) return held.epoch > head.epoch
  return samePosition(held, head) || held.version > head.version
}

/** States that end by themselves in nothing good. */
const stuck: readonly string[] = ['unappliable', 'not-listed', 'held', 'floor-unknown']

function progressOf(status: Status, host: string, head: Head): HostProgress {
  const row = status.hosts.find((each) => each.host === host)
  if (row?.head?.digest !== head.digest) return { host, state: 'waiting', trouble: null }
  if (stuck.includes(row.state)) return { host, state: 'failing', trouble: row.state }
  const isApplied = row.applied?.digest === head.digest && row.state !== 'applying'
  if (!isApplied || row.state === 'trial') return { host, state: 'holds', trouble: null }
  const trouble = troubleOf(row)
  if (row.objects.failed > 0) return { host, state: 'failing', trouble }
  return { host, state: row.objects.pending > 0 ? 'holds' : 'well', trouble }
}

function troubleOf({ objects }: HostStatus): string | null {
  const parts = (['failed', 'pending'] as const).flatMap((state) => {
    return objects[state] === 0 ? [] : [`${objects[state]} ${state}`]
  })
  return parts.length === 0 ? null : parts.join(', ')
}
