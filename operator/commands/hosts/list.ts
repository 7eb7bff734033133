import { writeWhole } from '../../files/write-file.ts'
import { verifyCard } from '../../folder/card.ts'
import { whileEditing } from '../../folder/edit-lock.ts'
import { openFolder } from '../../folder/folder.ts'
import { readLayout } from '../../folder/layout-files.ts'
import { withoutLayoutHost } from '../../layout/edit.ts'
import { hostFact, lockText, withoutHost } from '../../layout/lock.ts'
import { destinationText } from '../../ssh/destination.ts'
import { Failure } from '../../terminal/failure.ts'
import type { Session } from '../../terminal/session.ts'
import { table } from '../../terminal/style.ts'
import type { Input } from '../definition.ts'

/** `covey host list`: the layout's hosts, by name. */
export async function listHosts(session: Session): Promise<void> {
  const folder = await openFolder(session)
  const { layout, lock } = await readLayout(session, folder.shown('cluster.yaml'), false)
  const hosts = []
  for (const [name, host] of [...layout.hosts].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const text = hostFact(lock, name, 'card')
    const card = text === undefined ? undefined : await verifyCard(text)
    hosts.push({
      host: name,
      address: host.address ?? hostFact(lock, name, 'address') ?? null,
      endpoint: host.endpoint?.text ?? null,
      site: host.site ?? null,
      ssh: host.ssh === undefined ? null : destinationText(host.ssh),
      peer_id: card?.ok ? card.value.peerId : null,
    })
  }
  const rows = hosts.map(({ host, address, endpoint, site, ssh, peer_id }) => [
    host,
    address ?? '-',
    endpoint ?? '-',
    site ?? '-',
    ssh ?? '-',
    peer_id ?? 'no card yet',
  ])
  const heads = ['HOST', 'ADDRESS', 'ENDPOINT', 'SITE', 'SSH', 'PEER ID']
  const none = 'no hosts yet: covey host add --card FILE\n'
  session.result({ hosts }, rows.length === 0 ? none : table(heads, rows, session.paint))
}

/** `covey host remove NAME`: out of the layout and the lock. Nothing is told to any host yet. */
export async function removeHost(session: Session, input: Input): Promise<void> {
  const [name = ''] = input.args
  const folder = await openFolder(session)
  await whileEditing(session.io, folder, async () => {
    const shown = folder.shown('cluster.yaml')
    const { layout, lock, source, lockPath } = await readLayout(session, shown, false)
    const known =
      hostFact(lock, name, 'card') !== undefined || hostFact(lock, name, 'address') !== undefined
    if (!layout.hosts.has(name) && !known) {
      const names = [...layout.hosts.keys()].sort().join(', ') || 'none'
      throw new Failure(2, 'no-such-host', `there is no host ${name} in ${shown}`, {
        hint: `its hosts: ${names}`,
      })
    }
    if (layout.hosts.has(name)) {
      await writeWhole(session.io.files, session.path(shown), withoutLayoutHost(source, name))
    }
    if (known)
      await writeWhole(session.io.files, session.path(lockPath), lockText(withoutHost(lock, name)))
  })
  session.result(
    { host: name, removed: true },
    `${name}: removed from the layout\n` +
      `next: covey apply makes the other hosts drop it; on ${name} itself nothing is removed\n`,
  )
}
