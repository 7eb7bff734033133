import type { ConfigObject } from '../../../protocol/documents/config.ts'
import { filesBytesMax } from '../../../reconcilers/runc/bundle/limits.ts'
import type { Findings } from '../findings.ts'
import { factKey } from '../lock.ts'
import { addressBeside, podsSubnet6 } from '../network.ts'
import type { Arrangement } from '../services/arrangement.ts'
import { noDigest, normalReference, referenceFault } from '../services/image-names.ts'
import type { Member } from '../services/members.ts'
import type { Replica } from '../services/placement.ts'
import { type Contents, contentsOf } from './contents.ts'
import { foundBy } from './found-by.ts'
import { type Fields, hardeningOf } from './hardening.ts'
import { keepingOf } from './health.ts'
import { labelsOf } from './labels.ts'
import { type Mounted, mountedOf } from './mounts.ts'
import { orderOf } from './order.ts'
import { processOf } from './process.ts'
import { hiddenWordsOf } from './secret-words.ts'

/** The parts that all containers of a service have in common. */
export interface ServiceParts {
  readonly member: Member
  /** With a digest; empty after a fault. */
  readonly image: string
  readonly mounted: Mounted
  readonly contents: Contents
  readonly fields: Fields
}

/** Stands for an image after a fault, so that nothing else is said of it. */
const withoutDigest = `none@${noDigest}`

/** Works out once what does not depend on the host. */
export function servicePartsOf(
  member: Member,
  arrangement: Arrangement,
  findings: Findings,
): ServiceParts {
  const { input, members } = arrangement
  const named = new Set(input.layout.secrets.keys())
  const words = hiddenWordsOf(member)
  const contents = contentsOf(member, words, named, findings)
  const mounted = mountedOf(member, findings)
  expectSmall(member, [...mounted.files, ...contents.files], findings)
  const fields = {
    ...processOf(member, words),
    ...hardeningOf(member, findings),
    ...keepingOf(member, members, words, findings),
  }
  return { member, image: imageOf(member, arrangement, findings), mounted, contents, fields }
}

/** One container as an object of its host. */
export function containerObject(
  replica: Replica,
  parts: ServiceParts,
  arrangement: Arrangement,
  findings: Findings,
): ConfigObject {
  const { mounted, contents, fields } = parts
  const list = (name: string, items: readonly (Fields | string)[]): Fields =>
    items.length === 0 ? {} : { [name]: items }
  return {
    type: 'runc_container',
    image: parts.image,
    ...networkOf(replica, arrangement),
    ...(Object.keys(contents.env).length === 0 ? {} : { env: contents.env }),
    ...fields,
    ...list('mounts', mounted.mounts),
    ...list('tmpfs', mounted.tmpfs),
    ...list('files', [...mounted.files, ...contents.files]),
    ...list('secrets', contents.secrets),
    ...foundBy(replica, arrangement),
    ...orderOf(replica, arrangement, findings),
    labels: labelsOf(replica),
  }
}

function networkOf(replica: Replica, arrangement: Arrangement): Fields {
  const { member, host } = replica
  const owner = arrangement.ownerOf(member)
  if (owner.service.networkMode.kind === 'host') return { host_network: true }
  if (owner !== member) return { network_of: owner.object }
  const pods = arrangement.pods.byHost.get(host)
  const address = arrangement.addressOf(replica)
  if (pods === undefined || address === undefined) return {}
  const { network, network6 } = arrangement.input.layout
  const given = { network: pods.object, address }
  if (network6 === undefined || pods.isWritten) return given
  const subnet6 = podsSubnet6(network, network6, pods.subnet)
  const address6 = addressBeside(pods.subnet, subnet6, address)
  return address6 === undefined ? given : { ...given, address6 }
}

function imageOf({ service }: Member, { input }: Arrangement, findings: Findings): string {
  const fault = (code: string, message: string): void => {
    const path = `services.${service.name}.image`
    findings.fault(service.image?.place ?? service.place, code, message, path)
  }
  if (service.image === undefined) {
    fault('stack-image', 'names no image')
    return withoutDigest
  }
  const { value } = service.image
  const wrong = referenceFault(value)
  if (wrong !== undefined) {
    fault('stack-image', wrong)
    return withoutDigest
  }
  const reference = normalReference(value)
  if (reference === undefined) return value
  const digest = input.lock.facts.get(factKey('image', reference))?.split(' ')[0]
  if (digest === undefined) fault('no-digest', `${value} has no digest yet: covey pull`)
  return `${reference}@${digest ?? noDigest}`
}

function expectSmall({ service }: Member, files: readonly Fields[], findings: Findings): void {
  const bytes = files.reduce((sum, { content, content_base64: encoded }) => {
    const own = typeof content === 'string' ? Buffer.byteLength(content) : 0
    return sum + own + (typeof encoded === 'string' ? Buffer.byteLength(encoded, 'base64') : 0)
  }, 0)
  if (bytes <= filesBytesMax) return
  const message = `its files and configs hold ${bytes} bytes, and at most ${filesBytesMax} go into a config: put large ones on the host, and name their path`
  findings.fault(service.place, 'stack-files', message, `services.${service.name}`)
}
