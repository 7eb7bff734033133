import type { HostStatus, Status } from '../../../protocol/api/status.ts'
import { printable } from '../../../protocol/printable.ts'

/** The meaning of each state of a host, and its remedy (docs/PROTOCOL.md, Status). */
const remedyOf: Readonly<Record<string, string>> = {
  applying: 'it is applying that version; look again in a moment (covey status --watch)',
  trial: 'it is trying that version; look again in a moment (covey status --watch)',
  degraded: 'some of its objects have not converged; covey status on that host gives the reasons',
  unappliable:
    'this host cannot read the config or its section for this host; what was applied ' +
    'keeps running: sign a corrected one (covey validate, covey apply), or update covey there',
  'not-listed':
    'its config does not list it; what was applied there keeps running. To have it back: covey ' +
    'host add and covey apply here, covey enrol with a new bundle there. To be rid of it: stop ' +
    'its agent, and ip link del wg_cluster',
  held: 'it was told to keep what it has and to apply nothing new',
  'floor-unknown':
    'it lost the record of what it held, and accepts nothing new before most peers have ' +
    'answered; otherwise enrol it again: covey bundle here, covey enrol there',
  unknown:
    'it was never seen. If it is new: covey bundle --host NAME here, covey enrol there. ' +
    'Otherwise look at its agent and its tunnel',
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
    const remedy = empty ? noConfig : (known ?? 'this version of covey does not know this state')
    return printable(`${hosts.join(', ')} ${state}: ${remedy}`)
  })
}

/** One sentence on what a state of a host means, and what to do. */
export function remedyFor(state: string): string {
  const known = Object.hasOwn(remedyOf, state) ? remedyOf[state] : undefined
  return known ?? 'this version of covey does not know this state'
}
