import { type Chain, containerLinks, type FamilyWords, perFamily } from './form.ts'

const port = 'meta l4proto . th dport'

/** A port in the mesh is none for who sends to its address by another link all the same. */
function fromOutside({ number, protocol, nfproto }: FamilyWords): readonly string[] {
  const local = `fib daddr type local meta nfproto ${nfproto}`
  const near = `fib daddr type local ${protocol} saddr @private${number}`
  const network = `dnat ${protocol} to ${protocol} daddr . ${port} map @on_network${number}`
  return [
    `iifname @links ${network}`,
    `iifname ${containerLinks} ${network}`,
    `${near} dnat ${protocol} to ${port} map @on_lan${number}`,
    `${local} dnat ${protocol} to ${port} map @on_public${number}`,
  ]
}

function fromItself({ number, protocol, nfproto }: FamilyWords): readonly string[] {
  const local = `fib daddr type local meta nfproto ${nfproto}`
  return [
    `dnat ${protocol} to ${protocol} daddr . ${port} map @on_network${number}`,
    `${local} dnat ${protocol} to ${port} map @on_lan${number}`,
    `${local} dnat ${protocol} to ${port} map @on_public${number}`,
  ]
}

/** Chains that translate: published ports, and what containers send to the outside. */
export const publishing: readonly Chain[] = [
  {
    name: 'publish',
    base: 'type nat hook prerouting priority dstnat',
    rules: perFamily(fromOutside),
  },
  {
    name: 'publish_local',
    base: 'type nat hook output priority -100',
    rules: [
      // A packet from loopback that leaves by a container's link would be a martian there.
      'ip daddr 127.0.0.0/8 return',
      'ip6 daddr ::1 return',
      ...perFamily(fromItself),
    ],
  },
  {
    name: 'outside',
    base: 'type nat hook postrouting priority srcnat',
    rules: [
      // A container that reaches itself by a port: the answer has to come back here.
      ...perFamily(({ protocol, number }) => [
        `ct status dnat ${protocol} saddr . ${protocol} daddr @hairpins${number} masquerade`,
      ]),
      'oifname @links return',
      `oifname ${containerLinks} return`,
      ...perFamily(({ protocol, number }) => [
        `${protocol} saddr @masqueraded${number} masquerade`,
      ]),
    ],
  },
]
