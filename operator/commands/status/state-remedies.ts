import type { HostStatus, Status } from '../../../protocol/api/status.ts'
import { printable } from '../../../protocol/printable.ts'

/** What each state of a host means and what to do about it (docs/PROTOCOL.md, Status). */
const remedyOf: Readonly<Record<string, string>> = {
  applying: 'it works on that version; look again in a moment (covey status --watch)',
  trial: 'it tries that version; look again in a moment (covey status --watch)',
  degraded: 'some of its objects are not as they should be; the reasons are told on that host',
  unappliable:
    'the config, or its section for this host, is of a form that this host cannot read; what was ' +
    'applied goes on: sign a mended one (covey validate, covey apply), or update covey there',
  'not-listed':
    'its config does not list it; what was applied there goes on. To have it back: covey host ' +
    'add and covey apply here, covey enrol with a new bundle there. To be rid of it: stop its ' +
    'agent, and ip link del wg_cluster',
  held: 'it was told to keep what it has, and applies nothing new',
  'floor-unknown':
    'it lost the record of what it held, and takes nothing new before most peers have ' +
    'answered; else enrol it again: covey bundle here, covey enrol there',
  unknown:
    'nobody has heard of it yet. New: covey bundle --host NAME here, covey enrol there. Else ' +
    'look at its agent and its tunnel',
}

const noConfig = 'it holds no config yet: covey apply, or covey inject FILE'

/** One line for each state that is not `in-sync`: whose it is, what it means, what to do. */
export function stateLines(status: Status, rows: readonly HostStatus[]): readonly string[] {
  const told = rows.filter(({ state }) => state !== 'in-sync')
  const states = [...new Set(told.map(({ state }) => state))]
  return states.map((state) => {
    const hosts = told.filter((row) => row.state === state).map(({ host }) => host)
    const empty = state === 'not-listed' && status.head === null
    const known = Object.hasOwn(remedyOf, state) ? remedyOf[state] : undefined
    const remedy = empty ? noConfig : (known ?? 'this version of covey does not know that state')
    return printable(`${hosts.join(', ')} ${state}: ${remedy}`)
  })
}
