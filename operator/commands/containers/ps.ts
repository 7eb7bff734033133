import type { ContainerRow } from '../../../protocol/api/containers.ts'
import { askAll } from '../../all-hosts/ask-all.ts'
import { entriesFor } from '../../all-hosts/entries.ts'
import { containersNamed } from '../../all-hosts/find.ts'
import { askContainers } from '../../all-hosts/known.ts'
import { openHosts } from '../../all-hosts/open.ts'
import type { Session } from '../../terminal/session.ts'
import { type Cell, type Tone, table } from '../../terminal/style.ts'
import type { Input } from '../definition.ts'

/** A row with the host that it is of; the host is empty where there is one only. */
type HostRow = ContainerRow & { readonly host: string }

/** `covey ps [NAME…]`. */
export async function showContainers(session: Session, input: Input): Promise<void> {
  const entries = await entriesFor(session, input)
  if (entries === undefined) {
    const { document, rows } = await askContainers(session)
    const shown = named(
      rows.map((row) => ({ ...row, host: '' })),
      input.args,
    )
    const names = new Set(shown.map(({ name }) => name))
    const isAll = input.args.length === 0 || !Array.isArray(document)
    const said = isAll ? document : document.filter(({ name }) => names.has(name))
    return session.result(said, textOf(shown, false, session))
  }
  const answers = await askAll(session, openHosts(session, entries), (asked) =>
    askContainers(asked),
  )
  const rows = answers.flatMap(({ host, value }) => value.rows.map((row) => ({ host, ...row })))
  const shown = named(rows, input.args)
  session.result(shown, textOf(shown, true, session))
}

/** The rows that the words mean, in their order; all where there are no words. */
function named(rows: readonly HostRow[], words: readonly string[]): readonly HostRow[] {
  if (words.length === 0) return rows
  const known = rows.map((row) => ({ ...row, object: row.name }))
  const found = new Set(words.flatMap((word) => containersNamed(word, known)))
  return known.filter((row) => found.has(row)).map(({ object: _object, ...row }) => row)
}

function textOf(rows: readonly HostRow[], isSeveral: boolean, session: Session): string {
  if (rows.length === 0) {
    return isSeveral ? 'no host has such containers\n' : 'this host has no containers\n'
  }
  const hasServices = rows.some(({ service }) => service !== null)
  const heads = ['NAME', 'STATE', 'HEALTH', 'PID', 'RESTARTS', 'EXIT', 'IMAGE']
  const more = [...(isSeveral ? ['HOST'] : []), ...(hasServices ? ['SERVICE'] : [])]
  const cells = rows.map((row): readonly Cell[] => [
    ...(isSeveral ? [row.host] : []),
    ...(hasServices ? [serviceText(row)] : []),
    ...cellsOf(row),
  ])
  return table([...more, ...heads], cells, session.paint)
}

function serviceText({ service, replica }: ContainerRow): string {
  if (service === null) return '-'
  return replica === 1 ? service : `${service}.${replica}`
}

function cellsOf(row: ContainerRow): readonly Cell[] {
  return [
    row.name,
    { text: row.state, tone: stateTone(row.state) },
    row.health === null ? '-' : { text: row.health, tone: healthTone(row.health) },
    numberText(row.pid),
    String(row.restarts),
    numberText(row.exit_code),
    shortImage(row.image),
  ]
}

function numberText(number: number | null): string {
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
