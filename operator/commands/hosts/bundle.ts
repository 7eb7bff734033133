import { isName } from '../../../protocol/names.ts'
import { askStatus } from '../../agent-client/status.ts'
import { writeWhole } from '../../files/write-file.ts'
import { type OperatorFolder, openFolder } from '../../folder/folder.ts'
import { listHistory, newestConfig } from '../../folder/history.ts'
import { readLayout } from '../../folder/layout-files.ts'
import { hostFact } from '../../layout/lock.ts'
import { sideQuestionMsMax } from '../../limits.ts'
import { Failure } from '../../terminal/failure.ts'
import { jsonText, type Session } from '../../terminal/session.ts'
import { shellWord } from '../../terminal/shell-word.ts'
import type { Input } from '../definition.ts'

/** `covey bundle --host NAME`: what `covey enrol` takes on that host. It holds no secret. */
export async function makeBundle(session: Session, input: Input): Promise<void> {
  const host = input.text('host')
  if (host === undefined)
    throw new Failure(2, 'usage', 'for which host: --host NAME', { hint: example })
  if (!isName(host))
    throw new Failure(2, 'name', `"${host}" is not the name of a host`, { hint: example })
  const folder = await openFolder(session)
  const newest = await newestConfig(folder)
  const { clusterId, envelopes } = folder.chain
  const listed = newest !== null && Object.hasOwn(newest.config.hosts, host)
  const before = listed ? undefined : await stepsBefore(session, folder, host)
  if (before !== undefined) session.warn(before.warning)
  const bundle = {
    host,
    root_digest: clusterId,
    roots: envelopes,
    floor: newest?.head ?? null,
    config: newest?.envelope ?? null,
  }
  const output = input.text('output')
  if (output === undefined || output === '-') return session.io.out(jsonText(bundle))
  await writeWhole(session.io.files, session.path(output), jsonText(bundle))
  const version = newest === null ? 'no config yet' : `version ${newest.head.version}`
  session.result(
    { file: output, host, root_digest: clusterId, floor: bundle.floor },
    `${output}: for ${host}, ${version}\n` +
      (before === undefined
        ? `next, on ${host}: covey enrol ${shellWord(output)}\n`
        : `next: ${before.next}, then bundle it again\n`),
  )
}

const example = 'covey bundle --host cloud01 -o cloud01.bundle.json'

/** The steps that come first for a host that the newest config does not list. */
async function stepsBefore(
  session: Session,
  folder: OperatorFolder,
  host: string,
): Promise<{ readonly warning: string; readonly next: string }> {
  // A cluster that runs has to hear of the host: a config that is only signed reaches nobody.
  const runs = (await listHistory(folder)).length > 0 || (await answers(session))
  const apply = runs ? 'covey apply' : 'covey apply --offline -o FILE'
  if (await hasCard(session, folder.shown('cluster.yaml'), host)) {
    const warning = `${host} is not in the newest config: run ${apply}, then bundle it again`
    return { warning, next: apply }
  }
  const warning = `${host} is neither in the newest config nor among the hosts that were added`
  return { warning, next: `covey host add --card ${host}.card.json, ${apply}` }
}

async function answers(session: Session): Promise<boolean> {
  try {
    await askStatus(session, { timeoutMs: sideQuestionMsMax })
    return true
  } catch (error) {
    if (error instanceof Failure) return false
    throw error
  }
}

/** True if the lock knows the host. A cluster run without a layout has none. */
async function hasCard(session: Session, path: string, host: string): Promise<boolean> {
  try {
    return hostFact((await readLayout(session, path, false)).lock, host, 'card') !== undefined
  } catch (error) {
    // A layout that is missing or faulty says nothing of the host, and the bundle does not rest on
    // it.
    if (error instanceof Failure) return false
    throw error
  }
}
