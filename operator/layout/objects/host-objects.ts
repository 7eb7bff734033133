import type { ConfigObject } from '../../../protocol/documents/config.ts'
import { cidrText } from '../../../reconcilers/addresses.ts'
import type { Place } from '../../compose/project.ts'
import type { Findings } from '../findings.ts'
import { factKey } from '../lock.ts'
import { podsSubnet6 } from '../network.ts'
import type { Arrangement } from '../services/arrangement.ts'
import { noDigest, registryOf } from '../services/image-names.ts'
import type { Member } from '../services/members.ts'
import { objectName } from '../services/object-names.ts'
import { containerObject, type ServiceParts } from './container.ts'
import type { SealedContent } from './contents.ts'
import type { Flows } from './flows.ts'
import type { VolumeNeed } from './mounts.ts'
import { policyOf } from './policies.ts'
import { publishesOf } from './publishes.ts'

/** An object with the service that it is there for, and where faults of its fields belong. */
export interface MadeObject {
  readonly name: string
  readonly object: ConfigObject
  /** Undefined for what belongs to no single service. */
  readonly member: Member | undefined
  /** Where a field of it was written, by its path in the object. */
  readonly placeOf: (path: string) => Place | undefined
}

/** A secret of one host, with what is in it. */
export interface HostSecret extends SealedContent {
  readonly host: string
  readonly place: Place | undefined
}

/** Everything that stacks make of one host, ordered by kind, then name. */
export function hostObjects(
  host: string,
  partsOf: (member: Member) => ServiceParts,
  flows: Flows,
  arrangement: Arrangement,
  findings: Findings,
): readonly MadeObject[] {
  const made: MadeObject[] = [...podObjects(host, arrangement)]
  const volumes = new Map<string, VolumeNeed>()
  for (const replica of arrangement.onHost.get(host) ?? []) {
    const { member } = replica
    const parts = partsOf(member)
    for (const [name, need] of parts.mounted.volumes) {
      volumes.set(name, joinedNeed(volumes.get(name), need, findings))
    }
    const object = containerObject(replica, parts, arrangement, findings)
    made.push({ name: replica.object, object, member, placeOf: placesOf(parts) })
    const policy = policyOf(replica, flows, arrangement)
    if (policy !== undefined) made.push(plain(policy[0], policy[1], member))
  }
  for (const { name, object, replica, entry } of publishesOf(host, arrangement, findings)) {
    made.push({ name, object, member: replica.member, placeOf: () => entry.place })
  }
  for (const [name, need] of volumes) {
    const object = volumeObject(host, name, need, arrangement, findings)
    if (object !== undefined)
      made.push({ name, object, member: undefined, placeOf: () => need.entry?.place })
  }
  for (const secret of secretsOf(host, partsOf, arrangement)) {
    const sealed = arrangement.input.lock.facts.get(factKey('sealed', host, secret.object))
    const jwe = sealed?.split(' ')[1]
    if (jwe === undefined) {
      const message = `${secret.text}: not sealed for ${host} yet: covey compile`
      findings.fault(secret.place, 'not-sealed', message)
    }
    const object = { type: 'secret', jwe: jwe ?? notSealed(host, secret.object) }
    made.push(plain(secret.object, object, undefined))
  }
  for (const [name, object] of registryObjects(host, arrangement)) {
    made.push(plain(name, object, undefined))
  }
  return made
}

/** Stands for a secret that is not sealed yet, so that all the rest can be checked. */
function notSealed(host: string, name: string): string {
  const epk = { kty: 'OKP', crv: 'X25519', x: 'A'.repeat(43) }
  const kind = { alg: 'ECDH-ES', enc: 'A256GCM', typ: 'covey-secret+jwe', epk }
  const header = JSON.stringify({ ...kind, aud: noDigest, host, name })
  return `${Buffer.from(header).toString('base64url')}..${'A'.repeat(16)}.AA.${'A'.repeat(22)}`
}

function plain(name: string, object: ConfigObject, member: Member | undefined): MadeObject {
  return { name, object, member, placeOf: () => member?.service.place }
}

function podObjects(host: string, { pods, attached, input }: Arrangement): readonly MadeObject[] {
  const network = pods.byHost.get(host)
  if (network === undefined || !attached.has(host)) return []
  const { object: name, subnet, isWritten } = network
  const { layout } = input
  const { network6 } = layout
  const range: ConfigObject = {
    type: 'container_network',
    network: 'wg_network',
    subnet: cidrText(subnet),
    ...(network6 === undefined
      ? {}
      : { subnet6: cidrText(podsSubnet6(layout.network, network6, subnet)) }),
  }
  return [
    ...(isWritten ? [] : [plain(name, range, undefined)]),
    plain('pods_fwd', { type: 'nftables_forward', from: name, to: 'wg_network' }, undefined),
    plain('pods_out', { type: 'nftables_masquerade', network: name }, undefined),
  ]
}

/** Keys of a service by fields of its container. */
const keysOfFields: Readonly<Record<string, string>> = {
  command: 'entrypoint',
  args: 'command',
  env: 'environment',
  health: 'healthcheck',
  capabilities: 'cap_add',
  aliases: 'networks',
  groups: 'networks',
  after: 'depends_on',
  shm_bytes: 'shm_size',
  stop_grace_seconds: 'stop_grace_period',
  resources: 'deploy',
  network_of: 'network_mode',
  host_network: 'network_mode',
  mounts: 'volumes',
  host_port: 'ports',
  container_port: 'ports',
}

/** The key of a service that a path in an object of it comes from, for people. */
export function serviceKey(path: string): string {
  const [field = ''] = path.split('.')
  // A file of a container is a volume, a config or a secret.
  return field === 'files' || field === 'secrets' ? '' : (keysOfFields[field] ?? path)
}

/** Where the fields of a container were written. */
function placesOf({ member, mounted }: ServiceParts): (path: string) => Place {
  return (path) => {
    const { service } = member
    const [field = '', index = ''] = path.split('.')
    if (field === 'mounts') {
      const entry = service.volumes[mounted.origins[Number(index)] ?? -1]
      return entry?.place ?? service.place
    }
    const key = keysOfFields[field] ?? field
    return service.placeOf(field === 'env' ? `${key}.${path.slice(4)}` : key)
  }
}

/**
 * Joins the needs of two services on one volume; one of two stacks that share it may give its path.
 */
function joinedNeed(
  known: VolumeNeed | undefined,
  need: VolumeNeed,
  findings: Findings,
): VolumeNeed {
  if (known === undefined || known.path === need.path) return known ?? need
  if (known.path === undefined) return need
  if (need.path === undefined) return known
  const message = `${need.text} is ${need.path} here, and ${known.path} in another stack`
  findings.fault(need.entry?.place, 'stack-volume', message)
  return known
}

function volumeObject(
  host: string,
  name: string,
  { path, external, entry, text }: VolumeNeed,
  { input, members }: Arrangement,
  findings: Findings,
): ConfigObject | undefined {
  if (external !== undefined) {
    const written = input.layout.hosts.get(host)?.objects[name]
    if (written?.type === 'volume') return undefined
    const isMade = members.all.some(({ stack: { project } }) =>
      [...project.volumes.values()].some((each) => !each.isExternal && each.fixedName === external),
    )
    if (!isMade) {
      const message =
        `${text} is external, and ${host} has none: say where it is on the host, as ` +
        `volumes: { ${entry?.source}: /PATH } of the stack; or for an empty one ` +
        `hosts.${host}.objects: { ${name}: { type: volume } }`
      findings.fault(entry?.place, 'stack-volume', message)
    }
  }
  return { type: 'volume', ...(path === undefined ? {} : { path }) }
}

/** The secrets of a host's containers and of its accounts at registries, each once. */
export function secretsOf(
  host: string,
  partsOf: (member: Member) => ServiceParts,
  arrangement: Arrangement,
): readonly HostSecret[] {
  const found = new Map<string, HostSecret>()
  for (const { member } of arrangement.onHost.get(host) ?? []) {
    for (const sealed of partsOf(member).contents.sealed) {
      if (found.has(sealed.object)) continue
      found.set(sealed.object, { ...sealed, host, place: member.service.place })
    }
  }
  for (const [server, { password }] of accountsOf(host, arrangement)) {
    const object = objectName('', password, '_s')
    const content = { kind: 'named', name: password } as const
    const text = `the password of ${server}`
    found.set(object, { object, content, variables: [], text, host, place: undefined })
  }
  return [...found.values()]
}

/** A user of a registry, and the secret of the layout that holds the password. */
interface Account {
  readonly username: string
  readonly password: string
}

/** Accounts of the layout at registries that a host pulls from. */
function accountsOf(
  host: string,
  { input, onHost }: Arrangement,
): readonly (readonly [string, Account])[] {
  const used = new Set(
    (onHost.get(host) ?? []).map(({ member }) => registryOf(member.service.image?.value ?? '')),
  )
  return [...input.layout.registries].flatMap(([server, { username, password }]) => {
    if (!used.has(server) || username === undefined || password === undefined) return []
    return [[server, { username, password }] as const]
  })
}

function* registryObjects(
  host: string,
  arrangement: Arrangement,
): Generator<readonly [string, ConfigObject]> {
  for (const [server, { username, password }] of accountsOf(host, arrangement)) {
    const secret = objectName('', password, '_s')
    yield [objectName('', server, '_r'), { type: 'registry', server, username, secret }]
  }
}
