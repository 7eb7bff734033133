/** A chain; a base chain where it has a hook. */
export interface Chain {
  readonly name: string
  /** As `type filter hook input priority filter`; the policy is always accept. */
  readonly base?: string
  /** In the syntax of nft(8). */
  readonly rules: readonly string[]
}

/** The words of rules for an address family. */
export interface FamilyWords {
  readonly number: 4 | 6
  readonly protocol: 'ip' | 'ip6'
  readonly addressType: 'ipv4_addr' | 'ipv6_addr'
  readonly nfproto: 'ipv4' | 'ipv6'
  readonly icmp: 'icmp' | 'icmpv6'
}

/** The two families that every rule exists for. */
export const families: readonly FamilyWords[] = [
  { number: 4, protocol: 'ip', addressType: 'ipv4_addr', nfproto: 'ipv4', icmp: 'icmp' },
  { number: 6, protocol: 'ip6', addressType: 'ipv6_addr', nfproto: 'ipv6', icmp: 'icmpv6' },
]

/** The rules of both families. */
export function perFamily(rules: (family: FamilyWords) => readonly string[]): readonly string[] {
  return families.flatMap(rules)
}

/** The prefix of every name of a host's end of a container's link. */
export const containerLinks: string = '"cv-*"'

/** Counts a packet and drops it. */
export function refuse(counter: string): string {
  return `counter name "${counter}" drop`
}
