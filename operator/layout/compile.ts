import type { Config, ConfigObject, HostSection } from '../../protocol/documents/config.ts'
import type { Fault } from '../../protocol/fault.ts'
import type { Place } from '../compose/project.ts'
import type { LocatedFault } from '../terminal/failure.ts'
import { unreadyCodes } from './findings.ts'
import type { CompileInput } from './inputs.ts'
import { factKey, type Lock, variableFact, withFacts } from './lock.ts'
import { draftSection, hostWarnings, meshSections } from './mesh-sections.ts'
import { type MadeObject, serviceKey } from './objects/host-objects.ts'
import { servicesOfHosts } from './objects/services-of-hosts.ts'
import { normalReference } from './services/image-names.ts'

/** The result of compiling a layout, its stacks and its lock. */
export interface Compiled {
  readonly hosts: Config['hosts']
  /** With what was allotted now. */
  readonly lock: Lock
  /** Keys of facts that this result rests on. */
  readonly used: ReadonlySet<string>
  /** Faults by their path in the layout; if there are any, `hosts` must not be used. */
  readonly faults: readonly Fault[]
  /** Faults by their place in Compose files; as above. */
  readonly located: readonly LocatedFault[]
  /** Hosts without a card; only a check of the layout alone may ignore them. */
  readonly cardless: readonly string[]
  readonly warnings: readonly string[]
  /** Sections of hosts without a card as far as they are known, to be checked only. */
  readonly drafts: Config['hosts']
  /** Leads faults of the config to where they were written. */
  placed(faults: readonly Fault[]): Pick<Compiled, 'faults' | 'located'>
  /** Bytes of the objects of each stack, most first. */
  sizes(): readonly { readonly stack: string; readonly bytes: number }[]
}

/** Compiles a layout with its stacks to hosts. Pure: same input, same bytes. */
export async function compileLayout(input: CompileInput): Promise<Compiled> {
  const { layout, lock } = input
  const mesh = await meshSections(layout, lock)
  const services = servicesOfHosts(input)
  const { findings, arrangement } = services
  const made = new Map<string, readonly MadeObject[]>()
  const facts = new Map<string, string | null>(arrangement.facts)
  for (const { facts: given = {} } of input.stacks) {
    for (const [key, value] of Object.entries(given)) facts.set(key, value)
  }
  const sections: [string, HostSection][] = []
  const drafts: [string, HostSection][] = []
  for (const host of [...layout.hosts.keys()].sort()) {
    const own = mesh.hosts[host]
    const objects = services.objectsOf(host)
    made.set(host, objects)
    const section = new Map(Object.entries(own ?? draftSection(layout, drafts.length)))
    const written = Object.entries(layout.hosts.get(host)?.objects ?? {})
    for (const [name, object] of written) {
      const path = `hosts.${host}.objects.${name}`
      if (section.has(name)) findings.faultAt(path, 'layout-object', `${name} is covey's own here`)
      section.set(name, object)
      facts.set(factKey('object', host, name), String(object.type))
    }
    for (const { name, object, member } of objects) {
      // Names of services were compared with all others before.
      if (section.has(name) && object.type !== 'runc_container') {
        const whose = member === undefined ? 'the stacks' : member.label
        const path = `hosts.${host}.objects.${name}`
        findings.faultAt(path, 'layout-object', `${whose} has an object of this name: rename it`)
      }
      section.set(name, object)
    }
    if (own !== undefined) sections.push([host, sectionOf(own, section)])
    else if (mesh.cardless.includes(host)) drafts.push([host, Object.fromEntries(section)])
  }
  const notes = input.stacks.flatMap(({ project }) => project.notes.map(noteText))
  return {
    hosts: Object.fromEntries(sections),
    lock: withFacts(lock, Object.fromEntries(facts)),
    used: new Set([...arrangement.used, ...usedFacts(input, made)]),
    faults: [...mesh.faults, ...findings.faults],
    located: findings.located,
    cardless: mesh.cardless,
    warnings: [...hostWarnings(layout), ...notes, ...findings.warnings],
    drafts: Object.fromEntries(drafts),
    placed: (faults) => placedFaults(faults, made, layout.hosts),
    sizes: () => sizesOf(made),
  }
}

/** Faults for hosts that cannot be compiled because their card is missing. */
export function cardlessFaults(compiled: Compiled): readonly Fault[] {
  return compiled.cardless.map((name) => ({
    code: 'no-card',
    message: `has no card yet: covey host add ${name} --card FILE`,
    path: `hosts.${name}`,
  }))
}

/** Faults without those that only say that a digest or a sealed secret is missing. */
export function withoutUnready<T extends { readonly code: string }>(
  faults: readonly T[],
): readonly T[] {
  return faults.filter(({ code }) => !unreadyCodes.includes(code))
}

function* usedFacts(
  { layout, stacks }: CompileInput,
  made: ReadonlyMap<string, readonly MadeObject[]>,
): Generator<string> {
  for (const [host, objects] of made) {
    for (const { name, object } of objects) {
      if (object.type === 'secret') yield factKey('sealed', host, name)
    }
    for (const name of Object.keys(layout.hosts.get(host)?.objects ?? {})) {
      yield factKey('object', host, name)
    }
  }
  for (const { name: stack, project } of stacks) {
    for (const name of project.variables) yield variableFact(stack, name)
    for (const { image } of project.services.values()) {
      const reference = normalReference(image?.value ?? '')
      if (reference !== undefined) yield factKey('image', reference)
    }
  }
}

/** Orders a section: the objects of every host first, the rest by name. */
function sectionOf(own: HostSection, all: ReadonlyMap<string, ConfigObject>): HostSection {
  const others = [...all].filter(([name]) => !Object.hasOwn(own, name))
  return { ...own, ...Object.fromEntries(others.sort(([a], [b]) => (a < b ? -1 : 1))) }
}

function noteText({ file, line, column, message, path }: LocatedFault): string {
  return `${file}:${line}:${column}: ${path === undefined ? '' : `${path}: `}${message}`
}

function placedFaults(
  faults: readonly Fault[],
  made: ReadonlyMap<string, readonly MadeObject[]>,
  hosts: CompileInput['layout']['hosts'],
): Pick<Compiled, 'faults' | 'located'> {
  const inLayout: Fault[] = []
  const located = new Map<string, LocatedFault>()
  for (const fault of faults) {
    const [, host = '', name = '', ...rest] = (fault.path ?? '').split('.')
    const object = made.get(host)?.find((each) => each.name === name)
    const place: Place | undefined = object?.placeOf(rest.join('.'))
    if (place !== undefined) {
      const service = object?.member?.service.name
      const written = rest.join('.')
      const key = serviceKey(written)
      const within = key === '' ? '' : `.${key}`
      const path = service === undefined ? name : `services.${service}${within}`
      const code = fault.code
      const message = withoutFields(fault.message)
      located.set(`${JSON.stringify(place)} ${message}`, { code, message, path, ...place })
    } else if (Object.hasOwn(hosts.get(host)?.objects ?? {}, name)) {
      const path = ['hosts', host, 'objects', name, ...rest].join('.')
      inLayout.push({ ...fault, path })
    } else inLayout.push(fault)
  }
  return { faults: inLayout, located: [...located.values()] }
}

/** A message without places in an object that nobody wrote. */
function withoutFields(message: string): string {
  const field = /(mounts|files|tmpfs|secrets)\.\d+(\.path)?/.source
  return message
    .replace(new RegExp(` \\(${field}\\)`), '')
    .replace(new RegExp(`by ${field}$`), 'by another volume, config or secret of it')
}

function sizesOf(
  made: ReadonlyMap<string, readonly MadeObject[]>,
): readonly { readonly stack: string; readonly bytes: number }[] {
  const sizes = new Map<string, number>()
  for (const { name, object, member } of [...made.values()].flat()) {
    const stack = member?.stack.name ?? ''
    const bytes = Buffer.byteLength(JSON.stringify({ [name]: object }))
    sizes.set(stack, (sizes.get(stack) ?? 0) + bytes)
  }
  return [...sizes]
    .map(([stack, bytes]) => ({ stack, bytes }))
    .sort((a, b) => b.bytes - a.bytes || (a.stack < b.stack ? -1 : 1))
}
