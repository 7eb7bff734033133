import type { Place } from '../../compose/project.ts'
import type { Findings } from '../findings.ts'

/** Names of objects that are covey's own on every host. */
const reservedNames: readonly string[] = [
  ...['agent', 'mesh', 'services', 'wg_network', 'pods', 'pods_fwd', 'pods_out'],
]

/** Whose a name is: `shop/web`, in words for people, and where it was written. */
interface Owner {
  readonly text: string
  readonly place: Place | undefined
}

/** Who has which name, so that no two things of a cluster become one object. */
export interface NameClaims {
  /** Takes a name; a fault at `place` where something else has it. */
  claim(name: string, text: string, place: Place | undefined): void
}

/** Names over the whole cluster; those in use on any host cannot be given to services. */
export function nameClaims(
  findings: Findings,
  taken: readonly { readonly name: string; readonly text: string }[],
): NameClaims {
  const owners = new Map<string, Owner>()
  for (const name of reservedNames) {
    owners.set(name, { text: "covey's own", place: undefined })
  }
  for (const { name, text } of taken) owners.set(name, { text, place: undefined })
  return {
    claim(name, text, place) {
      const owner = owners.get(name)
      if (owner === undefined) owners.set(name, { text, place })
      else if (owner.text !== text)
        findings.fault(place, 'stack-name', clashText(name, text, owner))
    },
  }
}

function clashText(name: string, text: string, { text: other, place }: Owner): string {
  const where = place === undefined ? '' : ` (${place.file}:${place.line}:${place.column})`
  return `${text} and ${other}${where} are both named ${name}: rename one of them`
}
