import type { Command } from '../host-ports.ts'
import { word } from './words.ts'

/** A kernel setting below /proc/sys, as `net/ipv4/ip_forward`, and its value. */
export interface Setting {
  readonly name: string
  readonly value: number
}

/**
 * Writes settings in their order, in one process. A setting that this kernel does not have is
 * passed over where `isOptional`, as those of IPv6 where it is switched off.
 */
export function setCommand(settings: readonly Setting[], isOptional: boolean = false): Command {
  const optional = isOptional ? ['-e'] : []
  const words = settings.map(({ name, value }) => word(`${name}=${value}`))
  return { tool: 'sysctl', args: [...optional, '-q', '-w', ...words] }
}

/** Asks for `accept_ra` of all links: whether they take router advertisements (RFC 4861). */
export function acceptRaCommand(): Command {
  return { tool: 'sysctl', args: ['-e', '-a', '-r', '^net.ipv6.conf[.].*[.]accept_ra$'] }
}

/** Reads what `acceptRaCommand` printed: the value of each link, and of `all` and `default`. */
export function parseAcceptRa(stdout: string): ReadonlyMap<string, number> {
  const found = new Map<string, number>()
  for (const line of stdout.split('\n')) {
    const [, link, value] = /^net\.ipv6\.conf\.([^\s]+)\.accept_ra = (\d+)$/.exec(line) ?? []
    // A dot within a name is printed as a slash, as the dots part the setting's own parts.
    if (link !== undefined) found.set(link.replaceAll('/', '.'), Number(value))
  }
  return found
}

/** `net/ipv6/conf/eth0/accept_ra`; dots within a link's name stay as they are. */
export function linkSetting(family: 4 | 6, link: string, name: string): string {
  return `net/ipv${family}/conf/${link}/${name}`
}
