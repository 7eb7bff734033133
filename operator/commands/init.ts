import { join } from 'node:path'
import { digestOf } from '../../platform/signatures.ts'
import type { Role } from '../../protocol/documents/root.ts'
import { isName } from '../../protocol/names.ts'
import { createWhole, expectWritable, makeFolder } from '../files/write-file.ts'
import { isFolder, shownPath } from '../folder/folder.ts'
import { newKey, type OperatorKey } from '../folder/keys.ts'
import { readLayout } from '../folder/layout-files.ts'
import { envelopeText, signPayload } from '../signing/sign.ts'
import { payloadOf } from '../signing/verify.ts'
import { Failure } from '../terminal/failure.ts'
import type { Session } from '../terminal/session.ts'
import type { Input } from './definition.ts'

/**
 * `covey init [DIR] --name NAME`. The first root document is written last: it makes the folder one.
 */
export async function initFolder(session: Session, input: Input): Promise<void> {
  const { files } = session.io
  const dir = session.path(input.args[0] ?? session.settings.dir ?? '.')
  if (await isFolder(files, dir)) throw alreadyFolder(dir)
  const layoutPath = join(dir, 'cluster.yaml')
  const hasLayout = (await files.look(layoutPath)) !== null
  const name = await clusterName(session, input, hasLayout ? layoutPath : undefined)
  const { keyDir } = session.settings
  await makeFolder(files, dir)
  await expectWritable(files, layoutPath)
  await makeFolder(files, keyDir, 0o700)
  await expectWritable(files, join(keyDir, `${name}.operator.jwk.json`))
  await makeFolder(files, join(dir, 'roots'))
  await makeFolder(files, join(dir, 'history'))
  const operator = await newKey(files, keyDir, `${name}.operator`)
  const recovery = await newKey(files, keyDir, `${name}.recovery`)
  if (!hasLayout) await createWhole(files, layoutPath, starterLayout(name))
  const root = await signPayload('root', firstRoot(name, operator, recovery), [operator, recovery])
  if (!(await createWhole(files, join(dir, 'roots', '1.json'), envelopeText(root))))
    throw alreadyFolder(dir)
  const clusterId = digestOf(payloadOf(root))
  const shown = shownPath(session, dir)
  session.result(
    {
      cluster: name,
      cluster_id: clusterId,
      dir,
      operator_key: { kid: operator.kid, file: operator.path },
      recovery_key: { kid: recovery.kid, file: recovery.path },
    },
    `${name}: a new cluster in ${shown} (${clusterId.slice(0, 19)})\n` +
      `operator key: ${operator.path}\n` +
      `recovery key: ${recovery.path}\n` +
      '  Move it to a place that is offline: it replaces an operator key that was lost.\n' +
      `next: covey identity --host NAME --json on a host, then here covey host add --card FILE\n`,
  )
}

function alreadyFolder(dir: string): Failure {
  return new Failure(
    4,
    'folder-exists',
    `${dir} is a covey folder already: it holds roots/1.json`,
    {
      hint: 'a new cluster needs a folder of its own',
    },
  )
}

async function clusterName(
  session: Session,
  input: Input,
  layoutPath: string | undefined,
): Promise<string> {
  const given = input.text('name')
  if (given !== undefined && !isName(given)) {
    throw new Failure(2, 'name', `"${given}" cannot name a cluster`, {
      hint: 'a name starts with a letter, has 1 to 40 of a-z 0-9 _ - and ends in a letter or digit',
    })
  }
  if (layoutPath !== undefined) {
    const { layout } = await readLayout(session, shownPath(session, layoutPath), false)
    if (given === undefined || given === layout.cluster) return layout.cluster
    const message = `the cluster.yaml that is there is of "${layout.cluster}", not of "${given}"`
    throw new Failure(2, 'name', message, {
      hint: `use --name ${layout.cluster}, or another folder`,
    })
  }
  if (given !== undefined) return given
  const hint = 'covey init . --name home'
  throw new Failure(2, 'usage', 'the cluster needs a name: --name NAME', { hint })
}

function firstRoot(name: string, operator: OperatorKey, recovery: OperatorKey): string {
  const role = (entries: readonly (readonly [string, OperatorKey])[]): Role => ({
    threshold: 1,
    keys: Object.fromEntries(entries.map(([owner, { kid, jwk }]) => [kid, { name: owner, jwk }])),
  })
  return JSON.stringify({
    epoch: 1,
    previous: null,
    cluster: name,
    root: role([
      ['operator', operator],
      ['recovery', recovery],
    ]),
    config: role([['operator', operator]]),
  })
}

function starterLayout(name: string): string {
  return `# The layout of a covey cluster. Edit it, then: covey apply
cluster: ${name}

# Range of the mesh: its first /24 is for hosts, and each host has a /24 for containers.
network: 10.69.0.0/16

# One line a host; covey host add --card FILE adds them:
#   cloud01: { endpoint: "cloud01.example.com:51820" }
#   local01: {}                 # behind NAT: without an endpoint
hosts: {}
`
}
