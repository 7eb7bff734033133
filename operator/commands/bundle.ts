import { isName } from '../../protocol/names.ts'
import { writeWhole } from '../files/write-file.ts'
import { openFolder } from '../folder/folder.ts'
import { newestConfig } from '../folder/history.ts'
import { readLayout } from '../folder/layout-files.ts'
import { hostFact } from '../layout/lock.ts'
import { Failure } from '../terminal/failure.ts'
import { jsonText, type Session } from '../terminal/session.ts'
import type { Input } from './definition.ts'

/** `covey bundle --host NAME`: what `covey enrol` takes on that host. It holds no secret. */
export async function makeBundle(session: Session, input: Input): Promise<void> {
  const host = input.text('host')
  if (host === undefined)
    throw new Failure(2, 'usage', 'for which host: --host NAME', { hint: example })
  if (!isName(host))
    throw new Failure(2, 'name', `"${host}" is no name of a host`, { hint: example })
  const folder = await openFolder(session)
  const newest = await newestConfig(folder)
  const { clusterId, envelopes } = folder.chain
  const listed = newest !== null && Object.hasOwn(newest.config.hosts, host)
  if (!listed && !(await hasCard(session, folder.shown('cluster.yaml'), host))) {
    session.warn(`${host} is neither in the newest config nor among the hosts that were added`)
  } else if (!listed) {
    session.warn(
      `${host} is not in the newest config: run covey apply --offline, then bundle it again`,
    )
  }
  const bundle = {
    host,
    root_digest: clusterId,
    roots: envelopes,
    floor: newest?.head ?? null,
    config: newest?.envelope ?? null,
  }
  const output = input.text('output')
  if (output === undefined || output === '-') return session.io.out(jsonText(bundle))
  await writeWhole(session.path(output), jsonText(bundle))
  const version = newest === null ? 'no config yet' : `version ${newest.head.version}`
  session.result(
    { file: output, host, root_digest: clusterId, floor: bundle.floor },
    `${output}: for ${host}, ${version}\nnext, on ${host}: covey enrol ${output}\n`,
  )
}

const example = 'covey bundle --host cloud01 -o cloud01.bundle.json'

/** Whether the lock knows the host. A cluster run without a layout has none. */
async function hasCard(session: Session, path: string, host: string): Promise<boolean> {
  try {
    return hostFact((await readLayout(session, path)).lock, host, 'card') !== undefined
  } catch (error) {
    // A layout that is missing or faulty says nothing of the host, and the bundle does not rest on
    // it.
    if (error instanceof Failure) return false
    throw error
  }
}
