import { existsSync } from 'node:fs'
import { recordedHosts } from '../folder/recorded-hosts.ts'
import type { LineInit } from '../ssh/connect.ts'
import { destinationText, type SshDestination } from '../ssh/destination.ts'
import { openLine } from '../ssh/open-line.ts'
import type { SshLine } from '../ssh/ssh-line.ts'
import { Failure } from '../terminal/failure.ts'
import type { Session } from '../terminal/session.ts'
import { localPlace, type NodePlace, sshTarget } from './sockets.ts'

const places = new WeakMap<Session, Promise<NodePlace>>()

/**
 * The node that a session asks: where `sessionAt` put it, else the one that `--to` names, else the
 * agent of this machine, else the first of the hosts with an ssh address in the operator's folder
 * that is reached. It is looked for once. Throws `Failure`, as `openLine` and `localPlace` do.
 */
export function placeOf(session: Session): Promise<NodePlace> {
  const known = places.get(session)
  if (known !== undefined) return known
  const place = find(session)
  places.set(session, place)
  return place
}

/** The same session, asking another node. */
export function sessionAt(session: Session, place: NodePlace): Session {
  const moved = { ...session }
  places.set(moved, Promise.resolve(place))
  return moved
}

/** The place of a node that is reached by ssh. */
export function placeOfLine(line: SshLine): NodePlace {
  const { covey, admin, destination } = line
  return { covey, admin, remote: destinationText(destination), line }
}

/** Opens a line for a session: its environment, and its terminal where one may ask there. */
export function lineFor(
  session: Session,
  destination: SshDestination,
  more: Partial<Pick<LineInit, 'via' | 'mayAsk'>> = {},
): Promise<SshLine> {
  const { env, canAsk } = session.io
  return openLine({ destination, env, mayAsk: more.mayAsk ?? canAsk, via: more.via })
}

async function find(session: Session): Promise<NodePlace> {
  const target = sshTarget(session)
  if (target !== undefined) return placeOfLine(await lineFor(session, target))
  const place = localPlace(session)
  if (session.settings.to !== undefined || existsSync(place.covey)) return place
  const hosts = await recordedHosts(session)
  const faults: Failure[] = []
  for (const { name, ssh } of hosts) {
    if (ssh === undefined) continue
    try {
      return placeOfLine(await lineFor(session, ssh))
    } catch (error) {
      if (!(error instanceof Failure)) throw error
      session.warn(`${name}: ${error.message}`)
      faults.push(error)
    }
  }
  const [first] = faults
  if (first === undefined) return place
  if (faults.length === 1) throw first
  const refused = faults.find(({ exit }) => exit === 4)
  throw new Failure(
    refused?.exit ?? 5,
    refused?.code ?? first.code,
    'no host of the layout is reached',
    {
      hint: refused?.hint ?? first.hint ?? 'covey host list shows their addresses',
    },
  )
}
