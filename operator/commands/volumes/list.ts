import { type VolumeRow, volumesSchema } from '../../../protocol/api/volumes.ts'
import { ask, documentOf } from '../../agent-client/client.ts'
import { askAll } from '../../all-hosts/ask-all.ts'
import { entriesFor } from '../../all-hosts/entries.ts'
import { openHosts } from '../../all-hosts/open.ts'
import { adminPruneMsMax } from '../../limits.ts'
import { Failure } from '../../terminal/failure.ts'
import type { Session } from '../../terminal/session.ts'
import { type Cell, table } from '../../terminal/style.ts'
import type { Input } from '../definition.ts'
import { sizeText } from '../images/progress.ts'

/** The volumes of a node, and what it said of them. */
interface Volumes {
  readonly document: unknown
  readonly volumes: readonly VolumeRow[]
}

/** `covey volume list`. */
export async function showVolumes(session: Session, input: Input): Promise<void> {
  const entries = await entriesFor(session, input)
  if (entries === undefined) {
    const { document, volumes } = await askVolumes(session)
    const rows = volumes.map((row) => ({ host: '', ...row }))
    return session.result(document, textOf(session, rows, false))
  }
  const answers = await askAll(session, openHosts(session, entries), (asked) => askVolumes(asked))
  const rows = answers.flatMap(({ host, value }) => {
    return value.volumes.map((row) => ({ host, ...row }))
  })
  session.result({ volumes: rows }, textOf(session, rows, true))
}

/** Asks a node for its volumes. Throws `Failure` as `ask` does, `answer-broken`. */
export async function askVolumes(session: Session): Promise<Volumes> {
  const question = { method: 'GET', path: '/v1/volumes', admin: true } as const
  const answer = await ask(session, { ...question, timeoutMs: adminPruneMsMax })
  const document = documentOf(session, answer)
  const parsed = volumesSchema.safeParse(document)
  if (parsed.success) return { document, volumes: parsed.data.volumes }
  throw new Failure(1, 'answer-broken', 'the agent listed its volumes in an unknown form', {
    hint: 'use the covey of the same version as the agent',
  })
}

function textOf(
  session: Session,
  volumes: readonly (VolumeRow & { readonly host: string })[],
  isSeveral: boolean,
): string {
  if (volumes.length === 0) {
    return isSeveral ? 'no host has volumes\n' : 'there are no volumes on this host\n'
  }
  const rows = volumes.map(({ host, name, bytes, free_bytes, used_by }): readonly Cell[] => [
    ...(isSeveral ? [host] : []),
    name,
    bytes === null ? '-' : sizeText(bytes),
    sizeText(free_bytes),
    used_by.length === 0 ? { text: 'unused', tone: 'quiet' } : used_by.join(', '),
  ])
  const heads = [...(isSeveral ? ['HOST'] : []), 'VOLUME', 'SIZE', 'FREE', 'USED BY']
  return table(heads, rows, session.paint)
}
