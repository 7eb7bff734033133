import type { NamedContainer, NameIndex } from '../../cluster/names.ts'

/** A line of `/etc/hosts`. */
interface Line {
  readonly address: string
  readonly names: readonly string[]
}

/** Texts of `/etc/hosts` (hosts(5)) for the containers of one host. */
export interface HostsTexts {
  /** For every container that `own` does not name. */
  readonly hosts: string
  /** For those that are members of groups or have names of their own, by object. */
  readonly ownHosts: ReadonlyMap<string, string>
}

const local = ['127.0.0.1 localhost', '::1 localhost ip6-localhost ip6-loopback']

/**
 * Texts of `/etc/hosts` for the containers of a host: every host of the cluster by its WireGuard
 * address, and every container that can be reached from here as `web.cloud01`. `web` alone is this
 * host's own container of that name, or else the only one in the cluster. A name with `_` is also
 * there with `-`, unless that is somebody's. Aliases come after all of these.
 *
 * A member of groups finds the others of each by their names in it, before anybody else of that
 * name, and the names of its own before those.
 */
export function hostsTexts(index: NameIndex, host: string): HostsTexts {
  const named = withHyphens(linesOf(index, host))
  const seen = visibleFrom(index, host)
  const lines = [...named, ...aliasLines(seen, named)]
  const ownHosts = new Map<string, string>()
  const made = new Map<string, string>()
  for (const container of seen) {
    const { groups, extraHosts } = container
    if (container.host !== host || (groups === null && extraHosts === null)) continue
    const key = JSON.stringify([Object.keys(groups ?? {}).sort(), extraHosts])
    const text = made.get(key) ?? textOf(before(lines, groupLines(seen, container), container))
    made.set(key, text)
    ownHosts.set(container.object, text)
  }
  return { hosts: textOf(lines), ownHosts }
}

function textOf(lines: readonly Line[]): string {
  const all = lines.map(({ address, names }) => [address, ...names].join(' '))
  return [...local, ...all].map((line) => `${line}\n`).join('')
}

/** Containers that can be reached from a host, its own first. */
function visibleFrom({ containers }: NameIndex, host: string): readonly NamedContainer[] {
  const others = containers.filter((each) => each.host !== host && each.isShared)
  return [...containers.filter((each) => each.host === host), ...others]
}

/** Aliases, but for those that are the name of a host or of a container already. */
function aliasLines(seen: readonly NamedContainer[], named: readonly Line[]): readonly Line[] {
  const taken = new Set(named.flatMap(({ names }) => names.map(folded)))
  return seen.flatMap(({ address, aliases }) => {
    const names = unique(aliases).filter((each) => !taken.has(folded(each)))
    return names.length === 0 ? [] : [{ address, names }]
  })
}

/** The members of a container's groups, by their names in these. */
function groupLines(seen: readonly NamedContainer[], { groups }: NamedContainer): readonly Line[] {
  const own = Object.keys(groups ?? {}).sort()
  if (own.length === 0) return []
  return seen.flatMap(({ address, groups: theirs }) => {
    if (theirs === null) return []
    const names = own.flatMap((group) => (Object.hasOwn(theirs, group) ? theirs[group] : []) ?? [])
    return names.length === 0 ? [] : [{ address, names: unique(names) }]
  })
}

/** Lines in which names of the container's own come first, then its groups', then all others. */
function before(
  lines: readonly Line[],
  ofGroups: readonly Line[],
  { extraHosts }: NamedContainer,
): readonly Line[] {
  const extra = Object.entries(extraHosts ?? {}).flatMap(([name, addresses]) =>
    addresses.map((address) => ({ address, names: [name] })),
  )
  const groups = without(ofGroups, extra)
  return [...extra, ...groups, ...without(lines, [...extra, ...groups])]
}

/** Lines without the names that others have. */
function without(lines: readonly Line[], others: readonly Line[]): readonly Line[] {
  const taken = new Set(others.flatMap(({ names }) => names.map(folded)))
  if (taken.size === 0) return lines
  return lines.flatMap(({ address, names }) => {
    const rest = names.filter((each) => !taken.has(folded(each)))
    return rest.length === 0 ? [] : [{ address, names: rest }]
  })
}

/** Names are compared without regard to case (RFC 4343). */
function folded(name: string): string {
  return name.toLowerCase()
}

function unique(names: readonly string[]): readonly string[] {
  return [...new Set(names)]
}

/** Many programs take no name with `_` for that of a host (RFC 952). */
function withHyphens(lines: readonly Line[]): readonly Line[] {
  const known = new Set(['localhost', ...lines.flatMap(({ names }) => names)])
  const askers = new Map<string, number>()
  const hyphened = (name: string): readonly string[] => {
    const other = name.replaceAll('_', '-')
    return known.has(other) ? [] : [other]
  }
  for (const name of lines.flatMap(({ names }) => names.flatMap(hyphened))) {
    askers.set(name, (askers.get(name) ?? 0) + 1)
  }
  return lines.map(({ address, names }) => {
    // What two would come to is neither's.
    const more = names.flatMap(hyphened).filter((name) => askers.get(name) === 1)
    return { address, names: [...names, ...more] }
  })
}

function linesOf(index: NameIndex, host: string): readonly Line[] {
  const lines: Line[] = []
  for (const [name, address] of index.hosts) {
    if (name !== 'localhost') lines.push({ address, names: [name] })
  }
  const taken = new Set<string>(['localhost', ...index.hosts.keys()])
  const own = index.containers.filter((each) => each.host === host)
  const bare = new Map(
    own.filter(({ object }) => !taken.has(object)).map((each) => [each, [each.object]]),
  )
  for (const each of own) taken.add(each.object)
  for (const each of own) {
    // What is called so in a group is called so there only.
    const isApart = each.hostname === null || each.groups !== null
    if (isApart || taken.has(each.hostname)) continue
    taken.add(each.hostname)
    bare.set(each, [...(bare.get(each) ?? []), each.hostname])
  }
  for (const each of index.containers) {
    if (each.host !== host && !each.isShared) continue
    const isOnly = index.owners.get(each.object)?.length === 1 && !taken.has(each.object)
    const names = bare.get(each) ?? (isOnly && each.host !== host ? [each.object] : [])
    lines.push({ address: each.address, names: [`${each.object}.${each.host}`, ...names] })
  }
  return lines
}
