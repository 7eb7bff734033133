import {
  type Chain,
  containerLinks,
  type FamilyWords,
  families,
  perFamily,
  refuse,
} from './form.ts'

/**
 * Rules for flows in a set, by who asked, who was asked, protocol and port. Conntrack knows these
 * of every packet, whichever its direction and whatever was translated: who asked is the source of
 * the original direction, who was really asked the source of the reply. An ICMP error belongs to
 * the flow that it is about.
 *
 * nft takes conntrack's port only where a rule names the protocol. Others than these have none; a
 * set has them only with all ports.
 */
function flowRules(family: FamilyWords, set: string, verdict: string): readonly string[] {
  const { protocol, icmp, number } = family
  const ends = `ct original ${protocol} saddr . ct reply ${protocol} saddr . ct protocol`
  const known = ['tcp', 'udp', icmp]
  const others = `meta l4proto != { ${known.join(', ')} }`
  return [
    ...known.map(
      (l4) => `meta l4proto ${l4} ${ends} . ct reply proto-src @${set}${number} ${verdict}`,
    ),
    `${others} ${ends} . th dport @${set}${number} ${verdict}`,
  ]
}

/** Rules for flows to published ports; conntrack knows what was asked before it was translated. */
function publishedRules({ protocol, icmp, number }: FamilyWords): readonly string[] {
  const asked = 'ct protocol . ct original proto-dst'
  const led = `ct reply ${protocol} saddr . ct reply proto-src`
  return ['tcp', 'udp', icmp].flatMap((l4) => {
    const translated = `meta l4proto ${l4} ct status dnat`
    const asker = `ct original ${protocol} saddr`
    const place = `ct original ${protocol} daddr`
    return [
      `${translated} ${place} . ${asked} . ${led} @led_network${number} accept`,
      `${translated} ${asker} @private${number} ${asked} . ${led} @led_lan${number} accept`,
      `${translated} ${asked} . ${led} @led_public${number} accept`,
    ]
  })
}

/** Chains that judge the flows of one family. */
function flowChains(family: FamilyWords): readonly Chain[] {
  const { number, protocol, icmp } = family
  const asker = `ct original ${protocol} saddr`
  const target = `ct reply ${protocol} saddr`
  return [
    {
      name: `guarded${number}`,
      rules: [
        ...flowRules(family, 'opened', 'return'),
        ...['tcp', 'udp', icmp].map(
          (l4) =>
            `meta l4proto ${l4} ${target} . ct protocol . ct reply proto-src @services${number} return`,
        ),
        refuse('refused_out'),
      ],
    },
    {
      name: `exact${number}`,
      rules: [...flowRules(family, 'egress', 'return'), refuse('refused_out')],
    },
    {
      name: `out${number}`,
      rules: [
        `${asker} @restricted${number} goto exact${number}`,
        `${target} @judged${number} return`,
        `ct direction original ${asker} . oifname @forwards${number} return`,
        `ct direction reply ${asker} . iifname @forwards${number} return`,
        `ct direction original oifname @links ${refuse('refused_out')}`,
        `ct direction reply iifname @links ${refuse('refused_out')}`,
        `${asker} @masqueraded${number} return`,
        refuse('refused_out'),
      ],
    },
    {
      name: `in${number}`,
      rules: [
        ...publishedRules(family),
        ...flowRules(family, 'ingress', 'accept'),
        refuse('refused_in'),
      ],
    },
    {
      name: `flow${number}`,
      rules: [
        `${asker} @containers${number} ${target} @guarded${number} jump guarded${number}`,
        `${asker} @containers${number} ${target} @hosts${number} jump guarded${number}`,
        `${asker} @judged${number} jump out${number}`,
        `${target} @judged${number} jump in${number}`,
      ],
    },
  ]
}

/** A container tells errors of its own flows only, and is told of no others. */
function errorChain(name: string, link: string, counter: string): Chain {
  const ends = perFamily(({ protocol, number }) =>
    ['original', 'reply'].map(
      (way) => `${link} . ct ${way} ${protocol} saddr @sources${number} return`,
    ),
  )
  return { name, rules: [...ends, refuse(counter)] }
}

const forward: Chain = {
  name: 'forward',
  base: 'type filter hook forward priority filter',
  rules: [
    'oifname @links tcp flags & (syn | rst) == syn tcp option maxseg size set rt mtu',
    `iifname != ${containerLinks} oifname != ${containerLinks} accept`,
    // Neighbour discovery that is forwarded is never tracked, and no rule could judge it.
    `ct state { invalid, untracked } iifname ${containerLinks} ${refuse('refused_out')}`,
    `ct state { invalid, untracked } ${refuse('refused_in')}`,
    `ct state related iifname ${containerLinks} jump error_from`,
    `ct state related oifname ${containerLinks} jump error_to`,
    ...perFamily(({ protocol, number }) => [
      // Without its link the mesh is unreachable, and never reached in the clear.
      `iifname ${containerLinks} ${protocol} daddr @mesh${number} oifname != @links ${refuse('refused_out')}`,
      `oifname ${containerLinks} ${protocol} daddr != @containers${number} ${refuse('refused_in')}`,
    ]),
    ...families.map(({ nfproto, number }) => `meta nfproto ${nfproto} goto flow${number}`),
  ],
}

/** Chains for what a container asks, or is asked. */
export const judging: readonly Chain[] = [
  ...families.flatMap(flowChains),
  errorChain('error_from', 'iifname', 'refused_out'),
  errorChain('error_to', 'oifname', 'refused_in'),
  forward,
]
