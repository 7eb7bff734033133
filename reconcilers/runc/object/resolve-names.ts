import type { NameIndex } from '../../cluster/names.ts'

/** A line of `/etc/hosts`. */
interface Line {
  readonly address: string
  readonly names: readonly string[]
}

/**
 * Text of `/etc/hosts` for the containers of a host (hosts(5)): every host of the cluster by its
 * WireGuard address, and every container that can be reached from here as `web.cloud01`. `web`
 * alone is this host's own container of that name, or else the only one in the cluster. A name with
 * `_` is also there with `-`, unless that is somebody's.
 */
export function hostsText(names: NameIndex, host: string): string {
  const lines = withHyphens(linesOf(names, host))
  const local = ['127.0.0.1 localhost', '::1 localhost ip6-localhost ip6-loopback']
  const all = lines.map(({ address, names }) => [address, ...names].join(' '))
  return [...local, ...all].map((line) => `${line}\n`).join('')
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
    if (each.hostname === null || taken.has(each.hostname)) continue
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
