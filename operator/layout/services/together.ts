import type { Place } from '../../compose/project.ts'
import type { Findings } from '../findings.ts'
import { compareTexts, type Member, type Members } from './members.ts'
import { mountSource } from './mount-sources.ts'

/** Services that always run on the same host. */
export interface Unit {
  /** Ordered by key; the first gives the unit its place among hosts. */
  readonly members: readonly Member[]
  /** Where one of them has a volume, a folder or a path of the host that it writes: the mount. */
  readonly data: { readonly member: Member; readonly place: Place } | undefined
  /** The tie between two or more of them, for people. */
  readonly tie: string | undefined
}

/** A service's reason to be where another one is. */
interface Tie {
  readonly key: string
  readonly text: string
  /** True for what is another one on each host, so that not even readers can be apart. */
  readonly isVolume: boolean
}

/** Whose network a service has: the key of that service, or undefined. Faults: `stack-network`. */
export function networkOwner(
  member: Member,
  members: Members,
  findings?: Findings,
): Member | undefined {
  const { networkMode } = member.service
  if (networkMode.kind !== 'service' && networkMode.kind !== 'container') return undefined
  const { name } = networkMode
  const inStack = members.all.filter(({ stack }) => stack.name === member.stack.name)
  const owner =
    networkMode.kind === 'service'
      ? members.byKey.get(`${member.stack.name}/${name}`)
      : [...inStack, ...members.all].find(
          ({ service, object }) => service.containerName === name || object === name,
        )
  if (owner !== undefined && owner !== member) return owner
  const message =
    owner === undefined
      ? `there is no ${networkMode.kind} "${name}" whose network it could have`
      : 'it cannot have its own network from itself'
  findings?.fault(member.service.placeOf('network_mode'), 'stack-network', message)
  return undefined
}

/** Services in units that stay together: they share a volume, a path of the host or a network. */
export function readUnits(members: Members, findings: Findings): readonly Unit[] {
  const above = new Map<Member, Member>(members.all.map((member) => [member, member]))
  const find = (member: Member): Member => {
    const up = above.get(member) ?? member
    return up === member ? member : find(up)
  }
  const first = new Map<string, Member>()
  const ties = new Map<Member, string>()
  const data = new Map<Member, Place>()
  const join = (a: Member, b: Member, text: string): void => {
    if (a === b) return
    const [low, high] = [find(a), find(b)].sort((x, y) => compareTexts(x.key, y.key))
    if (low !== undefined && high !== undefined && low !== high) above.set(high, low)
    for (const each of [a, b]) if (!ties.has(each)) ties.set(each, text)
  }
  for (const member of members.all) {
    const owner = networkOwner(member, members, findings)
    if (owner !== undefined) join(member, owner, `the network of ${owner.label}`)
    for (const entry of member.service.volumes) {
      const tie = tieOf(member, entry)
      if (tie === undefined) continue
      if ((tie.isVolume || !entry.isReadOnly) && !data.has(member)) data.set(member, entry.place)
      const other = first.get(tie.key)
      if (other === undefined) first.set(tie.key, member)
      else join(member, other, tie.text)
    }
  }
  const units = new Map<Member, Member[]>()
  for (const member of members.all) {
    const root = find(member)
    units.set(root, [...(units.get(root) ?? []), member])
  }
  return [...units.values()].map((list) => {
    const holder = list.find((member) => data.has(member))
    const place = holder && data.get(holder)
    return {
      members: list,
      data: holder === undefined || place === undefined ? undefined : { member: holder, place },
      tie: list.length > 1 ? list.map((each) => ties.get(each)).find(Boolean) : undefined,
    }
  })
}

function tieOf(member: Member, entry: Member['service']['volumes'][number]): Tie | undefined {
  const { stack, service } = member
  const source = mountSource(stack, service.name, entry)
  switch (source.kind) {
    case 'volume':
      return { key: `volume ${source.object}`, text: source.text, isVolume: true }
    case 'host':
      return { key: `path ${stack.name} ${source.path}`, text: source.path, isVolume: false }
    case 'dir':
      return {
        key: `dir ${stack.name} ${source.subpath}`,
        text: `./${source.subpath}`,
        isVolume: true,
      }
    default:
      return undefined
  }
}
