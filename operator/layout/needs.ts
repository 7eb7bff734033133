import type { Place } from '../compose/project.ts'
import type { CompileInput } from './inputs.ts'
import { factKey } from './lock.ts'
import { meshSections } from './mesh-sections.ts'
import type { SealedContent } from './objects/contents.ts'
import { servicesOfHosts } from './objects/services-of-hosts.ts'
import { normalReference } from './services/image-names.ts'

/** A secret of a host that is to be sealed to it. */
export interface SealNeed extends Pick<SealedContent, 'content' | 'variables'> {
  readonly host: string
  /** Name of the `secret` object. */
  readonly object: string
  /** Public key of the host, from its card. */
  readonly sealingKey: string
  /** Place of the service that uses it; undefined for an account at a registry. */
  readonly place: Place | undefined
}

/** The facts and secrets to look up or seal before a layout can be compiled. */
export interface Needs {
  /** References whose digest the lock lacks, in normal form, sorted. */
  readonly images: readonly { readonly reference: string; readonly places: readonly Place[] }[]
  /** All secrets of all hosts with a card; also those that the lock has, which may have changed. */
  readonly seals: readonly SealNeed[]
}

/** Finds out what is missing; the places of services count on the platforms of known images. */
export async function needsOf(input: CompileInput): Promise<Needs> {
  const { layout, lock } = input
  const services = servicesOfHosts(input)
  const images = new Map<string, Place[]>()
  for (const { service } of services.arrangement.members.all) {
    const reference = normalReference(service.image?.value ?? '')
    if (reference === undefined || lock.facts.has(factKey('image', reference))) continue
    const places = images.get(reference) ?? []
    images.set(reference, [...places, service.image?.place ?? service.place])
  }
  const { cards } = await meshSections(layout, lock)
  const seals = [...cards].flatMap(([host, { sealingPublicKey }]) =>
    services.secretsOf(host).map(({ object, content, variables, place }) => {
      return { host, object, content, variables, place, sealingKey: sealingPublicKey }
    }),
  )
  const references = [...images].sort(([a], [b]) => (a < b ? -1 : 1))
  return { images: references.map(([reference, places]) => ({ reference, places })), seals }
}
