import { oneLine } from '../../../protocol/printable.ts'
import { askConfig } from '../../agent-client/config.ts'
import { askAll } from '../../all-hosts/ask-all.ts'
import { entriesFor } from '../../all-hosts/entries.ts'
import { openHosts } from '../../all-hosts/open.ts'
import { Failure } from '../../terminal/failure.ts'
import type { Session } from '../../terminal/session.ts'
import type { Input } from '../definition.ts'

/** A volume on the host that has it. */
export interface VolumePlace {
  /** Empty where there is one host only. */
  readonly host: string
  /** A session that asks its agent. */
  readonly session: Session
}

/**
 * The host of a volume: the one that `--host` names, else the only one whose config has it. Throws
 * `Failure` `no-such-volume` (2), `ambiguous-name` (2), as `entriesFor`.
 */
export async function placeOfVolume(
  session: Session,
  input: Input,
  object: string,
): Promise<VolumePlace> {
  const entries = await entriesFor(session, input)
  if (entries === undefined) return { host: '', session }
  const hosts = openHosts(session, entries)
  const [named, ...more] = hosts
  if (named !== undefined && more.length === 0) {
    return { host: named.name, session: await named.session() }
  }
  const [first] = await askAll(session, hosts, (asked) => askConfig(asked))
  const having = hosts.filter(({ name }) => {
    return first?.value.hosts[name]?.[object]?.type === 'volume'
  })
  const [only, ...others] = having
  if (only === undefined) {
    throw new Failure(
      2,
      'no-such-volume',
      `no host has a volume ${oneLine(object)} in its config`,
      {
        hint: 'covey volume list shows them; one that no config names any more needs --host',
      },
    )
  }
  if (others.length > 0) {
    const names = having.map(({ name }) => name).join(', ')
    throw new Failure(2, 'ambiguous-name', `${object} is on ${names}`, {
      hint: `name one of them: --host ${only.name}`,
    })
  }
  return { host: only.name, session: await only.session() }
}
