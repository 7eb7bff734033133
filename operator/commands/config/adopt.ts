import type { Config } from '../../../protocol/documents/config.ts'
import { writeWhole } from '../../files/write-file.ts'
import { whileEditing } from '../../folder/edit-lock.ts'
import { type OperatorFolder, openFolder } from '../../folder/folder.ts'
import { newestConfig } from '../../folder/history.ts'
import { adoptedFacts, notInLayout } from '../../layout/adopting/strange-objects.ts'
import { withObjects } from '../../layout/adopting/with-objects.ts'
import { lockText, withFacts } from '../../layout/lock.ts'
import { Failure } from '../../terminal/failure.ts'
import type { Session } from '../../terminal/session.ts'
import type { Input } from '../definition.ts'
import { lookAtNode } from '../rollout/look-at-node.ts'
import { compileStacks } from './compile.ts'

/** `covey adopt`. Writes objects of the config in force into the layout, if no layout made them. */
export async function adoptObjects(session: Session, input: Input): Promise<void> {
  const folder = await openFolder(session)
  const inForce = await hostsInForce(session, folder, input.is('offline'))
  const path = folder.shown('cluster.yaml')
  const adopted = await whileEditing(session.io, folder, async () => {
    const { files, compiled } = await compileStacks(session, path, 'draft')
    const { source, layout, lock, lockPath } = files
    const strange = notInLayout(inForce, compiled.hosts, lock)
    if (strange.length === 0) return []
    const facts = adoptedFacts(strange, { layout, lock })
    await writeWhole(session.io.files, session.path(lockPath), lockText(withFacts(lock, facts)))
    await writeWhole(session.io.files, session.path(path), withObjects(source, strange))
    return strange
  })
  const lines = adopted.map(({ host, name, object }) => `${host}: ${name} (${object.type})\n`)
  const says = adopted.length === 0 ? 'nothing to adopt: the layout has it all\n' : lines.join('')
  const next = adopted.length === 0 ? '' : 'next: covey validate cluster.yaml, then covey plan\n'
  const document = adopted.map(({ host, name, object: { type } }) => ({ host, name, type }))
  session.result({ adopted: document }, says + next)
}

async function hostsInForce(
  session: Session,
  folder: OperatorFolder,
  isOffline: boolean,
): Promise<Config['hosts']> {
  const head = isOffline ? await newestConfig(folder) : (await lookAtNode(session, folder)).head
  if (head !== null) return head.config.hosts
  const where = isOffline ? 'the history' : 'the node'
  throw new Failure(1, 'no-config', `${where} has no config yet`, { hint: 'covey apply sends one' })
}
