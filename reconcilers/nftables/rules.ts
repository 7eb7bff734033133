/**
 * Covey's rules. They are the same on every host and for every config; what differs stands in sets
 * and maps (`sets.ts`), so a change of a config is a change of elements.
 *
 * 1. A packet from a container has that container's address, and comes by its veth.
 * 2. Nothing that covey drops goes to or comes from anything but a container, except what comes to
 *    the overlay's port from an address that is no listed agent's.
 * 3. A flow is judged by who asked whom, at every packet of both directions: one that a new policy
 *    does not admit ends at once, and no entry of conntrack has to be looked for.
 */

/** A chain; a base chain where it has a hook. */
export interface Chain {
  readonly name: string
  /** As `type filter hook input priority filter`; the policy is always accept. */
  readonly base?: string
  /** In the syntax of nft(8). */
  readonly rules: readonly string[]
}

/** Named counters; what they have counted goes on when the table is replaced. */
export const counterNames: readonly string[] = [
  'spoofed',
  'refused_in',
  'refused_out',
  'refused_host',
  'refused_overlay',
]

/** What a family is called, and where its addresses stand in a packet. */
export interface FamilyWords {
  readonly number: 4 | 6
  readonly protocol: 'ip' | 'ip6'
  readonly addressType: 'ipv4_addr' | 'ipv6_addr'
  readonly nfproto: 'ipv4' | 'ipv6'
}

/** The two families that every rule exists for. */
export const families: readonly FamilyWords[] = [
  { number: 4, protocol: 'ip', addressType: 'ipv4_addr', nfproto: 'ipv4' },
  { number: 6, protocol: 'ip6', addressType: 'ipv6_addr', nfproto: 'ipv6' },
]

const perFamily = (rules: (family: FamilyWords) => readonly string[]): readonly string[] =>
  families.flatMap(rules)

const refuse = (counter: string): string => `counter name "${counter}" drop`

/** Errors that belong to a flow; it cannot do without (RFC 1812 section 4.3, RFC 4890). */
const relatedErrors = 'ct state related meta l4proto { icmp, ipv6-icmp } accept'

/** From a container only its own address, and what IPv6 needs to find its neighbour. */
const senders: readonly Chain[] = [
  {
    name: 'sender',
    rules: [
      'ip6 saddr fe80::/10 ip6 daddr { fe80::/10, ff02::/16 } return',
      'ip6 saddr :: icmpv6 type nd-neighbor-solicit return',
      ...perFamily(({ protocol, number }) => [
        `iifname . ${protocol} saddr @sources${number} return`,
      ]),
      refuse('spoofed'),
    ],
  },
  {
    name: 'antispoof',
    base: 'type filter hook prerouting priority raw',
    rules: [
      'iifname @veths jump sender',
      ...perFamily(({ protocol, number }) => [
        `${protocol} saddr @containers${number} iifname . ${protocol} saddr != @sources${number} ${refuse('spoofed')}`,
      ]),
    ],
  },
]

/** One direction of a flow: where in its packets the one who asked stands, and the one asked. */
interface Direction {
  readonly name: 'asked' | 'answered'
  readonly conntrack: 'original' | 'reply'
  readonly asker: 'saddr' | 'daddr'
  readonly target: 'saddr' | 'daddr'
  readonly port: 'dport' | 'sport'
  /** Where packets of this direction leave towards the target, or come from it. */
  readonly far: 'oifname' | 'iifname'
}

const directions: readonly Direction[] = [
  {
    name: 'asked',
    conntrack: 'original',
    asker: 'saddr',
    target: 'daddr',
    port: 'dport',
    far: 'oifname',
  },
  {
    name: 'answered',
    conntrack: 'reply',
    asker: 'daddr',
    target: 'saddr',
    port: 'sport',
    far: 'iifname',
  },
]

/** Chains that judge flows of one family, seen from packets of one direction. */
function judging({ number, protocol }: FamilyWords, way: Direction): readonly Chain[] {
  const asker = `${protocol} ${way.asker}`
  const target = `${protocol} ${way.target}`
  const flow = `${asker} . ${target} . meta l4proto . th ${way.port}`
  const name = (part: string): string => `${way.name}_${part}${number}`
  return [
    {
      name: name('guarded'),
      rules: [`${flow} @opened${number} return`, refuse('refused_out')],
    },
    {
      name: name('exact'),
      rules: [`${flow} @egress${number} return`, refuse('refused_out')],
    },
    {
      name: name('out'),
      rules: [
        `${asker} @restricted${number} goto ${name('exact')}`,
        `${target} @judged${number} return`,
        `${asker} . ${way.far} @forwards${number} return`,
        `${way.far} @links ${refuse('refused_out')}`,
        `${asker} @masqueraded${number} return`,
        refuse('refused_out'),
      ],
    },
    {
      name: name('in'),
      rules: [
        `ct status dnat ${target} . meta l4proto . th ${way.port} @targets${number} accept`,
        `${flow} @ingress${number} accept`,
        refuse('refused_in'),
      ],
    },
    {
      name: `${way.name}${number}`,
      rules: [
        `${asker} @containers${number} ${target} @guarded${number} jump ${name('guarded')}`,
        `${asker} @judged${number} jump ${name('out')}`,
        `${target} @judged${number} jump ${name('in')}`,
      ],
    },
  ]
}

const forward: Chain = {
  name: 'forward',
  base: 'type filter hook forward priority filter',
  rules: [
    relatedErrors,
    'icmpv6 type packet-too-big accept',
    'oifname @links tcp flags & (syn | rst) == syn tcp option maxseg size set rt mtu',
    `ct state invalid iifname @veths ${refuse('refused_out')}`,
    `ct state invalid oifname @veths ${refuse('refused_in')}`,
    ...directions.flatMap((way) =>
      perFamily(({ nfproto, number }) => [
        `ct direction ${way.conntrack} meta nfproto ${nfproto} jump ${way.name}${number}`,
      ]),
    ),
  ],
}

/** What comes to the host itself. What nobody may be locked out of comes first. */
const inputs: readonly Chain[] = [
  {
    name: 'rescue',
    rules: [
      'ct direction reply ct state established accept',
      relatedErrors,
      'icmpv6 type { nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert } accept',
      'iifname != @veths udp dport @tunnel_ports accept',
      'iifname != @veths meta l4proto . th dport @rescue_ports accept',
    ],
  },
  {
    name: 'from_container',
    rules: [
      ...perFamily(({ protocol, number }) => [
        `${protocol} saddr . ${protocol} daddr . meta l4proto . th dport @host${number} accept`,
      ]),
      refuse('refused_host'),
    ],
  },
  {
    name: 'overlay',
    rules: [
      ...perFamily(({ protocol, number }) => [
        `${protocol} saddr . ${protocol} daddr . tcp dport @overlay${number} accept`,
      ]),
      refuse('refused_overlay'),
    ],
  },
  {
    name: 'input',
    base: 'type filter hook input priority filter',
    rules: [
      'jump rescue',
      'iifname @veths goto from_container',
      ...perFamily(({ protocol, number }) => [
        `iifname != "lo" ${protocol} daddr . tcp dport @overlay_ports${number} goto overlay`,
      ]),
    ],
  },
]

/** Ports of the host that lead to containers: from outside, and from the host itself. */
const publishing: readonly Chain[] = [
  {
    name: 'publish',
    base: 'type nat hook prerouting priority dstnat',
    rules: perFamily((family) => leads(family, true)),
  },
  {
    name: 'publish_local',
    base: 'type nat hook output priority -100',
    rules: [
      // A packet from loopback that leaves by a veth would be a martian there.
      'ip daddr 127.0.0.0/8 return',
      'ip6 daddr ::1 return',
      ...perFamily((family) => leads(family, false)),
    ],
  },
]

function leads({ number, protocol, nfproto }: FamilyWords, isOutside: boolean): readonly string[] {
  const port = 'meta l4proto . th dport'
  const local = `fib daddr type local meta nfproto ${nfproto}`
  const near = isOutside ? `fib daddr type local ${protocol} saddr @private${number}` : local
  return [
    `dnat ${protocol} to ${protocol} daddr . ${port} map @on_network${number}`,
    `${near} dnat ${protocol} to ${port} map @on_lan${number}`,
    `${local} dnat ${protocol} to ${port} map @on_public${number}`,
  ]
}

/** Containers reach the outside by the host's address; a container reaches itself by a port. */
const outside: Chain = {
  name: 'outside',
  base: 'type nat hook postrouting priority srcnat',
  rules: [
    ...perFamily(({ protocol, number }) => [
      `ct status dnat ${protocol} saddr . ${protocol} daddr @hairpins${number} masquerade`,
    ]),
    'oifname @links return',
    'oifname @veths return',
    ...perFamily(({ protocol, number }) => [`${protocol} saddr @masqueraded${number} masquerade`]),
  ],
}

/** All chains, each after those that it jumps to. */
export const chains: readonly Chain[] = [
  ...senders,
  ...directions.flatMap((way) => families.flatMap((family) => judging(family, way))),
  forward,
  ...inputs,
  ...publishing,
  outside,
]
