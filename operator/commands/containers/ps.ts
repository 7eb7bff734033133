import { type ContainerRow, containersSchema } from '../../../protocol/api/containers.ts'
import { ask, documentOf } from '../../agent-client/client.ts'
import { Failure } from '../../terminal/failure.ts'
import type { Session } from '../../terminal/session.ts'
import { type Cell, type Tone, table } from '../../terminal/style.ts'

/** `covey ps`. */
export async function showContainers(session: Session): Promise<void> {
  const document = documentOf(
    session,
    await ask(session, { method: 'GET', path: '/v1/containers' }),
  )
  const rows = containersSchema.safeParse(document)
  if (!rows.success) {
    throw new Failure(1, 'answer-broken', 'the agent listed its containers in an unknown form', {
      hint: 'use the covey of the same version as the agent',
    })
  }
  const heads = ['NAME', 'STATE', 'HEALTH', 'PID', 'RESTARTS', 'EXIT', 'IMAGE']
  const text =
    rows.data.length === 0
      ? 'this host has no containers\n'
      : table(heads, rows.data.map(cellsOf), session.paint)
  session.result(document, text)
}

function cellsOf(row: ContainerRow): readonly Cell[] {
  return [
    row.name,
    { text: row.state, tone: stateTone(row.state) },
    row.health === null ? '-' : { text: row.health, tone: healthTone(row.health) },
    textOf(row.pid),
    String(row.restarts),
    textOf(row.exit_code),
    shortImage(row.image),
  ]
}

function textOf(number: number | null): string {
  return number === null ? '-' : String(number)
}

function stateTone(state: string): Tone {
  if (state === 'running') return 'good'
  return state === 'exited' || state === 'broken' ? 'bad' : 'busy'
}

function healthTone(health: string): Tone {
  if (health === 'healthy') return 'good'
  return health === 'starting' ? 'busy' : 'bad'
}

/** A digest is told by its first digits here; `--json` has all of it. */
function shortImage(image: string): string {
  return image.replace(/(@sha256:[0-9a-f]{12})[0-9a-f]{52}$/, '$1')
}
