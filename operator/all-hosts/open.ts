import { lineFor, placeOf, placeOfLine, sessionAt } from '../agent-client/place.ts'
import type { RecordedHost } from '../folder/recorded-hosts.ts'
import type { SshLine } from '../ssh/ssh-line.ts'
import { Failure } from '../terminal/failure.ts'
import type { Session } from '../terminal/session.ts'
import type { Entries } from './entries.ts'

/** A host that can be asked. */
export interface OpenHost {
  readonly name: string
  /**
   * A session that asks its agent; reached once, and again where `again` says that the way to it
   * was lost. Throws `Failure`, as `openLine` does, and `no-way`.
   */
  session(again?: 'again'): Promise<Session>
}

/** Hosts that can be asked; nothing is reached before it is asked for. */
export function openHosts(session: Session, { hosts, own }: Entries): readonly OpenHost[] {
  const ways = new Map<string, Promise<SshLine>>()
  const remember = (name: string, make: () => Promise<SshLine>): Promise<SshLine> => {
    const line = ways.get(name) ?? make()
    ways.set(name, line)
    line.catch(() => undefined)
    return line
  }
  const direct = ({ name, ssh }: RecordedHost): Promise<SshLine> | undefined => {
    if (ssh === undefined || name === own) return undefined
    return remember(`direct ${name}`, () => lineFor(session, ssh, { mayAsk: false }))
  }
  /** Hosts that were asked through others, whose ways may be what was lost. */
  const indirect = new Set<string>()
  const lineTo = async (host: RecordedHost): Promise<SshLine> => {
    const first = direct(host)
    if (first === undefined) {
      indirect.add(host.name)
      return throughOthers(session, host, hosts, own, direct)
    }
    try {
      return await first
    } catch (error) {
      const isAway = error instanceof Failure && error.code === 'ssh-unreachable'
      if (!isAway || host.address === undefined) throw error
      indirect.add(host.name)
      return await throughOthers(session, host, hosts, own, direct).catch(() => {
        throw error
      })
    }
  }
  return hosts.map((host) => ({
    name: host.name,
    async session(again) {
      if (host.name === own) return session
      if (again !== undefined) {
        const lost = indirect.has(host.name) ? [...ways.keys()] : [`direct ${host.name}`, host.name]
        for (const way of lost) ways.delete(way)
      }
      const line = await remember(host.name, () => lineTo(host))
      return sessionAt(session, placeOfLine(line))
    },
  }))
}

/**
 * A host by its address in the mesh: from here where the node is on this machine, else through the
 * first other host that is reached.
 */
async function throughOthers(
  session: Session,
  host: RecordedHost,
  hosts: readonly RecordedHost[],
  own: string | undefined,
  direct: (host: RecordedHost) => Promise<SshLine> | undefined,
): Promise<SshLine> {
  const { name, address } = host
  const nowhere = (cause?: unknown): Failure =>
    new Failure(5, 'no-way', `${name} has no ssh address, and no way leads to it`, {
      hint: `say where you reach it: hosts.${name}.ssh in cluster.yaml`,
      cause,
    })
  if (address === undefined) throw nowhere()
  const to = { host: address, port: undefined, runDir: '/run/covey' }
  if (own !== undefined) {
    const { line } = await placeOf(session)
    const user = line?.destination.user
    return lineFor(session, { ...to, user }, { mayAsk: false, via: line })
  }
  const others = hosts.filter((other) => other.name !== name).map(direct)
  const via = await Promise.any(others.filter((line) => line !== undefined)).catch((error) => {
    throw nowhere(error)
  })
  return lineFor(session, { ...to, user: via.destination.user }, { mayAsk: false, via })
}
