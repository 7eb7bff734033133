import { isObject } from '../../../protocol/documents/canonical-json.ts'
import type { HostSection } from '../../../protocol/documents/config.ts'
import type { Fault } from '../../../protocol/fault.ts'
import { checkReference } from '../../cluster/references.ts'
import type { ContainerObject } from '../object/container-object.ts'

/** A container, and the section that its references are looked up in. */
interface AfterContext {
  readonly section: HostSection
  /** Path of the container's object. */
  readonly path: string
  readonly name: string
  readonly container: ContainerObject
  /** A sound container of this host by its name. */
  readonly read: (name: string) => ContainerObject | undefined
}

/**
 * The faults in `after` of a container: `reference-missing`,
 * `reference-type`, `after-circle`, `after-condition`.
 */
export function afterFaults(context: AfterContext): readonly Fault[] {
  const { section, path, name, container, read } = context
  const faults: Fault[] = []
  for (const [index, { container: target, condition }] of (container.after ?? []).entries()) {
    const at = `${path}.after.${index}`
    const reference = { field: `after.${index}.container`, type: 'runc_container' }
    const broken = checkReference(section, path, reference, target)
    if (broken !== undefined) {
      faults.push(broken)
      continue
    }
    const message = conditionFault(target, condition, read(target))
    if (message === undefined) continue
    faults.push({ code: 'after-condition', message, path: `${at}.condition` })
  }
  const circle = circleOf(section, name)
  if (circle === null) return faults
  const message = `waits for itself: ${circle.join(' -> ')}`
  return [...faults, { code: 'after-circle', message, path: `${path}.after` }]
}

function conditionFault(
  target: string,
  condition: string,
  object: ContainerObject | undefined,
): string | undefined {
  if (condition === 'healthy' && object !== undefined && object.health === undefined) {
    return `${target} has no health check, so it never becomes healthy`
  }
  if (condition === 'completed' && object?.restart === 'always') {
    return `${target} has restart always, so it never completes`
  }
  return undefined
}

/** A way from a container back to itself over what each waits for; null where there is none. */
function circleOf(section: HostSection, name: string): readonly string[] | null {
  const cameFrom = new Map<string, string>()
  const waiting = [name]
  for (const each of waiting) {
    for (const next of targetsOf(section, each)) {
      if (next === name) return [...wayTo(each, name, cameFrom), name]
      if (cameFrom.has(next)) continue
      cameFrom.set(next, each)
      waiting.push(next)
    }
  }
  return null
}

function wayTo(
  name: string,
  start: string,
  cameFrom: ReadonlyMap<string, string>,
): readonly string[] {
  const way: string[] = []
  for (let at: string | undefined = name; at !== undefined; at = cameFrom.get(at)) {
    way.unshift(at)
    if (at === start) break
  }
  return way
}

/** Read field by field: a circle is one, whatever else is wrong with its members. */
function targetsOf(section: HostSection, name: string): readonly string[] {
  const object: unknown = Object.hasOwn(section, name) ? section[name] : undefined
  if (!isObject(object) || object['type'] !== 'runc_container') return []
  const { after: entries, network_of: owner } = object
  const targets = Array.isArray(entries) ? entries : []
  const names = targets.map((each) => (isObject(each) ? each['container'] : undefined))
  return [...names, owner].filter((each) => typeof each === 'string')
}
