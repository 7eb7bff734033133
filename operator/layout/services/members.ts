import type { ComposeService } from '../../compose/project.ts'
import type { Findings } from '../findings.ts'
import type { CompileInput, StackSource } from '../inputs.ts'
import { type CoveyKeys, readCoveyKeys } from './covey-keys.ts'
import { type NameClaims, nameClaims } from './name-claims.ts'
import { objectName } from './object-names.ts'

/** A service of a stack, before it has a place. */
export interface Member {
  readonly stack: StackSource
  readonly service: ComposeService
  /** `shop/web`, and `/web` in the stack without a name: for facts and for hashes. */
  readonly key: string
  /** As people write it: `shop/web`, and `web` in the stack without a name. */
  readonly label: string
  /** Name of its first container on a host. */
  readonly object: string
  readonly covey: CoveyKeys
}

/** All services of a cluster. */
export interface Members {
  /** Ordered by stack, then service. */
  readonly all: readonly Member[]
  /** By `key`. */
  readonly byKey: ReadonlyMap<string, Member>
  readonly names: NameClaims
}

/** `shop/web`; the name alone in the stack without one. */
export function labelOf(stack: string, service: string): string {
  return stack === '' ? service : `${stack}/${service}`
}

/** The services of all stacks with their names, each of which stands for one thing. */
export function readMembers({ layout, stacks }: CompileInput, findings: Findings): Members {
  const raw = [...layout.hosts].flatMap(([host, { objects }]) =>
    Object.keys(objects).map((name) => ({ name, text: `hosts.${host}.objects.${name}` })),
  )
  const names = nameClaims(findings, raw)
  const all: Member[] = []
  for (const stack of [...stacks].sort((a, b) => compareTexts(a.name, b.name))) {
    for (const [path, message] of unknownVolumes(stack)) {
      findings.faultAt(path, 'stack-volume', message)
    }
    const services = [...stack.project.services.values()]
    for (const service of services.sort((a, b) => compareTexts(a.name, b.name))) {
      const label = labelOf(stack.name, service.name)
      const object = objectName(stack.name, service.name)
      names.claim(object, `the service ${label}`, service.place)
      const covey = readCoveyKeys(service, findings)
      all.push({ stack, service, key: `${stack.name}/${service.name}`, label, object, covey })
    }
  }
  return { all, byKey: new Map(all.map((member) => [member.key, member])), names }
}

/** Volumes of a stack's options that its files do not have, each with what to say of it. */
function* unknownVolumes({
  name,
  options,
  project,
}: StackSource): Generator<readonly [path: string, message: string]> {
  const known = [...project.volumes.keys()]
  for (const key of options.volumes.keys()) {
    if (known.includes(key)) continue
    const has = known.length === 0 ? 'no volumes' : `these volumes: ${known.join(', ')}`
    yield [`stacks.${name}.volumes.${key}`, `there is no such volume; its files have ${has}`]
  }
}

/** Order of texts that is the same on every machine. */
export function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
