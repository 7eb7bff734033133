import { isObject } from '../../../protocol/documents/canonical-json.ts'
import { isName } from '../../../protocol/names.ts'
import { grantFault } from '../../../reconcilers/runc/bundle/grants.ts'
import { sessionAt } from '../../agent-client/place.ts'
import { localPlace } from '../../agent-client/sockets.ts'
import { askStatus } from '../../agent-client/status.ts'
import { writeWhole } from '../../files/write-file.ts'
import { recordedHosts } from '../../folder/recorded-hosts.ts'
import { sideQuestionMsMax } from '../../limits.ts'
import { sshCommandText } from '../../ssh/destination.ts'
import { Failure } from '../../terminal/failure.ts'
import type { Session } from '../../terminal/session.ts'
import { shellWord } from '../../terminal/shell-word.ts'
import type { Input } from '../definition.ts'

const settingsBytesMax = 1024 * 1024

/**
 * The grants of a command line. A plan names the host before them, which has to be this one: only
 * its root grants something of it. Throws `Failure` `other-host`.
 */
async function grantsOf(session: Session, words: readonly string[]): Promise<readonly string[]> {
  const [name = '', ...grants] = words
  if (grants.length === 0 || !isName(name) || grantFault(name) === undefined) return words
  const local = sessionAt(session, localPlace(session))
  const own = await askStatus(local, { timeoutMs: sideQuestionMsMax }).catch(() => undefined)
  if (own?.status.host === name) return grants
  const host = (await recordedHosts(session)).find((each) => each.name === name)
  const there = `covey host grant ${grants.map(shellWord).join(' ')}`
  throw new Failure(2, 'other-host', `this is not ${name}, and only its own root grants that`, {
    hint:
      host?.ssh === undefined
        ? `on ${name}, as root: ${there}`
        : `${sshCommandText(host.ssh)} ${there}`,
  })
}

/**
 * `covey host grant [GRANT…]`, on the host itself: adds grants to its settings, or takes them
 * away with `--revoke`. Everything else in the file stays. The agent notices by itself.
 */
export async function grantOnHost(session: Session, input: Input): Promise<void> {
  const path = session.io.env['COVEY_CONFIG'] || '/etc/covey/agent.json'
  const settings = await readSettings(session, path)
  const before = grantsIn(settings, path)
  const words = await grantsOf(session, input.args)
  for (const grant of words) {
    const fault = grantFault(grant)
    if (fault !== undefined) throw new Failure(2, 'grant', `${grant}: ${fault}`)
  }
  const asked = new Set(words)
  const isRevoked = input.is('revoke')
  const added = isRevoked ? [] : [...asked].filter((grant) => !before.includes(grant))
  const removed = isRevoked ? before.filter((grant) => asked.has(grant)) : []
  const grants = [...before.filter((grant) => !removed.includes(grant)), ...added]
  if (added.length + removed.length > 0) {
    const text = `${JSON.stringify({ ...settings, grants }, null, 2)}\n`
    await writeWhole(session.io.files, path, text, 0o600)
  }
  const lines = grants.map((grant) => `${added.includes(grant) ? '+ ' : '  '}${grant}\n`)
  const gone = removed.map((grant) => `- ${grant}\n`)
  const none = lines.length + gone.length === 0 ? 'this host grants nothing\n' : ''
  session.result({ file: path, grants, added, removed }, [...lines, ...gone, none].join(''))
}

async function readSettings(session: Session, path: string): Promise<Record<string, unknown>> {
  if ((await session.io.files.look(path)) === null) return {}
  const bytes = await session.io.files.read(path, settingsBytesMax)
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
    if (isObject(value)) return { ...value }
  } catch {
    // Said below.
  }
  throw new Failure(2, 'settings', `${path}: is no JSON object`, {
    hint: 'mend the file; nothing was changed',
  })
}

function grantsIn(settings: Readonly<Record<string, unknown>>, path: string): readonly string[] {
  const { grants = [] } = settings
  const isTexts = Array.isArray(grants) && grants.every((each) => typeof each === 'string')
  if (isTexts) return grants
  throw new Failure(2, 'settings', `${path}: grants: must be a list of texts`, {
    hint: 'mend the file; nothing was changed',
  })
}
