import { setTimeout as sleep } from 'node:timers/promises'
import type { Status } from '../../../protocol/api/status.ts'
import { askStatus } from '../../agent-client/status.ts'
import { arrivalMsMax, lookMs } from '../../limits.ts'
import type { VerifiedConfig } from '../../signing/verify.ts'
import { control } from '../../terminal/controls.ts'
import { Failure } from '../../terminal/failure.ts'
import type { Session } from '../../terminal/session.ts'
import { type Cell, table } from '../../terminal/style.ts'

/** The hosts that hold a config, as far as the node has heard. */
export interface Arrival {
  readonly arrived: readonly string[]
  /** Hosts of the config that no node has heard of yet, and that do not hold it. */
  readonly unseen: readonly string[]
}

/** Hosts that a node has heard of: only these can be waited for. */
export function knownHosts(status: Status): ReadonlySet<string> {
  const heard = status.hosts.filter(({ state }) => state !== 'unknown').map(({ host }) => host)
  return new Set([status.host, ...heard])
}

/**
 * Waits until every host of the config that was known before holds it; the others cannot hold it
 * before they are enrolled. Throws `Failure` `not-arrived` after `arrivalMsMax`.
 */
export async function watchArrival(
  session: Session,
  signed: VerifiedConfig,
  known: ReadonlySet<string>,
): Promise<Arrival> {
  const { digest, version } = signed.head
  const wanted = Object.keys(signed.config.hosts).sort()
  const awaited = wanted.filter((host) => known.has(host))
  const arrived = new Set<string>()
  const show = progress(session, version, awaited)
  const signal = session.io.interrupted()
  const until = session.io.now() + arrivalMsMax
  for (;;) {
    const { status } = await askStatus(session)
    for (const host of holders(status, digest)) if (wanted.includes(host)) arrived.add(host)
    show(arrived)
    if (awaited.every((host) => arrived.has(host))) {
      const unseen = wanted.filter((host) => !arrived.has(host))
      return { arrived: [...arrived].sort(), unseen }
    }
    if (session.io.now() >= until || signal.aborted) break
    await sleep(lookMs, undefined, { signal }).catch(() => undefined)
  }
  const missing = awaited.filter((host) => !arrived.has(host)).join(', ')
  const why = signal.aborted ? 'you stopped waiting' : `after ${arrivalMsMax / 1000} s`
  const message = `${why}, version ${version} is not known to be on ${missing}`
  throw new Failure(1, 'not-arrived', message, {
    hint: 'delivery continues by itself and reaches them when they are back: covey status --watch',
  })
}

function holders(status: Status, digest: string): readonly string[] {
  return status.hosts.filter((host) => host.head?.digest === digest).map((host) => host.host)
}

type Show = (arrived: ReadonlySet<string>) => void

function progress(session: Session, version: number, awaited: readonly string[]): Show {
  const { io, settings } = session
  if (settings.json) return () => {}
  const canRedraw = io.errIsTerminal && io.env['TERM'] !== 'dumb'
  return canRedraw ? block(session, version, awaited) : lines(session, version, awaited)
}

/** Prints a line for each host once it is known to hold the config. */
function lines(session: Session, version: number, awaited: readonly string[]): Show {
  const told = new Set<string>()
  return (arrived) => {
    for (const host of arrived) {
      if (told.has(host)) continue
      told.add(host)
      const count = awaited.filter((one) => told.has(one)).length
      const of = awaited.includes(host) ? ` (${count}/${awaited.length})` : ''
      session.note(`${host}: holds version ${version}${of}`)
    }
  }
}

/** Draws one row for each host, again and again in place. */
function block(session: Session, version: number, awaited: readonly string[]): Show {
  let drawn = 0
  return (arrived) => {
    const all = [...new Set([...awaited, ...arrived])].sort()
    const rows = all.map((host): readonly Cell[] => [
      host,
      arrived.has(host)
        ? { text: `holds version ${version}`, tone: 'good' }
        : { text: 'waiting', tone: 'busy' },
    ])
    const text = table(['HOST', 'STATE'], rows, session.paint)
    const up = drawn === 0 ? '' : control(`\u001b[${drawn}A`)
    session.io.err(up + text.replaceAll('\n', `${control('\u001b[K')}\n`))
    drawn = rows.length + 1
  }
}
