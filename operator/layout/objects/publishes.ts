import type { ConfigObject } from '../../../protocol/documents/config.ts'
import { contains, hostNetwork, parseAddress, parseCidr } from '../../../reconcilers/addresses.ts'
import type { PortEntry } from '../../compose/project.ts'
import { type Findings, placeText } from '../findings.ts'
import { wholeNetwork } from '../network.ts'
import type { Arrangement } from '../services/arrangement.ts'
import type { Member } from '../services/members.ts'
import { objectName } from '../services/object-names.ts'
import type { Replica } from '../services/placement.ts'
import type { PortScope } from '../stack-options.ts'

/** A port of a host that leads to a container. */
export interface Published {
  readonly replica: Replica
  readonly entry: PortEntry
  readonly hostPort: number
  readonly scope: PortScope
  readonly name: string
  readonly object: ConfigObject
}

/** Order of scopes: where a port is published twice, the wider one counts. */
const scopes: readonly PortScope[] = ['mesh', 'lan', 'public']

/** The ports that the containers of one host publish. Faults: `stack-port`. */
export function publishesOf(
  host: string,
  arrangement: Arrangement,
  findings: Findings,
): readonly Published[] {
  const byPort = new Map<string, Published>()
  for (const replica of arrangement.onHost.get(host) ?? []) {
    const { member } = replica
    if (arrangement.ownerOf(member).service.networkMode.kind === 'host') continue
    for (const entry of portsOf(member)) {
      const published = publishOf(replica, entry, arrangement, findings)
      if (published === undefined) continue
      const key = `${published.hostPort}/${entry.protocol}`
      const other = byPort.get(key)
      if (other === undefined) byPort.set(key, published)
      else if (!leadsAlike(other, published)) {
        clash(key, host, other, published, findings)
      } else if (scopes.indexOf(published.scope) > scopes.indexOf(other.scope)) {
        byPort.set(key, published)
      }
    }
  }
  return [...byPort.values()]
}

/** Its ports, and those that only x-covey names: they have the same number on the host. */
function portsOf({ service, covey }: Member): readonly PortEntry[] {
  const targets = service.ports.map(({ containerPort }) => containerPort)
  const others = [...covey.publish.keys()].filter((port) => !targets.includes(port))
  const place = service.placeOf('x-covey.publish')
  const rest = { protocol: 'tcp', hostAddress: '', place } as const
  return [
    ...service.ports,
    ...others.map((port) => ({ hostPort: port, containerPort: port, ...rest })),
  ]
}

function leadsAlike(a: Published, b: Published): boolean {
  return a.replica === b.replica && a.entry.containerPort === b.entry.containerPort
}

function clash(
  port: string,
  host: string,
  first: Published,
  second: Published,
  findings: Findings,
): void {
  const { member } = second.replica
  const isSame = first.replica.member === member && first.replica !== second.replica
  const message = isSame
    ? `two replicas of ${member.label} on ${host} cannot both have ${port}: leave out the host's port, or name as many hosts as replicas`
    : `${port} of ${host} leads to ${first.replica.member.label} already (${placeText(first.entry.place)}): change one of the ports, or its host`
  const path = `services.${member.service.name}.ports`
  findings.fault(second.entry.place, 'stack-port', message, path)
}

function publishOf(
  replica: Replica,
  entry: PortEntry,
  arrangement: Arrangement,
  findings: Findings,
): Published | undefined {
  const { member } = replica
  const written = member.covey.publish.get(entry.containerPort)
  const scope = written ?? scopeOf(entry.hostAddress, member, arrangement)
  if (scope === undefined) {
    const message = `${entry.hostAddress} is the host itself, which reaches the container without a published port: at ${arrangement.addressOf(replica)}, port ${entry.containerPort}`
    findings.note(entry.place, message)
    return undefined
  }
  const hostPort = entry.hostPort ?? (written === undefined ? undefined : entry.containerPort)
  if (hostPort === undefined) {
    const message = `port ${entry.containerPort} is given no port of the host: it is reached at the container itself`
    findings.note(entry.place, message)
    return undefined
  }
  const owner = arrangement.ownerOf(member)
  const end = `_${hostPort}${entry.protocol === 'tcp' ? 't' : 'u'}` as const
  return {
    replica,
    entry,
    hostPort,
    scope,
    name: objectName(member.stack.name, member.service.name, end),
    object: {
      type: 'nftables_publish',
      container: owner === member ? replica.object : owner.object,
      protocol: entry.protocol,
      host_port: hostPort,
      container_port: entry.containerPort,
      on: scope === 'mesh' ? 'network' : scope,
    },
  }
}

const privateRanges = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', 'fc00::/7']
  .concat(['169.254.0.0/16', 'fe80::/10'])
  .flatMap((text) => parseCidr(text) ?? [])

/** Who is to reach a port by the address that it is written with; undefined: the host itself. */
function scopeOf(address: string, member: Member, { input }: Arrangement): PortScope | undefined {
  if (address === '') return member.stack.options.ports
  const parsed = parseAddress(address.replace(/^\[(.*)\]$/, '$1'))
  if (parsed === undefined || parsed.bits === 0n) return 'public'
  const isLoopback = parsed.family === 4 ? parsed.bits >> 24n === 127n : parsed.bits === 1n
  if (isLoopback) return undefined
  const own = hostNetwork(parsed)
  if (contains(wholeNetwork(input.layout.network), own)) return 'mesh'
  return privateRanges.some((range) => contains(range, own)) ? 'lan' : 'public'
}
