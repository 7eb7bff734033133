import { type Address, addressText, type Cidr, cidrText } from '../addresses.ts'
import type { Command, CommandResult } from '../host-ports.ts'
import { guardMetric } from './ip-parse.ts'
import { errorLine, word } from './words.ts'

/** Routing protocol number of covey's routes: what it made, and only that, is found by it again. */
const routeProtocol: number = 190

/**
 * Asks for all links with their addresses, covey's routes, namespaces and forwarding, in one
 * process.
 */
export function lookCommand(): Command {
  const routes = `route show table all proto ${routeProtocol}`
  // Namespaces come after links: the kernel numbers them when it tells of links into them.
  const stdin = `addr show\n${routes}\nnetns list\nnetconf show\n`
  return { tool: 'ip', args: ['-json', '-details', '-batch', '-'], stdin }
}

/** Asks for IPv6 routes that were learned from router advertisements (RFC 4861). */
export function learnedCommand(): Command {
  return { tool: 'ip', args: ['-json', '-6', 'route', 'show', 'table', 'all', 'proto', 'ra'] }
}

/** One line of a batch, and the object that fails if the line does. */
export interface BatchLine {
  readonly object: string
  readonly words: readonly string[]
}

/** Runs all lines, also after one that failed: each stands for itself. */
export function batchCommand(lines: readonly BatchLine[]): Command {
  const text = lines.map((line) => `${line.words.map(word).join(' ')}\n`).join('')
  return { tool: 'ip', args: ['-force', '-batch', '-'], stdin: text }
}

/**
 * Which lines of a batch failed, by index, with what the kernel said. An error text stands before
 * the line `Command failed -:<number>` that names its line.
 */
export function parseBatchFailures(result: CommandResult): ReadonlyMap<number, string> {
  const failures = new Map<number, string>()
  if (result.exitCode === 0) return failures
  let said: string[] = []
  for (const line of result.stderr.split('\n')) {
    const [, number] = /^Command failed \S+?:(\d+)$/.exec(line.trim()) ?? []
    if (number === undefined) said.push(line)
    else {
      failures.set(Number(number) - 1, errorLine(said.join('\n')))
      said = []
    }
  }
  return failures
}

/** Asks for the ways to these addresses; `parseBatchFailures` tells of those that have none. */
export function waysCommand(addresses: readonly string[]): Command {
  const stdin = addresses.map((each) => `route get ${word(each)}\n`).join('')
  return { tool: 'ip', args: ['-force', '-batch', '-'], stdin }
}

/** Makes a link with the kernel's own WireGuard and names its owner, in one process. */
export function addLinkCommand(link: string, alias: string): Command {
  const add = `link add dev ${word(link)} type wireguard\n`
  const stdin = `${add}link set dev ${word(link)} alias ${word(alias)}\n`
  return { tool: 'ip', args: ['-batch', '-'], stdin }
}

/** Names the owner of a link. */
export function setAliasCommand(link: string, alias: string): Command {
  return { tool: 'ip', args: ['link', 'set', 'dev', word(link), 'alias', word(alias)] }
}

/** Runs all lines in a namespace, up to the first one that fails. */
export function insideCommand(namespace: string, lines: readonly (readonly string[])[]): Command {
  const stdin = lines.map((words) => `${words.map(word).join(' ')}\n`).join('')
  return { tool: 'ip', args: ['-n', word(namespace), '-batch', '-'], stdin }
}

/** Removes a link; `wireguard-go` ends with it. */
export function deleteLinkCommand(link: string): Command {
  return { tool: 'ip', args: ['link', 'del', 'dev', word(link)] }
}

/** `link set dev wg0 mtu 1420 up`. */
export function linkUpWords(link: string, mtu: number): readonly string[] {
  return ['link', 'set', 'dev', link, 'mtu', String(mtu), 'up']
}

/** `addr replace 10.69.0.1/16 dev wg0`: adds it, or leaves it as it is. */
export function addressWords(
  verb: 'replace' | 'del',
  address: Cidr,
  link: string,
): readonly string[] {
  // Duplicate address detection has nobody to ask on a tunnel, and would delay the address.
  const quick = verb === 'replace' && address.family === 6 ? ['nodad'] : []
  return ['addr', verb, cidrText(address), 'dev', link, ...quick]
}

/**
 * `route add 10.69.1.0/24 dev wg0 proto 190`. `add` fails where someone else has a route to that
 * network; `replace` would take it away from them, and is for routes that are known to be covey's.
 * What the host itself sends there comes from `source`, where there is one.
 */
export function routeWords(
  verb: 'add' | 'replace' | 'del',
  destination: Cidr,
  link: string,
  source: Address | null = null,
): readonly string[] {
  const from = source === null ? [] : ['src', addressText(source)]
  return [
    'route',
    verb,
    cidrText(destination),
    'dev',
    link,
    'proto',
    String(routeProtocol),
    ...from,
  ]
}

/** `route add unreachable 10.69.1.0/24 proto 190`: for what has no nearer route. */
export function unreachableWords(verb: 'add' | 'del', network: Cidr): readonly string[] {
  return ['route', verb, 'unreachable', cidrText(network), 'proto', String(routeProtocol)]
}

/**
 * `route add unreachable 10.69.0.0/16 proto 190 metric 4294967295`: for as long as no other route
 * leads there.
 */
export function guardWords(verb: 'add' | 'replace' | 'del', network: Cidr): readonly string[] {
  const words = ['route', verb, 'unreachable', cidrText(network), 'proto', String(routeProtocol)]
  return [...words, 'metric', String(guardMetric)]
}
