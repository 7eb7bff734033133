import { type Chain, containerLinks, type FamilyWords, perFamily } from './form.ts'

/** Zone of what containers send to the outside by the host's address; no port leads by it. */
export const masqueradeZone: number = 1

const port = 'meta l4proto . th dport'
const local = 'fib daddr type local'

/** ICMP errors that matter to the sender of the packet that they quote. */
const errorTypes = {
  4: '{ destination-unreachable, time-exceeded, parameter-problem }',
  6: '{ destination-unreachable, packet-too-big, time-exceeded, parameter-problem }',
}

/**
 * In an ICMP error, in bits from its beginning: the quoted packet's protocol, and the port that it
 * was sent from, behind a header without options (RFC 792, RFC 4443).
 */
const quoted = { 4: { protocol: 136, port: 224 }, 6: { protocol: 112, port: 384 } }

/**
 * An error about an answer quotes it: the asked port is where it came from. Without the zone its
 * flow would not be found, and no container would hear that a path has no room (RFC 1191, 8201).
 */
function errorRules({ number, icmp }: FamilyWords): readonly string[] {
  const { protocol, port: from } = quoted[number]
  const about = `${icmp} type ${errorTypes[number]} ${local} @th,${protocol},8`
  const asked = `ct original zone set @th,${from},16 map`
  return [`${about} 6 ${asked} @errors_tcp`, `${about} 17 ${asked} @errors_udp`]
}

/**
 * Conntrack remembers a flow for as long as it goes on, and what it was translated to. A sender
 * that never falls silent would be led for ever where its port led first, or nowhere. So flows to a
 * published port stand in a zone of conntrack that is named by where the port leads: when that
 * changes, so does the zone, and the next packet of every sender is a new flow. The same holds for
 * what goes out before and after its network is masqueraded; not for connections of TCP, which
 * could not go on from another address.
 *
 * The zone is that of the asker's direction only: an answer knows of no port that led to it.
 */
export const zoning: readonly Chain[] = [
  {
    name: 'zones',
    base: 'type filter hook prerouting priority -290',
    rules: [
      `iifname @links ${local} ct original zone set ${port} map @zones_mesh`,
      `iifname ${containerLinks} ${local} ct original zone set ${port} map @zones_mesh`,
      ...perFamily(({ protocol, number }) => [
        `${protocol} saddr @private${number} ${local} ct original zone set ${port} map @zones_lan`,
      ]),
      `${local} ct original zone set ${port} map @zones_public`,
      ...perFamily(errorRules),
      // Last, as a packet that has a zone keeps it: a container may ask a port of its own host.
      ...perFamily(({ protocol, number }) => [
        `iifname ${containerLinks} ${protocol} saddr @masqueraded${number} ${protocol} daddr != @mesh${number} meta l4proto != tcp ct original zone set ${masqueradeZone}`,
      ]),
    ],
  },
  {
    name: 'zones_local',
    base: 'type filter hook output priority -290',
    rules: [
      'ip daddr 127.0.0.0/8 return',
      'ip6 daddr ::1 return',
      `${local} ct original zone set ${port} map @zones_mesh`,
    ],
  },
]
