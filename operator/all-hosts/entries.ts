import { existsSync } from 'node:fs'
import { isObject } from '../../protocol/documents/canonical-json.ts'
import { askConfig } from '../agent-client/config.ts'
import { localPlace, sshTarget } from '../agent-client/sockets.ts'
import { askStatus } from '../agent-client/status.ts'
import type { Input } from '../commands/definition.ts'
import { type RecordedHost, recordedHosts } from '../folder/recorded-hosts.ts'
import { sideQuestionMsMax } from '../limits.ts'
import { Failure } from '../terminal/failure.ts'
import type { Session } from '../terminal/session.ts'

/** Hosts that a command is about. */
export interface Entries {
  /** By name, in the order of the layout or of the config. */
  readonly hosts: readonly RecordedHost[]
  /** Name of the host whose agent the session itself asks; undefined where it asks none. */
  readonly own: string | undefined
}

/**
 * The hosts that a command covers: those of the layout where one of them has an ssh address and
 * `--to` names no node; else those that the node lists, if `--host` or `--all-hosts` asks for them.
 * Undefined: the node alone. Throws `Failure` `no-such-host`.
 */
export async function entriesFor(session: Session, input: Input): Promise<Entries | undefined> {
  const named = input.list('host')
  const found = (await fromLayout(session)) ?? (await fromNode(session, input, named))
  if (found === undefined) return undefined
  const unknown = named.find((name) => !found.hosts.some((host) => host.name === name))
  if (unknown !== undefined) {
    const names = found.hosts.map(({ name }) => name).join(', ')
    throw new Failure(2, 'no-such-host', `there is no host ${unknown}`, { hint: `hosts: ${names}` })
  }
  const wanted = ({ name }: RecordedHost): boolean => named.length === 0 || named.includes(name)
  return { ...found, hosts: found.hosts.filter(wanted) }
}

async function fromLayout(session: Session): Promise<Entries | undefined> {
  if (session.settings.to !== undefined) return undefined
  const hosts = await recordedHosts(session)
  if (!hosts.some(({ ssh }) => ssh !== undefined)) return undefined
  if (!existsSync(localPlace(session).covey)) return { hosts, own: undefined }
  const own = await askStatus(session, { timeoutMs: sideQuestionMsMax }).catch(() => undefined)
  return { hosts, own: own?.status.host }
}

async function fromNode(
  session: Session,
  input: Input,
  named: readonly string[],
): Promise<Entries | undefined> {
  if (named.length === 0 && !input.is('allHosts')) return undefined
  // A question without a node behind it is wrong usage first.
  sshTarget(session)
  const { status } = await askStatus(session)
  const config = await askConfig(session)
  const hosts = Object.entries(config.hosts).map(([name, objects]) => {
    return { name, ssh: undefined, address: meshAddress(objects) }
  })
  return { hosts, own: status.host }
}

/** Address in the network that the host's agent is in; undefined where it has none. */
function meshAddress(objects: Readonly<Record<string, unknown>>): string | undefined {
  const agent = Object.values(objects).find((each) => isObject(each) && each['type'] === 'agent')
  const network = isObject(agent) ? agent['network'] : undefined
  const link = typeof network === 'string' ? objects[network] : undefined
  const address = isObject(link) ? link['address'] : undefined
  return typeof address === 'string' ? address.replace(/\/\d+$/, '') : undefined
}
