import { type HostSection, objectFaults } from '../../protocol/documents/config.ts'
import type { Fault } from '../../protocol/fault.ts'
import type { Cluster, HostReading } from '../cluster/cluster.ts'
import { checkReference, typeIn } from '../cluster/references.ts'
import type { AttachmentSpec } from '../container-network/spec.ts'
import type { RegistryLogin } from '../host-images.ts'
import type { Resolved } from '../reconciler.ts'
import { parseSealedHeader } from './bundle/sealed.ts'
import { registrySchema } from './logins/registry-object.ts'
import type { ContainerObject } from './object/container-object.ts'
import { containerId, policyOf, revisionOf } from './object/resolve-revision.ts'
import { afterFaults } from './relations/after-faults.ts'
import { type HostsTexts, hostsTexts } from './relations/hosts-text.ts'
import { sharingFaults } from './relations/sharing-faults.ts'
import {
  type ContainerSpec,
  containerSchema,
  type RuncSpec,
  secretSchema,
  volumeSchema,
} from './spec.ts'

/** Findings collected while a section is resolved. */
interface Findings {
  readonly faulty: { readonly object: string; readonly fault: Fault }[]
  readonly kept: Set<string>
  readonly references: Record<string, readonly string[]>
}

/** A host's section on its way to a spec. */
interface Context {
  readonly host: string
  readonly own: HostReading
  readonly findings: Findings
}

/**
 * Resolves the containers, volumes and secrets of one host (docs/OBJECTS.md, runc_container).
 * Addresses are checked and reported by the network's own reconciler.
 */
export function resolveRunc(cluster: Cluster, host: string): Resolved<RuncSpec> {
  const resolved = judgeRunc(cluster, host)
  return { ...resolved, spec: { ...resolved.spec, ...hostsTexts(cluster.names, host) } }
}

/** The same without the names of the cluster, for callers that only need the faults. */
export function judgeRunc(
  cluster: Cluster,
  host: string,
): Resolved<Omit<RuncSpec, keyof HostsTexts>> {
  const own = cluster.host(host)
  const findings: Findings = { faulty: [], kept: new Set(), references: {} }
  for (const [name, object] of Object.entries(own.section)) {
    // A value that is not even an object may have been one of these types before.
    if (objectFaults('', name, object).length > 0) findings.kept.add(name)
  }
  const context: Context = { host, own, findings }
  const found = ownVolumes(context)
  const volumes = found.map(({ object, onRemove }) => ({ object, onRemove }))
  const paths = new Map(found.map(({ object, path }) => [object, path]))
  const secrets = ownSecrets(cluster.config.aud ?? '', context)
  const attachments = new Map(own.attachments.spec.attachments.map((each) => [each.object, each]))
  const containers = namesOf(context, 'runc_container').flatMap((name) => {
    const container = ownContainer(context, name, attachments, { secrets, paths })
    if (container === null) findings.kept.add(name)
    return container ?? []
  })
  const logins = ownLogins(context, secrets)
  const { faulty, references } = findings
  const spec = { host, containers, volumes, logins, kept: [...findings.kept].sort() }
  return { spec, pending: [], faulty, references }
}

/** Names of the objects of a type, in order, without values that are not objects. */
function namesOf({ own: { section }, findings }: Context, type: string): readonly string[] {
  const names = Object.keys(section).filter((name) => typeIn(section, name) === type)
  return names.filter((name) => !findings.kept.has(name)).sort()
}

function pathOf({ host }: Context, name: string): string {
  return `hosts.${host}.${name}`
}

/** Volumes of the host, with their folder where it is not one of covey's own. */
function ownVolumes(context: Context): readonly {
  readonly object: string
  readonly onRemove: 'keep' | 'delete'
  readonly path: string | null
}[] {
  const { own, findings } = context
  return namesOf(context, 'volume').flatMap((object) => {
    const { value, faults } = own.parse(object, volumeSchema)
    if (value !== undefined)
      return [{ object, onRemove: value.on_remove, path: value.path ?? null }]
    for (const fault of faults) findings.faulty.push({ object, fault })
    findings.kept.add(object)
    return []
  })
}

/** The JWE of each sound secret, by its name. */
function ownSecrets(aud: string, context: Context): ReadonlyMap<string, string> {
  const { own, findings } = context
  const secrets = new Map<string, string>()
  for (const object of namesOf(context, 'secret')) {
    const path = pathOf(context, object)
    const { value, faults } = own.parse(object, secretSchema)
    const foreign = value && claimsFault(aud, context.host, object, value.jwe)
    const found = foreign === undefined ? faults : [{ ...foreign, path: `${path}.jwe` }]
    for (const fault of found) findings.faulty.push({ object, fault })
    if (value === undefined || found.length > 0) findings.kept.add(object)
    else secrets.set(object, value.jwe)
  }
  return secrets
}

/** The user of each registry; a second one for the same registry is a fault. */
function ownLogins(
  context: Context,
  secrets: ReadonlyMap<string, string>,
): readonly RegistryLogin[] {
  const { own, findings } = context
  const logins: RegistryLogin[] = []
  for (const object of namesOf(context, 'registry')) {
    const path = pathOf(context, object)
    const { value, faults } = own.parse(object, registrySchema)
    const found = [...faults]
    if (value !== undefined) {
      const { server, username, secret } = value
      const reference = { field: 'secret', type: 'secret' }
      const broken = checkReference(own.section, path, reference, secret)
      const other = logins.find((each) => each.server === server)
      const jwe = secrets.get(secret)
      if (broken !== undefined) found.push(broken)
      else findings.references[object] = [secret]
      if (other !== undefined) {
        const message = `is the registry of ${other.object} already: a host has one user there`
        found.push({ code: 'duplicate', message, path: `${path}.server` })
      } else if (jwe !== undefined) logins.push({ object, server, username, secret, jwe })
    }
    for (const fault of found) findings.faulty.push({ object, fault })
  }
  return logins
}

/**
 * Checks that a secret is for this cluster, host and name, before anything is opened. A config that
 * is not signed yet has no cluster.
 */
function claimsFault(
  cluster: string,
  host: string,
  object: string,
  jwe: string,
): Omit<Fault, 'path'> | undefined {
  const header = parseSealedHeader(jwe)
  if (!header.ok) return header.fault
  const { aud, host: forHost, name } = header.value
  const wrong: string[] = []
  if (cluster !== '' && aud !== cluster) wrong.push('another cluster')
  if (forHost !== host) wrong.push(`host ${forHost}`)
  if (name !== object) wrong.push(`the name ${name}`)
  if (wrong.length === 0) return undefined
  const message = `is sealed for ${wrong.join(' and ')}: seal it again for this object`
  return { code: 'secret-claims', message }
}

/** Sound objects that containers refer to: secrets with their JWE, volumes with their `path`. */
interface Referred {
  readonly secrets: ReadonlyMap<string, string>
  readonly paths: ReadonlyMap<string, string | null>
}

/** Resolves one container; null if it stays as it was applied, with its faults in the findings. */
function ownContainer(
  context: Context,
  name: string,
  attachments: ReadonlyMap<string, AttachmentSpec>,
  { secrets, paths }: Referred,
): ContainerSpec | null {
  const { own, findings } = context
  const path = pathOf(context, name)
  const { value: container, faults } = own.parse(name, containerSchema)
  for (const fault of faults) findings.faulty.push({ object: name, fault })
  if (container === undefined) return null
  const { targets, broken } = referencesOf(own.section, path, container)
  const read = (other: string): ContainerObject | undefined =>
    own.parse(other, containerSchema).value
  const { section } = own
  const unsound = [
    ...broken,
    ...afterFaults({ section, path, name, container, read }),
    ...sharingFaults(section, path, container),
  ]
  for (const fault of unsound) findings.faulty.push({ object: name, fault })
  if (targets.length > 0) findings.references[name] = targets
  const sealed = new Map<string, string>()
  for (const { secret } of container.secrets) {
    const jwe = secrets.get(secret)
    if (jwe === undefined) return null
    sealed.set(secret, jwe)
  }
  const volumePaths = volumePathsOf(container, paths)
  const { network_of: owner, host_network } = container
  const attachment = attachments.get(owner ?? name) ?? null
  const needsNetwork = !host_network
  if (volumePaths === null || unsound.length > 0) return null
  if (needsNetwork && attachment === null) return null
  const used = needsNetwork && attachment !== null ? plainAttachment(attachment) : null
  const shared = owner === undefined ? undefined : attachment?.address
  const revision = revisionOf(container, sealed, shared, volumePaths)
  const [id, policy] = [containerId(name, revision), policyOf(container)]
  const referred = { attachment: used, secrets: sealed, volumePaths }
  return { object: name, container, ...referred, revision, id, policy }
}

/** Volumes of a container on paths of the host; null where one is faulty, and nobody knows. */
function volumePathsOf(
  { mounts }: ContainerObject,
  paths: Referred['paths'],
): ReadonlyMap<string, string> | null {
  const found = new Map<string, string>()
  for (const { volume } of mounts) {
    if (volume === undefined) continue
    const folder = paths.get(volume)
    if (folder === undefined) return null
    if (folder !== null) found.set(volume, folder)
  }
  return found
}

function plainAttachment({ object, address, mtu }: AttachmentSpec): AttachmentSpec {
  return { object, address, mtu }
}

/** The references of a container, and those that are missing or of another type. */
function referencesOf(
  section: HostSection,
  path: string,
  container: ContainerObject,
): { readonly targets: readonly string[]; readonly broken: readonly Fault[] } {
  const fields: { readonly field: string; readonly type: string; readonly target: string }[] = []
  const { network } = container
  if (network !== undefined) {
    fields.push({ field: 'network', type: 'container_network', target: network })
  }
  for (const [index, { volume }] of container.mounts.entries()) {
    if (volume === undefined) continue
    fields.push({ field: `mounts.${index}.volume`, type: 'volume', target: volume })
  }
  for (const [index, { secret }] of container.secrets.entries()) {
    fields.push({ field: `secrets.${index}.secret`, type: 'secret', target: secret })
  }
  const broken: Fault[] = []
  const targets = new Set<string>()
  for (const { target, ...reference } of fields) {
    const fault = checkReference(section, path, reference, target)
    if (fault === undefined) targets.add(target)
    else broken.push(fault)
  }
  return { targets: [...targets], broken }
}
