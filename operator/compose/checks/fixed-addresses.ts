import type { Cursor } from '../read/cursor.ts'
import type { Report } from '../report.ts'
import type { Leaf, Tree } from '../yaml/tree.ts'

/** Texts that may be an address of version 4, or one of version 6 with nothing around it. */
const addresses =
  /(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?!\d|\.\d)|(?<![\w:.])[0-9a-fA-F]*:[0-9a-fA-F:]+(?![\w:.])/g

/**
 * A fixed address is dropped: covey gives another one. Where the address stands in the settings of
 * a service, nothing would be there: that is a fault, with the name to write instead.
 */
export function checkFixedAddresses(services: Cursor, report: Report): void {
  const owners = new Map<string, string>()
  const written = new Set<Tree>()
  for (const [name, service] of services.members()) {
    if (service.tree?.kind !== 'map') continue
    const networks = service.at('networks')
    if (networks.tree?.kind !== 'map') continue
    for (const [, network] of networks.members()) {
      if (network.tree?.kind !== 'map') continue
      for (const key of ['ipv4_address', 'ipv6_address']) {
        const { tree } = network.at(key)
        if (tree?.kind !== 'leaf' || tree.text === '') continue
        owners.set(tree.text, name)
        written.add(tree)
      }
    }
  }
  if (owners.size === 0 || services.tree === undefined) return
  for (const { leaf, path } of leavesOf(services.tree, 'services')) {
    if (written.has(leaf)) continue
    for (const [address] of leaf.text.matchAll(addresses)) {
      const owner = owners.get(address)
      if (owner === undefined) continue
      const way = wayOn(path, owner)
      const message = `${address} is no address of ${owner} here, covey gives another: ${way}`
      report.fault(leaf.place, { code: 'compose-refused', message, path })
    }
  }
}

/** The text to write in place of an address of `owner`, by the key in which it stands. */
function wayOn(path: string, owner: string): string {
  if (/\.dns(\.\d+)?$/.test(path)) return 'leave it out: services are found by name without it'
  if (/\.extra_hosts\.[^.]+$/.test(path))
    return `leave it out, and give ${owner} that name in "aliases"`
  return `write "${owner}"`
}

function* leavesOf(tree: Tree, path: string): Generator<{ leaf: Leaf; path: string }> {
  if (tree.kind === 'leaf') yield { leaf: tree, path }
  else if (tree.kind === 'list') {
    for (const [index, item] of tree.items.entries()) yield* leavesOf(item, `${path}.${index}`)
  } else {
    for (const [key, { value }] of tree.entries) yield* leavesOf(value, `${path}.${key}`)
  }
}
