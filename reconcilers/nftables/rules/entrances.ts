import { type Chain, containerLinks, perFamily, refuse } from './form.ts'

/** From a container only its own address, and what IPv6 needs to find its neighbour. */
const senders: readonly Chain[] = [
  {
    name: 'sender',
    rules: [
      ...perFamily(({ protocol, number }) => [
        `iifname . ${protocol} saddr @sources${number} accept`,
      ]),
      'ip6 saddr fe80::/10 ip6 daddr { fe80::/10, ff02::/16 } accept',
      'ip6 saddr :: icmpv6 type nd-neighbor-solicit accept',
      refuse('spoofed'),
    ],
  },
  {
    name: 'antispoof',
    base: 'type filter hook prerouting priority raw',
    rules: [
      `iifname ${containerLinks} goto sender`,
      'iifname "lo" accept',
      ...perFamily(({ protocol, number }) => [
        `${protocol} saddr @containers${number} ${refuse('spoofed')}`,
        `${protocol} saddr @own${number} ${refuse('spoofed')}`,
        `iifname != @links ${protocol} saddr @mesh${number} ${refuse('spoofed')}`,
      ]),
    ],
  },
]

const flow = (protocol: string): string =>
  `${protocol} saddr . ${protocol} daddr . meta l4proto . th dport`

const errors = 'ct state related meta l4proto { icmp, icmpv6 }'

/**
 * This host's addresses in the mesh, and those of its containers, are asked by the mesh's links, by
 * containers and by the host itself. Linux takes a packet for any address of the host by any link,
 * so whoever is on the LAN could else ask them without a key. It is judged before published ports
 * are translated: those are asked at other addresses. Answers to what was asked from here may come
 * by any link.
 */
const meshOnly: readonly Chain[] = [
  {
    name: 'off_mesh',
    rules: [
      'iifname "lo" accept',
      `iifname ${containerLinks} accept`,
      'ct direction reply ct state { established, related } accept',
      `${errors} accept`,
      'fib daddr type local meta l4proto . th dport @rescue_ports accept',
      refuse('refused_mesh'),
    ],
  },
  {
    name: 'mesh_only',
    base: 'type filter hook prerouting priority mangle',
    rules: perFamily(({ protocol, number }) => [
      `iifname != @links ${protocol} daddr @own${number} goto off_mesh`,
    ]),
  },
]

/** Chains for packets to the host itself. Those that nobody may be locked out of come first. */
const inputs: readonly Chain[] = [
  {
    name: 'rescue',
    rules: [
      'ct direction reply ct state established accept',
      // Errors that belong to a flow; it cannot do without (RFC 1812 section 4.3, RFC 4890).
      `iifname != ${containerLinks} ${errors} accept`,
      'icmpv6 type { nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert } accept',
      `iifname != ${containerLinks} udp dport @tunnel_ports accept`,
      `iifname != ${containerLinks} meta l4proto . th dport @rescue_ports accept`,
    ],
  },
  {
    name: 'from_container',
    rules: [
      ...perFamily(({ protocol, number }) => [`${flow(protocol)} @host${number} accept`]),
      // Of its own flows only: it could else tell the host that a tunnel has no room.
      ...perFamily(({ protocol, number }) =>
        ['original', 'reply'].map(
          (way) => `${errors} iifname . ct ${way} ${protocol} saddr @sources${number} accept`,
        ),
      ),
      refuse('refused_host'),
    ],
  },
  {
    name: 'from_elsewhere',
    rules: [
      ...perFamily(({ protocol, number }) => [`${flow(protocol)} @invited${number} accept`]),
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
      `iifname ${containerLinks} goto from_container`,
      ...perFamily(({ protocol, number }) => [
        `iifname @links ${protocol} saddr @strangers${number} goto from_elsewhere`,
        `iifname != "lo" ${protocol} daddr . tcp dport @overlay_ports${number} goto overlay`,
      ]),
    ],
  },
]

/** Chains for who may send at all, and for what comes to the host itself. */
export const entrances: readonly Chain[] = [...senders, ...meshOnly, ...inputs]
